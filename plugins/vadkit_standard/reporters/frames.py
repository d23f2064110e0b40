"""Frames of test videos in figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes

from vadkit.api import DataError, RunResult, VideoResult
from vadkit_standard.reporters.names import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray


def numbers_of(video: VideoResult) -> NDArray[np.int64]:
    """(F,), which frames of the video its scores belong to, from 0."""
    return np.arange(video.fused.size) if video.numbers is None else video.numbers


def show(result: RunResult, video: VideoResult, indices: Sequence[int], where: str) -> Sequence[NDArray[np.uint8]]:
    """Frames by their place among the scores, each (H, W, C) uint8.

    Raises:
        DataError: the videos are not there.
    """
    if result.read_frames is None:
        what = "shows frames, and these scores came without a data set"
        raise DataError(what, where=where, fix="draw it from a run: vadkit figures RUN --data-root DIR")
    return result.read_frames(video.name, [int(numbers_of(video)[index]) for index in indices])


def title_of(video: VideoResult, index: int) -> str:
    """Video, frame and score, in a line."""
    return f"{printable(video.name)}, frame {numbers_of(video)[index]}: {video.fused[index]:.3f}"


def bare(axes: Axes) -> None:
    """Axes that hold a picture alone."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
