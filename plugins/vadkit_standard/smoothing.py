"""Transforms that smooth a video's scores over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, gaussian_filter1d, median_filter
from scipy.signal import lfilter

from vadkit.api import DataError, Scope, ScoreTransform

SMALLEST, LONGEST = 1e-3, 100_000  # frames; values outside are typing errors
Edges = Literal["nearest", "reflect", "zeros"]
_MODES = {"nearest": "nearest", "reflect": "reflect", "zeros": "constant"}


class _Smoothing(ScoreTransform):
    needs_future = True

    def fit(self, normal: Sequence[NDArray[np.float64]]) -> None:
        """Nothing to fit."""


class Gaussian(_Smoothing):
    """Gaussian smoothing over time, truncated at four sigma.

    Args:
        sigma: standard deviation, frames.
        edges: how scores continue outside the video: the first or last score repeated ("nearest"), mirrored scores
            ("reflect"), or zeros ("zeros").

    Example:
        >>> Gaussian(sigma=1.0)(np.array([0.0, 0.0, 1.0, 0.0, 0.0])).round(2)
        array([0.05, 0.24, 0.4 , 0.24, 0.05])
    """

    def __init__(self, *, sigma: float, edges: Edges = "nearest") -> None:
        _check_sigma(sigma, "gaussian")
        self.sigma, self.edges = sigma, edges

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,)."""
        return gaussian_filter1d(np.asarray(scores, np.float64), self.sigma, mode=_MODES[self.edges])


class Median(_Smoothing):
    """Median filter over time.

    Args:
        size: frames in the window, an odd number.
        edges: how scores continue outside the video: the first or last score repeated ("nearest"), mirrored scores
            ("reflect"), or zeros ("zeros").

    Example:
        >>> Median(size=3)(np.array([0.0, 9.0, 1.0, 2.0]))
        array([0., 1., 2., 2.])
    """

    def __init__(self, *, size: int, edges: Edges = "nearest") -> None:
        if not 1 <= size <= LONGEST or size % 2 == 0:
            raise DataError(f"size must be an odd number of frames up to {LONGEST}, but it is {size}", where="median")
        self.size, self.edges = size, edges

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,)."""
        return median_filter(np.asarray(scores, np.float64), size=self.size, mode=_MODES[self.edges])


class Exponential(_Smoothing):
    """Exponential moving average over past frames. It does not use future frames.

    Args:
        half_life: frames after which the weight of a score halves.

    Example:
        >>> Exponential(half_life=1)(np.array([0.0, 8.0, 8.0]))
        array([0., 4., 6.])
    """

    needs_future = False

    def __init__(self, *, half_life: float) -> None:
        if not 0 < half_life < float("inf"):
            raise DataError(
                f"half_life must be a finite number of frames above 0, but it is {half_life}", where="exponential"
            )
        self.half_life = half_life

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,)."""
        kept = 0.5 ** (1 / self.half_life)
        # The initial state assumes that all earlier frames had the first score.
        smooth, _ = lfilter([1 - kept], [1, -kept], scores, zi=[kept * scores[0]])
        return np.asarray(smooth, np.float64)


class TruncatedGaussian(_Smoothing):
    """The smoothing in AED-MAE's code (Ristea et al. 2024): a truncated Gaussian that is not scaled to sum 1.

    Scores are padded with zeros. The peak of the kernel is one tap early, so that the result lags by one frame.

    Args:
        taps: frames in the kernel, an odd number.
        sigma: standard deviation, frames.

    Example:
        >>> TruncatedGaussian(taps=5, sigma=1.0)(np.array([0.0, 0.0, 1.0, 0.0, 0.0])).round(2)
        array([0.  , 0.05, 0.24, 0.4 , 0.24])
    """

    def __init__(self, *, taps: int = 37, sigma: float = 11.0) -> None:
        if not 3 <= taps <= LONGEST or taps % 2 == 0:
            what = f"taps must be an odd number of frames from 3 to {LONGEST}, but it is {taps}"
            raise DataError(what, where="truncated_gaussian")
        _check_sigma(sigma, "truncated_gaussian")
        self.taps, self.sigma = taps, sigma

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,)."""
        away = np.arange(self.taps) - (self.taps // 2 - 1)
        kernel = np.exp(-0.5 * (away / self.sigma) ** 2) / (self.sigma * np.sqrt(2 * np.pi))
        return correlate1d(np.asarray(scores, np.float64), kernel, mode="constant")


class FIR(_Smoothing):
    """A finite impulse response filter: a weighted sum of the current score and its neighbours.

    The score of frame i becomes `taps[0] * s[i] + taps[1] * s[i - 1] + ...`. With `future: n`, the weights start n
    frames later: `taps[0] * s[i + n] + ...`. The weights are not scaled to sum 1.

    Args:
        taps: the weights, newest frame first.
        future: number of later frames that have a weight.
        over: "video" filters each video alone. "scene" and "dataset" filter the concatenated scores of all test videos
            of a scene or of the data set, as some published code does. Then the first frames of a video depend on the
            last frames of another video, and the result depends on the order of the videos.
        edges: how scores continue outside: the first or last score repeated ("nearest"), mirrored scores ("reflect"),
            or zeros ("zeros").

    Example:
        >>> FIR(taps=(0.25, 0.75))(np.array([0.0, 8.0, 8.0]))
        array([0., 2., 8.])
    """

    def __init__(
        self, *, taps: tuple[float, ...], future: int = 0, over: Scope = "video", edges: Edges = "nearest"
    ) -> None:
        if not 1 <= len(taps) <= LONGEST or not np.isfinite(taps).all() or not np.any(taps):
            what = f"taps must be 1 to {LONGEST} finite numbers, not all of them 0"
            raise DataError(what, where="fir", fix="write the weights, newest frame first: taps: [0.4, 0.6]")
        if not 0 <= future < len(taps):
            what = f"future is {future}, but must be 0 to {len(taps) - 1}: it counts taps"
            raise DataError(what, where="fir")
        self.taps, self.future, self.edges = np.asarray(taps, np.float64), future, edges
        self.scope = over
        self.needs_future = future > 0 or over != "video"

    def __call__(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(F,) -> (F,)."""
        scores = np.asarray(scores, np.float64)
        before, after = self.taps.size - 1 - self.future, self.future
        modes: dict[str, Literal["edge", "symmetric", "constant"]]
        modes = {"nearest": "edge", "reflect": "symmetric", "zeros": "constant"}
        return np.convolve(np.pad(scores, (before, after), modes[self.edges]), self.taps, "valid")


def _check_sigma(sigma: float, where: str) -> None:
    if not SMALLEST <= sigma <= LONGEST:
        raise DataError(f"sigma must be {SMALLEST} to {LONGEST} frames, but it is {sigma}", where=where)
