"""Histograms of likelihoods of normal and abnormal frames, as in the paper's Fig. 5."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import log
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, RunResult, VideoResult, closest, safe_name
from vadkit_standard.reporters.drawing import ABNORMAL, GRAY, NORMAL, FigureReporter, new_figure, plain_frame
from vadkit_standard.reporters.names import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 40
_LOOKS = (
    (0, "normal frames", NORMAL, 0.55),
    (1, "abnormal frames", ABNORMAL, 0.45),
    (-1, "frames without labels", GRAY, 0.5),
)


class Histograms(FigureReporter):
    """Figure `figures/histograms.png`: log-likelihoods of normal and abnormal frames, in bits per dimension.

    Args:
        scores: entries of `scores` to show; empty shows all likelihoods.
        each: also write one file per video that has frames of both classes, under `figures/histograms/`.
        dpi: resolution, dots per inch.

    Example:
        >>> Histograms(scores=["likelihood"], each=False).scores
        ('likelihood',)
        >>> bits_per_dimension(np.array([log(2) * 6]), dimensions=3)
        array([-2.])
    """

    def __init__(self, *, scores: Sequence[str] = (), each: bool = True, dpi: int = 120) -> None:
        self.scores, self.each, self.dpi = tuple(scores), each, dpi

    def figures(self, result: RunResult) -> Iterator[tuple[str, Figure]]:
        """Draw the videos together, then each one.

        Raises:
            DataError: the run has no likelihood, or not the named one.
        """
        dimensions: Mapping[str, int] = result.summary.run.dimensions if result.summary.run else {}
        known = [name for name in dimensions if all(name in video.raw for video in result.videos)]
        for name in self.scores:
            if name not in known:
                raise DataError(
                    f"this run has no likelihood named {name!r}", where="histograms", fix=closest(name, known)
                )
        chosen = self.scores or tuple(known)
        if not chosen or not result.videos:
            raise DataError("no score of this run is a likelihood", where="histograms", fix="add one, {use: nll, ...}")
        calibrated = result.protocol.get("overlap", "mean") != "mean"
        panels = {name: None if calibrated else dimensions[name] for name in chosen}
        yield "histograms.png", _figure(result.name, "all test frames", result.videos, panels)
        for video in result.videos if self.each else ():
            if video.labels is not None and 0 < video.labels.sum() < video.labels.size:
                name = f"histograms/{safe_name(video.name)}.png"
                yield name, _figure(result.name, f"video {video.name}", [video], panels)


def bits_per_dimension(nll: NDArray[np.float64], dimensions: int) -> NDArray[np.float64]:
    """Convert negative log-likelihoods (nats, all dimensions) to log-likelihoods in bits per dimension."""
    return -nll / (dimensions * log(2))


def shares(values: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Percentage of the values in each bin."""
    counts, _ = np.histogram(values, edges)
    return 100 * counts / max(values.size, 1)


def _figure(name: str, what: str, videos: Sequence[VideoResult], panels: Mapping[str, int | None]) -> Figure:
    figure = new_figure(4.2 * len(panels) + 0.4, 3.6)
    grid = figure.subplots(1, len(panels), squeeze=False)
    for axes, (score, dimensions) in zip(grid.flat, panels.items(), strict=True):
        _panel(axes, score, videos, dimensions)
    grid[0][0].set_ylabel("share of the frames of a class (%)", fontsize=9)
    figure.suptitle(f"{printable(name)}: {printable(what)}", fontsize=11)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure


def _panel(axes: Axes, score: str, videos: Sequence[VideoResult], dimensions: int | None) -> None:
    scores = [video.raw[score] for video in videos]
    scaled = [-one if dimensions is None else bits_per_dimension(one, dimensions) for one in scores]
    values = np.concatenate(scaled)
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high, _BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    classes = np.concatenate(
        [np.full(video.fused.size, -1) if video.labels is None else video.labels.astype(int) for video in videos]
    )
    for value, label, color, alpha in _LOOKS:
        mine = values[classes == value]
        if mine.size:
            share = shares(mine, edges)
            axes.stairs(share, edges, fill=True, color=color, alpha=alpha, label=f"{label} ({mine.size})")
            axes.stairs(share, edges, color=color, linewidth=1.2)
    axes.set_title(printable(score), fontsize=10, loc="left")
    unit = "bits per dimension" if dimensions is not None else "calibrated, in deviations of training clips"
    axes.set_xlabel(f"log-likelihood ({unit})", fontsize=9)
    axes.set_ylim(bottom=0)
    plain_frame(axes)
