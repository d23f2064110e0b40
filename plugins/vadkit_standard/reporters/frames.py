"""Frames of test videos in figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from vadkit.api import DataError, RunResult, VideoResult
from vadkit_standard.reporters.names import printable


def numbers_of(video: VideoResult) -> NDArray[np.int64]:
    """(F,), the frame number in the video of each score, from 0."""
    return np.arange(video.fused.size) if video.numbers is None else video.numbers


def show(result: RunResult, video: VideoResult, indices: Sequence[int], where: str) -> Sequence[NDArray[np.uint8]]:
    """Return frames by their index in the scores, each (H, W, C) uint8."""
    if result.read_frames is None:
        what = "the figure shows frames, but these scores have no data set"
        raise DataError(what, where=where, fix="draw it from a run: 'vadkit figures RUN --data-root DIR'")
    return result.read_frames(video.name, [int(numbers_of(video)[index]) for index in indices])


def title_of(video: VideoResult, index: int) -> str:
    """Video, frame and score, in one line."""
    return f"{printable(video.name)}, frame {numbers_of(video)[index]}: {video.fused[index]:.3f}"


def picture(axes: Axes, image: NDArray[np.uint8]) -> None:
    """Draw a frame, in gray or in colour."""
    axes.imshow(image if image.shape[2] == 3 else image[..., 0], cmap="gray", vmin=0, vmax=255)


def bare(axes: Axes) -> None:
    """Hide ticks and lines of axes that hold an image."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
