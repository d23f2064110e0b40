from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vadkit.api import DataError, Metric, ScoredVideo
from vadkit_standard.metrics import EER, MacroAUC, MicroAUC


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
    assert MacroAUC().compute(videos) == {"macro_auc": pytest.approx((1 + 0.5) / 2)}


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
    # |1 - TPR - FPR| is 1/2 at (0, 1/2) and 1/3 at (1/3, 1).
    tied = [video([5, 4, 4, 2, 1], [1, 1, 0, 0, 0])]
    assert EER(method="nearest").compute(tied) == {"eer": pytest.approx(1 / 3)}


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
