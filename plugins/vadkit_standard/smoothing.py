"""Transforms that smooth a video's scores over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.ndimage import correlate1d, gaussian_filter1d, median_filter
from scipy.signal import lfilter

from vadkit.api import DataError, Scope, ScoreTransform

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST, LONGEST = 1e-3, 100_000  # frames; more than an hour, and less than a frame, are slips of the pen
Edges = Literal["nearest", "reflect", "zeros"]
_MODES = {"nearest": "nearest", "reflect": "reflect", "zeros": "constant"}


class Gaussian(ScoreTransform):
    """Gaussian smoothing, cut off at four sigma.

    Args:
        sigma: frames.
        edges: what lies beyond a video's ends: its last score again ("nearest"), its scores
            mirrored ("reflect"), or zeros.
    """

    scope: Scope = "video"
    needs_future = True

    def __init__(self, *, sigma: float, edges: Edges = "nearest") -> None:
        if not SMALLEST <= sigma <= LONGEST:
            raise DataError(f"sigma is a number of frames from {SMALLEST} to {LONGEST}, not {sigma}", where="gaussian")
        self.sigma, self.edges = sigma, edges

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Nothing to fit."""

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,)."""
        return gaussian_filter1d(np.asarray(scores, np.float64), self.sigma, mode=_MODES[self.edges])


class Median(ScoreTransform):
    """The median of the frames around.

    Args:
        size: frames, an odd number.
        edges: what lies beyond a video's ends, as for `gaussian`.
    """

    scope: Scope = "video"
    needs_future = True

    def __init__(self, *, size: int, edges: Edges = "nearest") -> None:
        if not 1 <= size <= LONGEST or size % 2 == 0:
            raise DataError(f"size is an odd number of frames up to {LONGEST}, not {size}", where="median")
        self.size, self.edges = size, edges

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Nothing to fit."""

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,)."""
        return median_filter(np.asarray(scores, np.float64), size=self.size, mode=_MODES[self.edges])


class Exponential(ScoreTransform):
    """Exponential moving average of the frames so far: smoothing without the future.

    Args:
        half_life: frames after which a score counts half.
    """

    scope: Scope = "video"
    needs_future = False

    def __init__(self, *, half_life: float) -> None:
        if not 0 < half_life < float("inf"):
            raise DataError(f"half_life is a number of frames above 0, not {half_life}", where="exponential")
        self.half_life = half_life

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Nothing to fit."""

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,)."""
        kept = 0.5 ** (1 / self.half_life)
        # Starts as if the first score had lasted for ever.
        smooth, _ = lfilter([1 - kept], [1, -kept], scores, zi=[kept * scores[0]])
        return np.asarray(smooth, np.float64)


class TruncatedGaussian(ScoreTransform):
    """The smoothing of AED-MAE's code (Ristea et al. 2024): a Gaussian cut short and not brought to sum 1.

    Zeros lie beyond a video's ends, and the peak lies one tap early, so that the result lags by a frame.

    Args:
        taps: frames, an odd number.
        sigma: frames.
    """

    scope: Scope = "video"
    needs_future = True

    def __init__(self, *, taps: int = 37, sigma: float = 11.0) -> None:
        if not 3 <= taps <= LONGEST or taps % 2 == 0:
            what = f"taps is an odd number of frames from 3 to {LONGEST}, not {taps}"
            raise DataError(what, where="truncated_gaussian")
        if not SMALLEST <= sigma <= LONGEST:
            what = f"sigma is a number of frames from {SMALLEST} to {LONGEST}, not {sigma}"
            raise DataError(what, where="truncated_gaussian")
        self.taps, self.sigma = taps, sigma

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Nothing to fit."""

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,)."""
        away = np.arange(self.taps) - (self.taps // 2 - 1)
        kernel = np.exp(-0.5 * (away / self.sigma) ** 2) / (self.sigma * np.sqrt(2 * np.pi))
        return correlate1d(np.asarray(scores, np.float64), kernel, mode="constant")
