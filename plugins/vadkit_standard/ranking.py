"""Frames in the order of their scores, and the ROC that follows: sorted once, weighted many times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vadkit.api import DataError, ScoredVideo

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Curve:
    """What stands at or above each threshold, from the highest one on; one point a distinct score.

    Attributes:
        false: (K + 1,) normal frames, from 0 to all of them.
        true: (K + 1,) abnormal frames, from 0 to all of them.
    """

    false: NDArray[np.int64]
    true: NDArray[np.int64]

    @property
    def defined(self) -> bool:
        """Whether there are frames of both classes."""
        return bool(self.false[-1] and self.true[-1])

    def rates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False and true positive rate, from (0, 0) to (1, 1)."""
        return self.false / self.false[-1], self.true / self.true[-1]

    def auc(self) -> float:
        """Area under the ROC: the share of pairs in the right order, ties counted half."""
        # Sums, for the threads of a dot product wait for each other on a busy machine.
        pairs = np.sum(np.diff(self.false).astype(np.float64) * (self.true[1:] + self.true[:-1]))
        return float(pairs / 2 / self.false[-1] / self.true[-1])

    def average_precision(self) -> float:
        """Precision summed over the steps of recall, without interpolation."""
        precision = self.true[1:] / np.maximum(self.true[1:] + self.false[1:], 1)
        return float(np.sum(np.diff(self.true) * precision) / self.true[-1])


class Ranking:
    """The frames of some videos by falling score.

    Args:
        videos: at least one.

    Raises:
        DataError: there is no video.
    """

    def __init__(self, videos: Sequence[ScoredVideo]) -> None:
        if not videos:
            raise DataError("there is no labelled video to measure", where="metrics")
        scores = np.concatenate([video.scores for video in videos])
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        self._videos = len(videos)
        self._last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1)  # of each run of ties
        self._abnormal = np.concatenate([video.labels for video in videos])[order]
        self._video = np.repeat(np.arange(len(videos)), [video.scores.size for video in videos])[order]
        # 32 bits hold the sums of any sample of fewer frames than this, and take half the time.
        self._counter = np.int32 if order.size < 2**27 else np.int64

    def curve(self, times: NDArray[np.int64] | None = None) -> Curve:
        """The curve of the videos, each taken so many times; (V,), default once."""
        if times is None:
            true = np.cumsum(self._abnormal, dtype=np.int64)[self._last]
            return Curve(_from_zero(self._last + 1 - true), _from_zero(true))
        weights = times.astype(self._counter)[self._video]
        seen = np.cumsum(weights, dtype=self._counter)[self._last].astype(np.int64)
        true = np.cumsum(weights * self._abnormal, dtype=self._counter)[self._last].astype(np.int64)
        return Curve(_from_zero(seen - true), _from_zero(true))

    def both_classes(self, curve: Curve) -> Curve:
        """The same curve.

        Raises:
            DataError: all frames are of one class.
        """
        if not curve.defined:
            which = "abnormal" if curve.true[-1] else "normal"
            raise DataError(
                f"all {curve.true[-1] + curve.false[-1]} frames of {self._videos} videos are {which}: "
                "no ROC without both classes",
                where="metrics",
                fix="check the labels, or leave the metrics out",
            )
        return curve


def crossing(curve: Curve) -> float:
    """The rate at which false positives and false negatives are equal, on the interpolated ROC."""
    normal, abnormal = int(curve.false[-1]), int(curve.true[-1])
    met = curve.false * float(abnormal) + curve.true * float(normal)  # rises along the curve
    after = int(np.searchsorted(met, float(normal) * abnormal))
    excess = 1 - met[after - 1 : after + 1] / normal / abnormal  # 1 - TPR - FPR, on either side of the crossing
    share = excess[0] / (excess[0] - excess[1])
    before, beyond = (curve.false[index] / normal for index in (after - 1, after))
    return float(before + share * (beyond - before))


def nearest(curve: Curve) -> float:
    """The false negative rate at the corner of the ROC where it differs least from the false positive rate.

    So the code of FFP has it (Liu et al. 2018), which takes normal frames for the positive class.
    """
    bends = (np.diff(curve.false, 2) != 0) | (np.diff(curve.true, 2) != 0)
    corners = np.concatenate([[True], bends, [True]])
    # From the lowest threshold on, as there: of two corners that differ alike, the first one counts.
    false_positive, true_positive = (rates[corners][::-1] for rates in curve.rates())
    return float(1 - true_positive[np.argmin(np.abs(1 - true_positive - false_positive))])


def _from_zero(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([[0], counts])
