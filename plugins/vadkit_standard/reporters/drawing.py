"""Helpers for all figures: saving, colours, titles, frames. Figures are objects; pyplot's state is not used."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, Reporter, RunResult, ScoredVideo, VideoResult, atomic_write
from vadkit_standard.ranking import Ranking
from vadkit_standard.reporters.names import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colour-blind safe palette; green, blue and red as in the paper's Fig. 6.
NORMAL = "#0072B2"
ABNORMAL = "#D55E00"
TOTAL = ABNORMAL
BAND = "#f4b6b6"
GRAY = "#777777"
FUSED = ""  # no component can have this name
_NAMED = {"reconstruction": "#009E73", "likelihood": NORMAL}
_OTHERS = ("#009E73", NORMAL, "#CC79A7", "#E69F00", "#56B4E9", "#000000")


class FigureReporter(Reporter):
    """A reporter that writes figures below `figures/`."""

    dpi: int

    def report(self, result: RunResult, folder: Path) -> None:
        """Write the figures.

        Raises:
            DataError: the result lacks what a figure shows, such as labels, frames or anomaly maps.
            RunFolderError: the folder cannot be written.
        """
        from matplotlib import rc_context

        from vadkit_standard.reporters.fonts import make_drawable

        with rc_context({"text.parse_math": False}):  # no math in names
            for name, figure in self.figures(result):
                make_drawable(figure)
                with atomic_write(folder / "figures" / name) as aside:
                    figure.savefig(aside, dpi=self.dpi)

    @abstractmethod
    def figures(self, result: RunResult) -> Iterator[tuple[str, Figure]]:
        """Draw the figures: path below `figures/`, and figure."""


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, inches."""
    from matplotlib.figure import Figure  # here, because its import is slow, and a check only reads the class

    return Figure(figsize=(width, height), layout="constrained")


def labelled_videos(videos: Sequence[VideoResult]) -> list[tuple[VideoResult, NDArray[np.bool_]]]:
    """The videos that have labels, each with its labels."""
    return [(video, video.labels) for video in videos if video.labels is not None]


def rank(labelled: Sequence[tuple[VideoResult, NDArray[np.bool_]]], scores: Sequence[NDArray[np.float64]]) -> Ranking:
    """The frames of labelled videos, sorted by scores that are given for each video."""
    return Ranking([ScoredVideo(v.name, one, labels) for (v, labels), one in zip(labelled, scores, strict=True)])


def colors_of(components: Collection[str]) -> dict[str, str]:
    """Component -> its colour."""
    colors = {name: _NAMED[name] for name in components if name in _NAMED}
    free = [color for color in _OTHERS if color not in colors.values()]
    rest = [name for name in components if name not in colors]
    return colors | {name: free[index % len(free)] for index, name in enumerate(rest)}


def rules(protocol: Mapping[str, Any]) -> str:
    """The protocol in one line, for titles."""
    mark = "   TEST-TUNED" if protocol.get("test_tuned") else ""
    return f"protocol {protocol.get('name', '?')} #{protocol.get('digest', '?')}{mark}"


def plain_frame(axes: Axes) -> None:
    """Hide the top and right lines of the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


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
