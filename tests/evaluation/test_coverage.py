from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vadkit.core.errors import DataError
from vadkit.core.values import Labels, Track
from vadkit.evaluation.coverage import check_labels, check_normal, check_videos, impute, uneven_ends
from vadkit.store.scores import VideoScores
from vadkit.video.sampling import Sampling

NAN = float("nan")


def video(*scores: float, name: str = "01", coverage: list[int] | None = None, component: str = "nll") -> VideoScores:
    array = np.array(scores)
    counts = np.array(coverage) if coverage else (~np.isnan(array)).astype(np.int64)
    return VideoScores(name, "", {component: array}, counts)


def test_edge_repeats_the_nearest_score_the_earlier_of_two() -> None:
    (covered,) = impute([video(NAN, NAN, 1, NAN, 2, NAN, NAN, 3, NAN)], "nearest")
    assert covered.components["nll"].tolist() == [1, 1, 1, 1, 2, 2, 3, 3, 3]
    assert covered.kept.all()
    assert covered.without.sum() == 6


def test_frames_that_too_few_windows_show_cannot_alarm() -> None:
    long = video(1, 2, 3, 4, NAN, coverage=[1, 2, 3, 2, 0])
    (imputed,) = impute([long], "drop", min_windows=2)
    assert imputed.can_alarm is not None
    assert imputed.can_alarm.tolist() == [False, True, True, True]
    (short,) = impute([video(1, 2, coverage=[1, 1])], "nearest", min_windows=2)
    assert short.can_alarm is not None
    assert short.can_alarm.all()


def test_drop_leaves_frames_out_in_all_components_together() -> None:
    both = VideoScores("01", "", {"a": np.array([NAN, 1, 2, 3]), "b": np.array([5, 6, 7, NAN])}, np.array([1, 1, 1, 0]))
    (covered,) = impute([both], "drop")
    assert covered.kept.tolist() == [False, True, True, False]
    assert {name: scores.tolist() for name, scores in covered.components.items()} == {"a": [1, 2], "b": [6, 7]}


def test_lowest_gives_the_lowest_score_of_the_whole_set() -> None:
    found = impute([video(NAN, 5, 7), video(3, 4, NAN, name="02")], "min")
    assert [one.components["nll"].tolist() for one in found] == [[3, 5, 7], [3, 4, 3]]
    assert all(one.kept.all() for one in found)


def test_error_names_video_and_counts() -> None:
    with pytest.raises(DataError, match=r"'01': 2 of 4 frames.*frame 2"):
        impute([video(1, 2, NAN, NAN)], "error")


def test_full_coverage_is_left_alone() -> None:
    (covered,) = impute([video(1, 2, 3)], "error")
    assert covered.components["nll"].tolist() == [1, 2, 3]
    assert not covered.without.any()


def test_a_predictor_may_have_nothing_for_covered_frames_at_the_ends() -> None:
    assert impute([video(NAN, 1, 2, NAN, coverage=[1, 2, 2, 1])], "nearest")[0].components["nll"].tolist() == [
        1,
        1,
        2,
        2,
    ]


def test_nan_amid_scored_frames_is_a_fault() -> None:
    with pytest.raises(DataError, match=r"'01', component 'nll': 2 of 5 scores are NaN"):
        impute([video(1, NAN, NAN, 2, 3, coverage=[1, 1, 1, 1, 1])], "nearest")


def test_infinite_scores_are_counted() -> None:
    with pytest.raises(DataError, match=r"'01', component 'nll': 2 of 3 scores are infinite"):
        impute([video(np.inf, 1, -np.inf)], "nearest")


@pytest.mark.parametrize("rule", ["nearest", "drop", "min", "error"])
def test_a_video_without_any_score_is_refused(rule: str) -> None:
    with pytest.raises(DataError, match="none of the 2 frames"):
        impute([video(NAN, NAN)], rule)  # pyright: ignore[reportArgumentType]


def test_names_must_differ() -> None:
    with pytest.raises(DataError, match="more than once: 01"):
        check_videos([video(1), video(2), video(1, name="02")])


