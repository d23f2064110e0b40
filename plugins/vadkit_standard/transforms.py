"""Transforms that bring scores to a common scale, by what they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from scipy.stats import rankdata

from vadkit.api import DataError, Scope, ScoreTransform

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")
Over = Literal["video", "scene", "dataset", "training"]


class MinMax(ScoreTransform):
    """Scores to [0, 1] between a smallest and a largest one; the paper's norm(.) of Eq. 12 and 13.

    Where the two are equal, every score becomes 0.

    Args:
        over: "video" takes each test video's own extremes, so that a frame's value depends on
            frames yet to come; "scene" and "dataset" those of all test videos of a scene or of the
            set; "training" those of held-out normal videos, and test scores may leave [0, 1].
        upper: percentile of the scores that becomes 1; below 100, single outliers do not set the scale.
    """

    def __init__(self, *, over: Over = "video", upper: float = 100.0) -> None:
        if not 0 < upper <= 100:
            raise DataError(f"'upper' is a percentile above 0 and up to 100, not {upper}", where="minmax")
        self.over: Over = over
        self.upper = upper
        self.scope, self.needs_future, self.needs_normal = _reach(over)
        self._range: tuple[float, float] | None = None

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Take the extremes of all normal videos together, for "training".

        Raises:
            DataError: there are no normal scores to fit on.
        """
        if self.needs_normal:
            self._range = self._extremes(_varied(normal, "minmax"))

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,).

        Raises:
            DataError: "training", and `fit` was not called.
        """
        low, high = _fitted(self._range, "minmax") if self.needs_normal else self._extremes(scores)
        if low >= high:
            return np.zeros(scores.shape, np.float64)
        return (np.asarray(scores, np.float64) - low) / (high - low)

    def _extremes(self, scores: NDArray[np.float64]) -> tuple[float, float]:
        top = scores.max() if self.upper == 100 else np.percentile(scores, self.upper)
        return float(scores.min()), float(top)


class ZScore(ScoreTransform):
    """Scores in standard deviations from a mean. Where there is no spread, every score becomes 0.

    Args:
        over: whose mean and deviation: those of held-out normal videos ("training"), of the test
            video itself, of its scene, or of the whole test set.
    """

    def __init__(self, *, over: Over = "training") -> None:
        self.over: Over = over
        self.scope, self.needs_future, self.needs_normal = _reach(over)
        self._fit: tuple[float, float] | None = None

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Take mean and deviation of all normal frames, for "training".

        Raises:
            DataError: there are no normal scores to fit on.
        """
        if self.needs_normal:
            self._fit = _mean_and_deviation(_varied(normal, "zscore"))

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,).

        Raises:
            DataError: "training", and `fit` was not called.
        """
        mean, deviation = _fitted(self._fit, "zscore") if self.needs_normal else _mean_and_deviation(scores)
        if deviation == 0:
            return np.zeros(scores.shape, np.float64)
        return (scores - mean) / deviation


class Rank(ScoreTransform):
    """The share of reference scores that lie below, ties counted half: in [0, 1], whatever the scale.

    Args:
        over: the reference: frames of held-out normal videos ("training"), or of the test video
            itself, its scene, or the whole test set.
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
            DataError: "training", and `fit` was not called.
        """
        if not self.needs_normal:
            return (rankdata(scores) - 0.5) / scores.size
        reference = _fitted(self._reference, "rank")
        below, upto = (np.searchsorted(reference, scores, side) for side in ("left", "right"))
        return (below + upto) / (2 * reference.size)


class LogProbability(ScoreTransform):
    """How improbable a score is on normal video: -log P(normal score >= s), nats.

    Independent components may be added up then (Fisher's method). P is the share of held-out
    normal frames with such a score or a higher one; in the top tenth, where frames become few,
    an exponential tail with their mean excess takes over, so that scores beyond all normal ones
    still differ.
    """

    scope: Scope = "video"
    needs_future = False
    needs_normal = True

    def __init__(self) -> None:
        self._fit: tuple[NDArray[np.float64], float, float] | None = None

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Sort the normal scores and measure their tail.

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
        # A constant reference has no tail; a step of one deviation of nothing is then the scores' own unit.
        return surprise + np.where(scores > start, (scores - start) / (excess or 1.0), 0.0)


def _reach(over: Over) -> tuple[Scope, bool, bool]:
    """Scope of one call, whether it needs the future, whether it needs normal videos."""
    if over == "training":
        return "video", False, True
    return over, True, False


def _joined(normal: Sequence[NDArray[np.float64]], where: str) -> NDArray[np.float64]:
    if not any(scores.size for scores in normal):
        raise DataError(
            "there are no scores of normal videos to fit on",
            where=f"{where} over training",
            fix="hold some out with 'data.held_out', or choose another 'over'",
        )
    return np.concatenate(normal)


def _varied(normal: Sequence[NDArray[np.float64]], where: str) -> NDArray[np.float64]:
    joined = _joined(normal, where)
    if joined.min() == joined.max():
        raise DataError(
            f"all {joined.size} frames of normal video have one score: it gives no scale",
            where=f"{where} over training",
            fix="hold out more video, choose another 'over', or leave the component out",
        )
    return joined


def _mean_and_deviation(scores: NDArray[np.float64]) -> tuple[float, float]:
    # A constant's deviation may come out as 1e-17, not 0.
    return float(scores.mean()), 0.0 if scores.min() == scores.max() else float(scores.std())


def _fitted(state: T | None, where: str) -> T:
    if state is None:
        raise DataError("fit() comes before the first video", where=f"{where} over training")
    return state
