"""Resampling in time: the frames of a video that a model sees at a lower frame rate, and the way back to all frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FPS_TOLERANCE = 1.1  # frame rates that differ by at most this factor count as equal
_ROUNDING = 1e-6  # seconds


def drops_frames(source_fps: float | None, fps: float | None) -> bool:
    """Whether a source of `source_fps` frames per second has too many for `fps`. False if one of them is unknown.

    Example:
        >>> drops_frames(25.0, 12.0), drops_frames(12.5, 12.0), drops_frames(None, 12.0)
        (True, False, False)
    """
    return bool(source_fps and fps and source_fps > fps * FPS_TOLERANCE)


def too_slow(source_fps: float | None, fps: float | None) -> bool:
    """Whether a source of `source_fps` frames per second has too few for `fps`. False if one of them is unknown."""
    return bool(source_fps and fps and source_fps * FPS_TOLERANCE < fps)


def sampled_count(frames: int, source_fps: float | None, fps: float | None) -> int:
    """About how many of so many frames a model sees at `fps` frames per second.

    Example:
        >>> sampled_count(100, 25.0, 10.0), sampled_count(100, 25.0, None)
        (40, 100)
    """
    return round(frames * fps / source_fps) if fps and source_fps and drops_frames(source_fps, fps) else frames


def period(seconds: NDArray[np.float64] | float, fps: float) -> NDArray[np.int64]:
    """The number of the period of 1 / fps seconds that contains each frame. A frame may be a quarter period early.

    Of each period, the first frame is sampled.
    """
    return np.floor(np.asarray(seconds) * fps + 0.25).astype(np.int64)


def middle(first: NDArray[np.float64] | float, second: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """The latest time that is nearer to `first` than to `second`, in seconds: the middle, which counts as nearer."""
    return (np.asarray(first) + second) / 2 + _ROUNDING


@dataclass(frozen=True, slots=True)
class Sampling:
    """The frames of a video that a model sees, if it does not see all of them.

    Attributes:
        numbers: the numbers of these S frames in the video, (S,), from 0, in order.
        nearest: for each of the F frames of the video, the index of the sampled frame nearest in time, (F,). At equal
            distance, the earlier one.

    Example:
        >>> sampling = Sampling.of(np.arange(8) / 24, fps=8)
        >>> sampling.numbers.tolist(), sampling.nearest.tolist()
        ([0, 3, 6], [0, 0, 1, 1, 1, 2, 2, 2])
        >>> np.array([0.1, 0.9, 0.2])[sampling.nearest].tolist()  # scores of all frames
        [0.1, 0.1, 0.9, 0.9, 0.9, 0.2, 0.2, 0.2]
    """

    numbers: NDArray[np.int64]
    nearest: NDArray[np.int64]

    @classmethod
    def of(cls, times: NDArray[np.float64], fps: float) -> Sampling:
        """Sample a video with frames at these times, in seconds, (F,), at `fps` frames per second."""
        numbers = np.unique(period(times, fps), return_index=True)[1].astype(np.int64)
        ends = middle(times[numbers[:-1]], times[numbers[1:]])
        return cls(numbers, np.searchsorted(ends, times, side="left").astype(np.int64))
