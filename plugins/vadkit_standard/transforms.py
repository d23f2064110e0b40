"""Transforms that bring scores to a common scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from vadkit.api import DataError, Scope, ScoreTransform

T = TypeVar("T")
Over = Literal["video", "scene", "dataset", "training"]


class MinMax(ScoreTransform):
    """Min-max scaling to [0, 1], the paper's norm(.) of Eq. 12 and 13.

    If the smallest and the largest score are equal, every score becomes 0.

    Args:
        over: "video" uses the minimum and maximum of each test video, so that a frame's value depends on later frames;
            "scene" and "dataset" use those of all test videos of a scene or of the data set; "training" uses those
            of held-out normal videos, and test scores may leave [0, 1].
        upper: percentile of the scores that becomes 1. Below 100, single outliers do not set the scale.

    Example:
        >>> MinMax()(np.array([2.0, 3.0, 6.0]))
        array([0.  , 0.25, 1.  ])
    """

    def __init__(self, *, over: Over = "video", upper: float = 100.0) -> None:
        if not 0 < upper <= 100:
            raise DataError(f"'upper' must be a percentile above 0 and at most 100, but it is {upper}", where="minmax")
        self.over: Over = over
        self.upper = upper
        self.scope, self.needs_future, self.needs_normal = _reach(over)
        self._range: tuple[float, float] | None = None

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Compute the minimum and maximum over all normal videos, for "training".

        Raises:
            DataError: there are no normal scores to fit on.
        """
        if self.needs_normal:
            self._range = self._extremes(_varied(normal, "minmax"))

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,).

        Raises:
            DataError: over is "training" and `fit` was not called.
        """
        low, high = _fitted(self._range, "minmax") if self.needs_normal else self._extremes(scores)
        if low >= high:
            return np.zeros(scores.shape, np.float64)
        return (np.asarray(scores, np.float64) - low) / (high - low)

    def _extremes(self, scores: NDArray[np.float64]) -> tuple[float, float]:
        top = scores.max() if self.upper == 100 else np.percentile(scores, self.upper)
        return float(scores.min()), float(top)


class ZScore(ScoreTransform):
    """Standard deviations from the mean. If all scores are equal, every score becomes 0.

    Args:
        over: the scores that define mean and deviation: held-out normal videos ("training"), the test video itself
            ("video"), its scene, or the whole test set ("dataset").

    Example:
        >>> ZScore(over="video")(np.array([1.0, 3.0, 5.0])).round(2)
        array([-1.22,  0.  ,  1.22])
    """

    def __init__(self, *, over: Over = "training") -> None:
        self.over: Over = over
        self.scope, self.needs_future, self.needs_normal = _reach(over)
        self._fit: tuple[float, float] | None = None

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Compute mean and deviation of all normal frames, for "training".

        Raises:
            DataError: there are no normal scores to fit on.
        """
        if self.needs_normal:
            self._fit = _mean_and_deviation(_varied(normal, "zscore"))

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,).

        Raises:
            DataError: over is "training" and `fit` was not called.
        """
        mean, deviation = _fitted(self._fit, "zscore") if self.needs_normal else _mean_and_deviation(scores)
        if deviation == 0:
            return np.zeros(scores.shape, np.float64)
        return (scores - mean) / deviation


class Rank(ScoreTransform):
    """The share of reference scores that are lower, in [0, 1]; ties count half.

    Args:
        over: the reference scores: held-out normal videos ("training"), the test video itself ("video"), its scene, or
            the whole test set ("dataset").

    Example:
        >>> Rank(over="video")(np.array([10.0, 30.0, 20.0, 20.0]))
        array([0.125, 0.875, 0.5  , 0.5  ])
    """

    def __init__(self, *, over: Over = "training") -> None:
        self.over: Over = over
        self.scope, self.needs_future, self.needs_normal = _reach(over)
        self._reference: NDArray[np.float64] | None = None

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Keep the normal scores, sorted, for "training".

        Raises:
            DataError: there are no normal scores to fit on.
        """
        if self.needs_normal:
            self._reference = np.sort(_joined(normal, "rank"))

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,).

        Raises:
            DataError: over is "training" and `fit` was not called.
        """
        if not self.needs_normal:
            return (rankdata(scores) - 0.5) / scores.size
        reference = _fitted(self._reference, "rank")
        below, upto = (np.searchsorted(reference, scores, side) for side in ("left", "right"))
        return (below + upto) / (2 * reference.size)


class LogProbability(ScoreTransform):
    """How improbable a score is on normal video: -log P(normal score >= s), nats.

    The results of independent components may be added (Fisher's method). P is the share of held-out normal frames
    with at least this score. In the top tenth, where frames are few, an exponential tail with their mean excess
    replaces the share, so that scores above all normal ones still differ.

    Example:
        >>> transform = LogProbability()
        >>> transform.fit([np.arange(10.0)])
        >>> transform(np.array([0.0, 5.0])).round(2)
        array([0.  , 0.69])
    """

    scope: Scope = "video"
    needs_future = False
    needs_normal = True

    def __init__(self) -> None:
        self._fit: tuple[NDArray[np.float64], float, float] | None = None

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Sort the normal scores and fit their tail.

        Raises:
            DataError: there are no normal scores to fit on.
        """
        reference = np.sort(_joined(normal, "log_probability"))
        start = float(np.quantile(reference, 0.9))
        above = reference[reference > start]
        excess = float((above - start).mean()) if above.size else 0.0
        self._fit = reference, start, excess

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,).

        Raises:
            DataError: `fit` was not called.
        """
        reference, start, excess = _fitted(self._fit, "log_probability")
        at_least = reference.size - np.searchsorted(reference, scores, "left")
        floor = float((reference > start).mean()) or 1 / (reference.size + 1)
        surprise = -np.log(np.maximum(at_least / reference.size, floor))
        # A constant reference has no tail; then the unit of the scores is used.
        return surprise + np.where(scores > start, (scores - start) / (excess or 1.0), 0.0)


def _reach(over: Over) -> tuple[Scope, bool, bool]:
    """Return the scope of one call, whether it needs the future, and whether it needs normal videos."""
    if over == "training":
        return "video", False, True
    return over, True, False


def _joined(normal: Sequence[NDArray[np.float64]], where: str) -> NDArray[np.float64]:
    if not any(scores.size for scores in normal):
        raise DataError(
            "no scores of normal videos to fit on",
            where=f"{where} over training",
            fix="hold out videos with 'data.held_out', or choose another 'over'",
        )
    return np.concatenate(normal)


def _varied(normal: Sequence[NDArray[np.float64]], where: str) -> NDArray[np.float64]:
    joined = _joined(normal, where)
    if joined.min() == joined.max():
        raise DataError(
            f"all {joined.size} frames of normal video have the same score, which defines no scale",
            where=f"{where} over training",
            fix="hold out more videos, choose another 'over', or remove the component",
        )
    return joined


def _mean_and_deviation(scores: NDArray[np.float64]) -> tuple[float, float]:
    # NumPy's deviation of a constant may be 1e-17 instead of 0.
    return float(scores.mean()), 0.0 if scores.min() == scores.max() else float(scores.std())


def _fitted(state: T | None, where: str) -> T:
    if state is None:
        raise DataError("not fitted", where=f"{where} over training", fix="call fit() first")
    return state
