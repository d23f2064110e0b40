"""The frames with the worst scores, as in the paper's Fig. 9: normal ones scored high, abnormal ones scored low."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vadkit.api import DataError, RunResult, VideoResult, worst_frames
from vadkit_standard.reporters.drawing import (
    ABNORMAL,
    NORMAL,
    FigureReporter,
    bare,
    new_figure,
    picture,
    rules,
    show,
    title_of,
)
from vadkit_standard.reporters.names import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 4


class WorstFrames(FigureReporter):
    """Figure `figures/worst_frames.png`: normal frames with the highest scores, abnormal ones with the lowest.

    Args:
        count: maximum number of frames of each class.
        apart: minimum distance of two frames of one video, frames; neighbouring frames look the same.
        dpi: resolution, dots per inch.

    Example:
        >>> WorstFrames(count=4).apart
        25
    """

    def __init__(self, *, count: int = 8, apart: int = 25, dpi: int = 120) -> None:
        if count < 1 or apart < 1:
            raise DataError("'count' and 'apart' must be at least 1", where="worst_frames")
        self.count, self.apart, self.dpi = count, apart, dpi

    def figures(self, result: RunResult) -> Iterator[tuple[str, Figure]]:
        """Draw both classes, one above the other."""
        limits = {"count": self.count, "apart": self.apart}
        false, missed = (worst_frames(result.videos, abnormal=abnormal, **limits) for abnormal in (False, True))
        if not (false or missed):
            raise DataError("no frame is labelled", where="worst_frames", fix="add labels to the data set")
        yield "worst_frames.png", _figure(result, false, missed)


def _figure(
    result: RunResult, false: Sequence[tuple[VideoResult, int]], missed: Sequence[tuple[VideoResult, int]]
) -> Figure:
    blocks = [
        ("normal frames with the highest scores", NORMAL, false),
        ("abnormal frames with the lowest scores", ABNORMAL, missed),
    ]
    shown = [(title, color, some) for title, color, some in blocks if some]
    pictures = [[show(result, video, [index], "worst_frames")[0] for video, index in some] for _, _, some in shown]
    columns = min(_COLUMNS, max(len(some) for _, _, some in shown))
    rows = [-(-len(some) // columns) for _, _, some in shown]
    height, width = pictures[0][0].shape[:2]
    cell = 3.0 * height / width + 0.22
    figure = new_figure(3.0 * columns + 0.3, cell * sum(rows) + 0.45 * len(shown) + 0.7)
    parts = np.atleast_1d(np.array(figure.subfigures(len(shown), 1, height_ratios=rows), dtype=object))
    for part, (title, color, some), images, count in zip(parts, shown, pictures, rows, strict=True):
        part.suptitle(title, fontsize=10, color=color, x=0.01, ha="left")
        grid = part.subplots(count, columns, squeeze=False)
        for axes in grid.flat:
            bare(axes)
        for axes, (video, index), image in zip(grid.flat, some, images, strict=False):
            picture(axes, image)
            axes.set_title(title_of(video, index), fontsize=8, loc="left")
    figure.suptitle(f"{printable(result.name)}: final scores, {rules(result.protocol)}", fontsize=11)
    return figure
