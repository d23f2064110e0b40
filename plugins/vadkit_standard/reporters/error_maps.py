"""Error maps of frames, as in the paper's Figs. 4 and 8: pixels above their frame's mean error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, RunResult, VideoResult, closest
from vadkit_standard.reporters.drawing import (
    FigureReporter,
    bare,
    labelled_videos,
    new_figure,
    numbers_of,
    picture,
    rules,
    show,
    title_of,
)
from vadkit_standard.reporters.names import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Shown(NamedTuple):
    """A frame, at its index in the scores of the video, with its error map."""

    video: VideoResult
    at: int
    picture: NDArray[np.uint8]
    error: NDArray[np.floating[Any]]


class ErrorMaps(FigureReporter):
    """Figure `figures/error_maps.png`: frames, and their pixels above the mean error of the frame.

    Args:
        frames: frames to show, as "VIDEO:NUMBER" with numbers from 0; empty shows the highest-scored abnormal frame of
            each video.
        videos: maximum number of videos if `frames` is empty; those with the highest scores come first.
        dpi: resolution, dots per inch.

    Example:
        >>> ErrorMaps(frames=["01:120"]).needs_anomaly_maps
        True
    """

    needs_anomaly_maps = True

    def __init__(self, *, frames: Sequence[str] = (), videos: int = 6, dpi: int = 120) -> None:
        self.frames, self.videos, self.dpi = tuple(frames), videos, dpi

    def figures(self, result: RunResult) -> Iterator[tuple[str, Figure]]:
        """Draw frames above their errors."""
        frames = [_named(text, result) for text in self.frames] or _highest(result, self.videos)
        yield "error_maps.png", _figure(result, [_shown(result, video, index) for video, index in frames])


def above_mean(error: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """(h, w) -> the same, NaN where the error is not above the frame's mean."""
    return np.where(error > error.mean(), error, np.nan)


def _highest(result: RunResult, most: int) -> list[tuple[VideoResult, int]]:
    """The highest-scored abnormal frame of each video that has one."""
    found = [
        (video, int(np.argmax(np.where(labels, video.fused, -np.inf))))
        for video, labels in labelled_videos(result.videos)
        if labels.any()
    ]
    if not found:
        raise DataError(
            "no frame is labelled as abnormal", where="error_maps", fix='list frames: frames: ["VIDEO:NUMBER"]'
        )
    return sorted(found, key=lambda one: -one[0].fused[one[1]])[:most]


def _named(text: str, result: RunResult) -> tuple[VideoResult, int]:
    name, colon, number = text.rpartition(":")
    if not (colon and number.isdecimal()):
        raise DataError(
            f"{text!r} is not 'VIDEO:NUMBER'", where="error_maps", fix='write, for example, frames: ["01:120"]'
        )
    videos = {video.name: video for video in result.videos}
    if name not in videos:
        raise DataError(f"no video is named {name!r}", where="error_maps", fix=closest(name, videos))
    index = np.flatnonzero(numbers_of(videos[name]) == int(number))
    if not index.size:
        raise DataError(f"video {name!r} has no scored frame {number}", where="error_maps")
    return videos[name], int(index[0])


def _shown(result: RunResult, video: VideoResult, index: int) -> Shown:
    if video.anomaly_maps is None:
        fix = "score again with maps: 'vadkit run RECIPE --resume --set report=[console,json,error_maps]'"
        raise DataError("the run has no maps", where="error_maps", fix=fix)
    [frame] = show(result, video, [index], "error_maps")
    return Shown(video, index, frame, np.asarray(video.anomaly_maps()[index], np.float64))


def _figure(result: RunResult, shown: Sequence[Shown]) -> Figure:
    columns = len(shown) if len(shown) <= 4 else 3
    rows = -(-len(shown) // columns)
    height, width = shown[0].picture.shape[:2]
    figure = new_figure(3.2 * columns, (6.4 * height / width + 0.3) * rows + 1.2)
    grid = figure.subplots(2 * rows, columns, squeeze=False)
    highest = max(float(one.error.max()) for one in shown) or 1.0
    image: Any = None
    for axes in grid.flat:
        bare(axes)
    for index, one in enumerate(shown):
        row, column = divmod(index, columns)
        above, below = grid[2 * row][column], grid[2 * row + 1][column]
        picture(above, one.picture)
        above.set_title(title_of(one.video, one.at), fontsize=9, loc="left")
        # Faint, so that the errors drawn over it are visible.
        below.imshow(one.picture.astype(np.float64).mean(2), cmap="gray", vmin=0, vmax=255, alpha=0.35)
        high, wide = one.picture.shape[:2]
        over = (-0.5, wide - 0.5, high - 0.5, -0.5)  # maps may be coarser than frames
        image = below.imshow(above_mean(one.error), cmap="inferno", vmin=0, vmax=highest, extent=over)
    for axes in grid.flat:
        axes.set_visible(bool(axes.images))
    h, w = shown[0].error.shape
    # The pixel block that a value of the map stands for, unless it is a single pixel.
    of = "" if (h, w) == (height, width) else f", mean of {round(height / h)}x{round(width / w)} pixels"
    bar = figure.colorbar(image, ax=grid, location="bottom", fraction=0.05, aspect=40, shrink=0.8)
    bar.set_label(f"error{of}, intensities from -1 to 1; errors below the frame's mean are not drawn", fontsize=9)
    figure.suptitle(f"{printable(result.name)}: error maps and scores, {rules(result.protocol)}", fontsize=11)
    return figure
