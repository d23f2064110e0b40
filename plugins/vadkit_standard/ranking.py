"""Frames sorted by score, and the ROC. Frames are sorted once; each resample only changes the weights."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, ScoredVideo

# Points of a curve that are processed at a time. NumPy requests larger arrays from the system page by page each
# time, which takes as long as the arithmetic.
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Curve:
    """Counts of frames at or above each threshold, from the highest threshold down; one point per distinct score."""

    false: NDArray[np.signedinteger]  # (K + 1,) normal frames, from 0 to all of them; int32 or int64, as needed
    true: NDArray[np.signedinteger]  # (K + 1,) abnormal frames, from 0 to all of them

    @property
    def defined(self) -> bool:
        """Whether there are frames of both classes."""
        return bool(self.false[-1] and self.true[-1])

    def rates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False and true positive rates, from (0, 0) to (1, 1)."""
        return self.false / self.false[-1], self.true / self.true[-1]

    def auc(self) -> float:
        """Area under the ROC: the share of correctly ordered pairs; ties count half."""
        # Sums, because the threads of dot products wait for each other on a busy machine.
        pairs = sum(
            float(np.sum(np.diff(false).astype(np.float64) * (true[1:] + true[:-1]))) for false, true in self._pieces()
        )
        return float(pairs / 2 / self.false[-1] / self.true[-1])

    def average_precision(self) -> float:
        """Precision summed over the steps of recall, without interpolation."""
        steps = sum(
            float(np.sum(np.diff(true) * (true[1:] / np.maximum(true[1:] + false[1:], 1))))
            for false, true in self._pieces()
        )
        return float(steps / self.true[-1])

    def _pieces(self) -> Iterator[tuple[NDArray[np.signedinteger], NDArray[np.signedinteger]]]:
        """Yield both counts piece by piece; each piece starts at the last point of the one before."""
        for start in range(0, self.false.size - 1, _PIECE):
            stop = start + _PIECE + 1
            yield self.false[start:stop], self.true[start:stop]


class Ranking:
    """The frames of at least one video, sorted by falling score."""

    def __init__(self, videos: Sequence[ScoredVideo]) -> None:
        if not videos:
            raise DataError("no labelled video to evaluate", where="metrics")
        scores = np.concatenate([video.scores for video in videos])
        order = np.argsort(-scores, kind="stable")
        ranked = scores[order]
        self._videos = len(videos)
        # The last frame of each group of ties.
        self._last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1)
        self._abnormal = np.concatenate([video.labels for video in videos])[order]
        self._video = np.repeat(np.arange(len(videos)), [video.scores.size for video in videos])[order]
        # int32 holds the sums of any resample of fewer frames than this, and takes half the time.
        self._counter = np.int32 if order.size < 2**27 else np.int64

    def curve(self, times: NDArray[np.int64] | None = None) -> Curve:
        """Return the curve of the videos, each drawn `times` (V,) times; default once."""
        weights = np.ones(self._videos, self._counter) if times is None else times.astype(self._counter)
        false = np.zeros(self._last.size + 1, self._counter)
        true = np.zeros_like(false)
        before = (0, 0)
        points = np.searchsorted(self._last, np.arange(0, self._video.size + _PIECE, _PIECE))
        for number, start in enumerate(range(0, self._video.size, _PIECE)):
            drawn = weights[self._video[start : start + _PIECE]]
            abnormal = np.cumsum(drawn * self._abnormal[start : start + _PIECE], dtype=self._counter) + before[1]
            normal = np.cumsum(drawn, dtype=self._counter) + (before[0] + before[1]) - abnormal
            before = normal[-1], abnormal[-1]
            first, stop = points[number : number + 2]
            ends = self._last[first:stop] - start
            false[first + 1 : stop + 1], true[first + 1 : stop + 1] = normal[ends], abnormal[ends]
        return Curve(false, true)

    def both_classes(self, curve: Curve) -> Curve:
        """Return the curve unchanged if it has both classes.

        Raises:
            DataError: all frames have the same class.
        """
        if not curve.defined:
            which = "abnormal" if curve.true[-1] else "normal"
            raise DataError(
                f"all {curve.true[-1] + curve.false[-1]} frames of {self._videos} videos are {which}, "
                "but a ROC needs both classes",
                where="metrics",
                fix="check the labels, or remove the metrics",
            )
        return curve


def crossing(curve: Curve) -> float:
    """The rate at which the false positive and false negative rates are equal, on the interpolated ROC."""
    normal, abnormal = int(curve.false[-1]), int(curve.true[-1])

    def met(point: int) -> float:  # rises along the curve
        return curve.false[point] * float(abnormal) + curve.true[point] * float(normal)

    after = bisect_left(range(curve.false.size), float(normal) * abnormal, key=met)
    # 1 - TPR - FPR, on either side of the crossing
    excess = [1 - met(point) / normal / abnormal for point in (after - 1, after)]
    share = excess[0] / (excess[0] - excess[1])
    before, beyond = (curve.false[index] / normal for index in (after - 1, after))
    return float(before + share * (beyond - before))


def nearest(curve: Curve) -> float:
    """The false negative rate at the corner of the ROC where it differs least from the false positive rate.

    This is the definition in the code of FFP (Liu et al. 2018), which treats normal frames as the positive class.
    """
    bends = (np.diff(curve.false, 2) != 0) | (np.diff(curve.true, 2) != 0)
    corners = np.concatenate([[True], bends, [True]])
    # From the lowest threshold up, as in that code: of two equal corners, the first one counts.
    false_positive, true_positive = (rates[corners][::-1] for rates in curve.rates())
    return float(1 - true_positive[np.argmin(np.abs(1 - true_positive - false_positive))])
