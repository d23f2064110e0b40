"""Transforms that bring scores to a common scale."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, ScoreTransform

State = TypeVar("State")
Over = Literal["video", "scene", "dataset", "training"]


class _Compared(ScoreTransform, Generic[State]):
    """Compares scores with reference scores: those of normal videos ("training"), or those of the call itself."""

    name: ClassVar[str]
    needs_spread: ClassVar[bool] = True  # whether the reference scores must differ

    def __init__(self, *, over: Over = "training") -> None:
        self.over: Over = over
        self.needs_normal = over == "training"
        self.needs_future = not self.needs_normal
        self.scope = "video" if over == "training" else over
        self._state: State | None = None

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Keep what the transform needs of the normal scores, for "training".

        Raises:
            DataError: there are no normal scores to fit on, or they define no scale.
        """
        if not self.needs_normal:
            return
        where = f"{self.name} over training"
        if not any(scores.size for scores in normal):
            what = "no scores of normal videos to fit on"
            raise DataError(what, where=where, fix="hold out videos with 'data.held_out', or choose another 'over'")
        joined = np.concatenate(normal)
        if self.needs_spread and joined.min() == joined.max():
            what = f"all {joined.size} frames of normal video have the same score, which defines no scale"
            fix = "hold out more videos, choose another 'over', or remove the component"
            raise DataError(what, where=where, fix=fix)
        self._state = self._learn(joined)

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,).

        Raises:
            DataError: over is "training" and `fit` was not called.
        """
        state = self._state if self.needs_normal else self._learn(scores)
        if state is None:
            raise DataError("not fitted", where=f"{self.name} over training", fix="call fit() first")
        return self._apply(scores, state)

    @abstractmethod
    def _learn(self, reference: NDArray[np.float64]) -> State: ...

    @abstractmethod
    def _apply(self, scores: NDArray[np.float64], state: State) -> NDArray[np.float64]: ...


class MinMax(_Compared[tuple[float, float]]):
    """Min-max scaling to [0, 1], the paper's norm(.) of Eq. 12 and 13.

    If the smallest and the largest score are equal, every score becomes 0.

    Args:
        over: "video" uses the minimum and maximum of each test video, so a frame's value depends on later frames.
            With "scene" and "dataset", they are those of all test videos of a scene or of the data set. With
            "training", they are those of held-out normal videos, and test scores may leave [0, 1].
        upper: percentile of the scores that becomes 1. Below 100, single outliers do not set the scale.

    Example:
        >>> MinMax()(np.array([2.0, 3.0, 6.0]))
        array([0.  , 0.25, 1.  ])
    """

    name = "minmax"

    def __init__(self, *, over: Over = "video", upper: float = 100.0) -> None:
        if not 0 < upper <= 100:
            raise DataError(f"'upper' must be a percentile above 0 and at most 100, but it is {upper}", where="minmax")
        super().__init__(over=over)
        self.upper = upper

    def _learn(self, reference: NDArray[np.float64]) -> tuple[float, float]:
        top = reference.max() if self.upper == 100 else np.percentile(reference, self.upper)
        return float(reference.min()), float(top)

    def _apply(self, scores: NDArray[np.float64], state: tuple[float, float]) -> NDArray[np.float64]:
        low, high = state
        if low >= high:
            return np.zeros(scores.shape, np.float64)
        return (np.asarray(scores, np.float64) - low) / (high - low)


class ZScore(_Compared[tuple[float, float]]):
    """Standard deviations from the mean. If all scores are equal, every score becomes 0.

    Args:
        over: the scores that define mean and deviation: held-out normal videos ("training"), the test video itself
            ("video"), its scene, or the whole test set ("dataset").

    Example:
        >>> ZScore(over="video")(np.array([1.0, 3.0, 5.0])).round(2)
        array([-1.22,  0.  ,  1.22])
    """

    name = "zscore"

    def _learn(self, reference: NDArray[np.float64]) -> tuple[float, float]:
        # NumPy's deviation of a constant may be 1e-17 instead of 0.
        return float(reference.mean()), 0.0 if reference.min() == reference.max() else float(reference.std())

    def _apply(self, scores: NDArray[np.float64], state: tuple[float, float]) -> NDArray[np.float64]:
        mean, deviation = state
        return (scores - mean) / deviation if deviation else np.zeros(scores.shape, np.float64)


class Rank(_Compared[NDArray[np.float64]]):
    """The share of reference scores that are lower, in [0, 1]; ties count half.

    Args:
        over: the reference scores: held-out normal videos ("training"), the test video itself ("video"), its scene, or
            the whole test set ("dataset").

    Example:
        >>> Rank(over="video")(np.array([10.0, 30.0, 20.0, 20.0]))
        array([0.125, 0.875, 0.5  , 0.5  ])
    """

    name = "rank"
    needs_spread = False

    def _learn(self, reference: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.sort(reference)

    def _apply(self, scores: NDArray[np.float64], state: NDArray[np.float64]) -> NDArray[np.float64]:
        below, upto = (np.searchsorted(state, scores, side) for side in ("left", "right"))
        return (below + upto) / (2 * state.size)


class LogProbability(_Compared[tuple[NDArray[np.float64], float, float]]):
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

    name = "log_probability"
    needs_spread = False

    def __init__(self) -> None:
        super().__init__()

    def _learn(self, reference: NDArray[np.float64]) -> tuple[NDArray[np.float64], float, float]:
        ordered = np.sort(reference)
        start = float(np.quantile(ordered, 0.9))
        above = ordered[ordered > start]
        return ordered, start, float((above - start).mean()) if above.size else 0.0

    def _apply(
        self, scores: NDArray[np.float64], state: tuple[NDArray[np.float64], float, float]
    ) -> NDArray[np.float64]:
        reference, start, excess = state
        at_least = reference.size - np.searchsorted(reference, scores, "left")
        floor = float((reference > start).mean()) or 1 / (reference.size + 1)
        surprise = -np.log(np.maximum(at_least / reference.size, floor))
        # A constant reference has no tail; then the unit of the scores is used.
        return surprise + np.where(scores > start, (scores - start) / (excess or 1.0), 0.0)