def test_components_must_agree() -> None:
    with pytest.raises(DataError, match=r"'02': has the components error, but '01' has nll"):
        check_videos([video(1), video(1, name="02", component="error")])


def test_no_scores_are_refused() -> None:
    with pytest.raises(DataError, match="no scores"):
        check_videos([])


def test_labelled_videos_without_scores_are_listed() -> None:
    labels = {name: Labels(np.zeros(1, bool)) for name in ("01", "02", "03")}
    with pytest.raises(DataError, match="2 of 3 labelled videos have no scores: 02, 03"):
        check_labels([video(1)], labels)


def test_lengths_must_agree() -> None:
    with pytest.raises(DataError, match=r"'01': 2 frames are scored, but 3 are labelled"):
        check_labels([video(1, 2)], {"01": Labels(np.zeros(3, bool))})


def test_normal_videos_must_be_scored_alike() -> None:
    check_normal([], [video(1)])
    check_normal([video(1)], [video(1), video(2, name="02")])  # a normal video may bear a test video's name
    with pytest.raises(DataError, match="have the components error, but test videos have nll"):
        check_normal([video(1, component="error")], [video(1)])


def test_a_gap_right_before_the_last_scored_frame_is_one_too() -> None:
    with pytest.raises(DataError, match="1 of 4 scores are NaN between scored frames"):
        impute([video(1, 2, NAN, 3, coverage=[1, 1, 1, 1])], "nearest")


def test_one_window_is_enough_for_an_alarm_unless_the_protocol_has_more() -> None:
    (short,) = impute([video(1, 2, coverage=[1, 2])], "nearest")
    assert short.can_alarm is not None
    assert short.can_alarm.tolist() == [True, True]


def test_a_box_in_the_first_or_last_frame_is_inside_the_video() -> None:
    for frame in (0, 2):
        track = Track("1", {frame: (0, 0, 1, 1)})
        check_labels([video(1, 2, 3)], {"01": Labels(np.zeros(3, bool), tracks=(track,))})
    for frame in (-1, 3):
        track = Track("1", {frame: (0, 0, 1, 1)})
        with pytest.raises(DataError, match="1 of 1 boxes of its tracks lie outside its 3 frames"):
            check_labels([video(1, 2, 3)], {"01": Labels(np.zeros(3, bool), tracks=(track,))})


def test_the_frames_that_a_sampled_video_skips_have_the_score_of_the_nearest_one() -> None:
    """8 frames, of which 0, 3 and 6 are scored; frame 0 is left out. Without anomaly maps, there are none after."""
    (dropped,) = impute([video(NAN, 0.5, 0.7)], "drop")
    sampled = replace(dropped, sampling=Sampling.of(np.arange(8) / 24, fps=8))
    assert sampled.truth_frames.tolist() == [3, 6]
    spread, index = sampled.spread()
    assert spread.kept.tolist() == [False, False, True, True, True, True, True, True]
    assert index.tolist() == [0, 0, 0, 1, 1, 1]
    assert spread.components["nll"].tolist() == [0.5, 0.5, 0.5, 0.7, 0.7, 0.7]
    assert spread.without.tolist() == [True, True, False, False, False, False, False, False]
    assert spread.anomaly_maps is None
    maps = np.arange(3.0)[:, None, None]
    (given, _) = replace(sampled, anomaly_maps=lambda: maps).spread()
    assert given.anomaly_maps is not None
    assert given.anomaly_maps().ravel().tolist() == [0, 0, 1, 1, 1, 2, 2, 2]


def test_uneven_ends_are_those_beyond_what_every_video_lacks() -> None:
    lacks = {"a": "101", "b": "1001", "c": "1011"}  # 1 where a score is missing
    found = uneven_ends({name: np.array([flag == "1" for flag in flags]) for name, flags in lacks.items()})
    assert found == {"c": (0, 1)}
    late = uneven_ends({"a": np.array([True, False]), "b": np.array([True, True, False])})
    assert late == {"b": (1, 0)}
    assert uneven_ends({"a": np.array([True, False, False])}) == {"a": (1, 0)}
