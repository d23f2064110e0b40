"""Frame-level metrics. The positive class is the anomaly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve

from vadkit.api import DataError, Metric, ScoredVideo

if TYPE_CHECKING:
    from numpy.typing import NDArray


class MicroAUC(Metric):
    """Area under the ROC of all frames of all videos together."""

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """-> `micro_auc`.

        Raises:
            DataError: all frames are of one class.
        """
        labels, scores = pool(videos)
        return {"micro_auc": float(roc_auc_score(labels, scores))}


class MacroAUC(Metric):
    """Mean over videos of each video's own AUC; videos with one class only are left out."""

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """-> `macro_auc`.

        Raises:
            DataError: no video has frames of both classes.
        """
        both = [video for video in videos if video.labels.any() and not video.labels.all()]
        if not both:
            raise DataError(
                f"none of {len(videos)} videos has both normal and abnormal frames",
                where="macro_auc",
                fix="check the labels, or leave this metric out",
            )
        return {"macro_auc": float(np.mean([roc_auc_score(video.labels, video.scores) for video in both]))}


class EER(Metric):
    """Equal error rate: where as many normal frames are flagged as abnormal ones are missed.

    Args:
        method: "interpolated" takes the crossing of both rates on the ROC's line; "nearest"
            the false positive rate at the ROC point where they differ least, as some papers do.
    """

    def __init__(self, *, method: Literal["interpolated", "nearest"] = "interpolated") -> None:
        self.method = method

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """-> `eer`.

        Raises:
            DataError: all frames are of one class.
        """
        false_positive, true_positive = roc(videos)
        if self.method == "interpolated":
            return {"eer": crossing(false_positive, true_positive)}
        point = int(np.argmin(np.abs(1 - true_positive - false_positive)))
        return {"eer": float(false_positive[point])}


def pool(videos: Sequence[ScoredVideo]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Labels and scores of all frames of all videos.

    Raises:
        DataError: all frames are of one class, or there is none.
    """
    if not videos:
        raise DataError("there is no labelled video to measure", where="metrics")
    labels = np.concatenate([video.labels for video in videos])
    scores = np.concatenate([video.scores for video in videos])
    if labels.all() or not labels.any():
        which = "abnormal" if labels.any() else "normal"
        raise DataError(
            f"all {labels.size} frames of {len(videos)} videos are {which}: no ROC without both classes",
            where="metrics",
            fix="check the labels, or leave the metrics out",
        )
    return labels, scores


def roc(videos: Sequence[ScoredVideo]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rate at the corners of the pooled ROC, from (0, 0) to (1, 1)."""
    labels, scores = pool(videos)
    false_positive, true_positive, _ = roc_curve(labels, scores)
    return false_positive, true_positive


def crossing(false_positive: NDArray[np.float64], true_positive: NDArray[np.float64]) -> float:
    """The rate at which false positives and false negatives are equal, on the interpolated ROC."""
    excess = 1 - true_positive - false_positive  # falls from 1 to -1 along the curve
    after = int(np.argmax(excess <= 0))
    before = after - 1
    share = excess[before] / (excess[before] - excess[after])
    return float(false_positive[before] + share * (false_positive[after] - false_positive[before]))
