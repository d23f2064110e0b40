from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_score, recall_score, roc_auc_score, roc_curve

from vadkit.api import DataError, Metric, ScoredVideo
from vadkit_standard import ranking
from vadkit_standard.alarms import Alarms
from vadkit_standard.metrics import EER, AveragePrecision, Decidability, MacroAUC, MicroAUC


def video(scores: Sequence[float], labels: Sequence[int], name: str = "01") -> ScoredVideo:
    return ScoredVideo(name, np.array(scores, float), np.array(labels, bool))


def random_videos(count: int = 5) -> list[ScoredVideo]:
    random = np.random.default_rng(3)
    videos = []
    for index in range(count):
        labels = random.random(60) < 0.4
        scores = np.round(random.normal(index, 1, 60) + labels, 1)  # rounded, so that some are equal
        videos.append(ScoredVideo(str(index), scores, labels))
    return videos


def test_micro_auc_is_that_of_all_frames_together() -> None:
    videos = random_videos()
    labels = np.concatenate([one.labels for one in videos])
    scores = np.concatenate([one.scores for one in videos])
    assert MicroAUC().compute(videos) == {"micro_auc": pytest.approx(roc_auc_score(labels, scores), abs=1e-12)}


def test_values_do_not_depend_on_how_many_points_are_taken_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    videos = random_videos()
    labels = np.concatenate([one.labels for one in videos])
    scores = np.concatenate([one.scores for one in videos])
    monkeypatch.setattr(ranking, "_PIECE", 7)
    assert MicroAUC().compute(videos)["micro_auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    precision = AveragePrecision().compute(videos)["average_precision"]
    assert precision == pytest.approx(average_precision_score(labels, scores), abs=1e-12)


def test_micro_auc_counts_pairs_and_half_of_ties() -> None:
    # Three abnormal frames against two normal: 4 pairs right, 1 tied, 1 wrong.
    assert MicroAUC().compute([video([3, 2, 1, 2, 0], [1, 1, 1, 0, 0])])["micro_auc"] == pytest.approx(4.5 / 6)


def test_macro_auc_leaves_out_videos_of_one_class() -> None:
    videos = [
        video([1, 2], [0, 1]),
        video([2, 1, 3], [0, 1, 1]),
        video([9, 9], [1, 1]),
        video([0, 5], [0, 0]),
    ]
    found = MacroAUC().compute(videos)
    assert found["macro_auc"] == pytest.approx((1 + 0.5) / 2)
    # With a normal frame below all and an abnormal one above: 4/4, 5/6, 3/3, 3/3 pairs in order.
    assert found["macro_auc_padded"] == pytest.approx((1 + 5 / 6 + 1 + 1) / 4)


def test_macro_auc_is_the_mean_of_each_videos_own() -> None:
    videos = random_videos()
    expected = np.mean([roc_auc_score(one.labels, one.scores) for one in videos])
    assert MacroAUC().compute(videos)["macro_auc"] == pytest.approx(expected, abs=1e-12)


def test_eer_lies_on_the_line_between_two_points_of_the_roc() -> None:
    # ROC points (0, 0) (0, 1/2) (1/3, 1/2) (1/3, 1) (1, 1). The miss rate 1 - TPR meets the false
    # positive rate on the vertical piece at FPR 1/3, where TPR is 2/3.
    hand = [video([5, 3, 4, 2, 1], [1, 1, 0, 0, 0])]
    assert EER().compute(hand) == {"eer": pytest.approx(1 / 3)}
    # A tie makes the piece from (0, 1/2) to (1/3, 1) slanted: 1/2 - 3/2 x = x at x = 1/5.
    tied = [video([5, 4, 4, 2, 1], [1, 1, 0, 0, 0])]
    assert EER().compute(tied) == {"eer": pytest.approx(0.2)}


def test_nearest_eer_is_a_point_of_the_roc() -> None:
    # |1 - TPR - FPR| is 1/2 at (0, 1/2) and 1/3 at (1/3, 1), where no abnormal frame is missed.
    tied = [video([5, 4, 4, 2, 1], [1, 1, 0, 0, 0])]
    assert EER(method="nearest").compute(tied) == {"eer": 0.0}


@pytest.mark.parametrize(("scores", "expected"), [([1, 2, 3, 4], 0.0), ([4, 3, 2, 1], 1.0), ([1, 1, 1, 1], 0.5)])
def test_eer_of_perfect_inverted_and_constant_scores(scores: Sequence[float], expected: float) -> None:
    assert EER().compute([video(scores, [0, 0, 1, 1])])["eer"] == pytest.approx(expected)


@pytest.mark.parametrize("metric", [MicroAUC(), EER()])
@pytest.mark.parametrize(("label", "word"), [(0, "normal"), (1, "abnormal")])
def test_one_class_says_which(metric: Metric, label: int, word: str) -> None:
    with pytest.raises(DataError, match=f"all 4 frames of 2 videos are {word}"):
        metric.compute([video([1, 2], [label] * 2), video([3, 4], [label] * 2)])


def test_macro_auc_needs_one_video_of_both_classes() -> None:
    with pytest.raises(DataError, match="none of 2 videos"):
        MacroAUC().compute([video([1, 2], [0, 0]), video([3, 4], [1, 1])])


@pytest.mark.parametrize("metric", [MicroAUC(), MacroAUC(), EER()])
def test_no_video_is_an_error(metric: Metric) -> None:
    with pytest.raises(DataError):
        metric.compute([])


def test_average_precision_is_that_of_scikit_learn() -> None:
    videos = random_videos()
    labels = np.concatenate([one.labels for one in videos])
    scores = np.concatenate([one.scores for one in videos])
    expected = pytest.approx(average_precision_score(labels, scores), abs=1e-12)
    assert AveragePrecision().compute(videos) == {"average_precision": expected}


def test_nearest_eer_is_that_of_ffp_with_normal_frames_as_the_positive_class() -> None:
    videos = random_videos()
    labels = np.concatenate([one.labels for one in videos])
    scores = np.concatenate([one.scores for one in videos])
    false_positive, true_positive, _ = roc_curve(labels, -scores, pos_label=0)
    corner = int(np.argmin(np.abs(false_positive + true_positive - 1)))
    assert EER(method="nearest").compute(videos) == {"eer": pytest.approx(false_positive[corner], abs=1e-12)}


def test_decidability_by_hand() -> None:
    # Means 2 and 6, variances 1 and 4: 4 / sqrt(2.5).
    found = Decidability().compute([video([1, 3, 4], [0, 0, 1]), video([8], [1], "02")])
    assert found == {"decidability": pytest.approx(4 / np.sqrt(2.5))}
    assert Decidability().compute([video([5, 5, 5], [0, 1, 1])]) == {"decidability": 0.0}
    assert Decidability().compute([video([1, 1, 2], [0, 0, 1])]) == {}


@pytest.mark.parametrize("seed", range(5))
def test_an_oracle_has_no_decidability(seed: int) -> None:
    """Each class has one score: the number of spreads between them is not finite."""
    random = np.random.default_rng(seed)
    made = [random.random(40) < 0.3 for _ in range(7)]
    videos = [ScoredVideo(str(n), np.where(labels, 0.8, 0.1), labels) for n, labels in enumerate(made)]
    assert Decidability().compute(videos) == {}


def test_decidability_of_large_scores_loses_no_digits() -> None:
    videos = random_videos()
    far = [ScoredVideo(one.name, one.scores + 1e7, one.labels) for one in videos]
    assert Decidability().compute(far)["decidability"] == pytest.approx(Decidability().compute(videos)["decidability"])


def test_padding_gives_a_random_scorer_what_the_field_has_seen() -> None:
    # The padded form gives chance about 0.69 on Ped2, whose clips are mostly abnormal.
    counts = ((120, 60), (180, 86), (180, 146), (180, 180), (150, 150), (180, 180))
    random = np.random.default_rng(0)
    videos = [video(random.random(f).tolist(), [int(i < a) for i in range(f)], str(f + a)) for f, a in counts]
    found = MacroAUC().compute(videos)
    assert 0.4 < found["macro_auc"] < 0.6
    assert found["macro_auc_padded"] > 0.65


ALL = [
    MicroAUC(), AveragePrecision(), EER(), EER(method="nearest"), MacroAUC(), Decidability(),
    Alarms(threshold=2.0, fps=10.0),
]  # fmt: skip


@pytest.mark.parametrize("piece", [1, 7, 1 << 20], ids=lambda piece: f"pieces of {piece}")
@pytest.mark.parametrize("metric", ALL, ids=lambda metric: type(metric).__name__)
def test_a_resample_is_the_videos_repeated(metric: Metric, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "_PIECE", piece)
    videos = random_videos(6)
    measure = metric.resampled(videos)
    random = np.random.default_rng(1)
    for _ in range(10):
        times = np.bincount(random.integers(0, 6, 6), minlength=6)
        repeated = [one for one, n in zip(videos, times, strict=True) for _ in range(n)]
        assert measure(times) == pytest.approx(metric.compute(repeated), abs=1e-9)


def test_alarms_agree_with_scikit_learn_on_frames() -> None:
    videos = random_videos()
    found = Alarms(threshold=2.0, fps=10.0).compute(videos)
    labels = np.concatenate([one.labels for one in videos])
    flagged = np.concatenate([one.scores for one in videos]) >= 2.0
    assert found["precision"] == pytest.approx(precision_score(labels, flagged))
    assert found["recall"] == pytest.approx(recall_score(labels, flagged))


def test_flickering_within_a_second_is_one_alarm() -> None:
    scores = [9, 0, 9, 0, 0, 0, 0, 9, 0, 0]
    found = Alarms(threshold=5.0, fps=3.0).compute([video(scores, [0] * 10)])
    assert found == {"false_alarms_per_hour": pytest.approx(2 / (10 / 3 / 3600)), "precision": 0.0}
    assert Alarms(threshold=5.0, fps=1.0).compute([video(scores, [0] * 10)])["false_alarms_per_hour"] == 3 * 360


def test_hours_delays_and_gaps_of_alarms_follow_the_time_stamps() -> None:
    # 10 frames per second, then one in 2 s
    times = np.array([n / 10 for n in range(20)] + [2.0 + 2 * n for n in range(5)])
    scores, labels = np.zeros(25), np.zeros(25, bool)
    scores[[3, 9, 21, 23]] = 9.0
    labels[20:23] = True  # from 2 s; detected at 4 s
    scored = ScoredVideo("01", scores, labels, fps=24 / 10, threshold=5.0, times=times)
    found = Alarms().compute([scored])
    assert found["detection_delay"] == pytest.approx(2.0)
    # Frames 3 and 9 are one alarm, because 0.6 s are between them; frame 23 is another one.
    assert found["false_alarms_per_hour"] == pytest.approx(2 / ((2.0 + 2.0 + 1 / 2.4) / 3600))


def test_alarms_state_on_how_much_video_they_rest() -> None:
    quiet = video([0.0] * 150, [0] * 150)
    assert Alarms(threshold=5.0, fps=10.0).compute([quiet])["false_alarms_per_hour"] == 0
    assert Alarms(threshold=5.0, fps=10.0).basis([quiet]) == {
        "false_alarms_per_hour": "from 15 s of normal video, too short for a rate per hour"
    }
    found = Alarms(threshold=5.0, fps=0.01).basis([quiet, video([0.0, 9, 0, 0, 0, 0], [0, 1, 0, 1, 0, 0])])
    assert found == {"false_alarms_per_hour": "from 4.28 h of normal video", "events_detected": "1 of 2 events"}


def test_a_frame_that_too_few_windows_show_raises_no_alarm() -> None:
    start = video([9, 9, 0, 0, 0, 0, 9, 0], [0, 0, 0, 0, 0, 0, 1, 1])
    shown = np.array([False, True, True, True, True, True, True, True])
    metric = Alarms(threshold=5.0, fps=2.0)
    at_zero = replace(start, scores=start.scores * shown)
    assert metric.compute([replace(start, can_alarm=shown)]) == metric.compute([at_zero])
    nothing = metric.compute([replace(start, can_alarm=shown & (start.labels > 0))])
    assert (nothing["false_alarms_per_hour"], nothing["recall"]) == (0.0, 0.5)


def test_alarms_without_threshold_or_frame_rate_say_what_to_do() -> None:
    with pytest.raises(DataError, match=r"(?s)the threshold is unknown.*data.held_out"):
        Alarms(fps=5.0).compute([video([1, 2], [0, 1])])
    with pytest.raises(DataError, match=r"(?s)frame rate of video '01' is unknown.*fps: 25"):
        Alarms(threshold=1.0).compute([video([1, 2], [0, 1])])


@pytest.mark.parametrize("keys", [{"threshold": float("nan")}, {"fps": float("inf")}, {"fps": 0.0}])
def test_alarms_refuse_numbers_that_mean_nothing(keys: dict[str, float]) -> None:
    with pytest.raises(DataError):
        Alarms(**keys)
