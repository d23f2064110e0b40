"""Score curves, as in the paper's Fig. 6, and the ROC. Both need the score files alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vadkit.api import RunResult, VideoResult, intervals_of, safe_name
from vadkit_standard.ranking import crossing, nearest
from vadkit_standard.reporters.drawing import (
    BAND,
    FUSED,
    GRAY,
    TOTAL,
    FigureReporter,
    colors_of,
    labelled_videos,
    new_figure,
    plain_frame,
    rank,
    rules,
)
from vadkit_standard.reporters.names import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GRID = 12  # videos on the overview page
_FAR_APART = 10.0  # ratio of two curves' ranges above which the smaller one looks flat


class Figures(FigureReporter):
    """Figures `figures/scores.png` and `figures/roc.png`, and a score curve of each video.

    Args:
        each: also write one file per video, under `figures/videos/`.
        dpi: resolution, dots per inch.

    Example:
        >>> Figures(each=False, dpi=200).dpi
        200
    """

    def __init__(self, *, each: bool = True, dpi: int = 120) -> None:
        self.each, self.dpi = each, dpi

    def figures(self, result: RunResult) -> Iterator[tuple[str, Figure]]:
        """Draw the figures; the ROC only if there are labels of both classes, and nothing without videos."""
        if not result.videos:
            return
        # A component of weight 0 is fused for another figure only.
        own = result.protocol.get("components") or {}
        shown = [name for name in result.videos[0].components if own.get(name, {}).get("weight", 1.0) != 0]
        colors = colors_of(shown)
        yield "scores.png", _page(result, colors)
        for video in result.videos if self.each else ():
            yield f"videos/{safe_name(video.name)}.png", _single(video, colors)
        if len({int(label) for _, labels in labelled_videos(result.videos) for label in np.unique(labels)}) == 2:
            yield "roc.png", _roc(result, colors)


def _page(result: RunResult, colors: Mapping[str, str]) -> Figure:
    videos = result.videos[:_GRID]
    columns = 1 if len(videos) == 1 else 2 if len(videos) <= 4 else 3
    rows = -(-len(videos) // columns)
    figure = new_figure(4.4 * columns + 0.6, 2.3 * rows + 1.1)
    all_axes = figure.subplots(rows, columns, squeeze=False)
    for index, (axes, video) in enumerate(zip(all_axes.flat, videos, strict=False)):
        _curves(axes, video, colors)
        axes.set_title(printable(video.name), fontsize=9, loc="left")
        if index % columns == 0:
            axes.set_ylabel("anomaly score", fontsize=9)
        if index + columns >= len(videos):
            axes.set_xlabel("frame", fontsize=9)
    for axes in all_axes.flat[len(videos) :]:
        axes.set_visible(False)
    more = f"  (first {len(videos)} of {len(result.videos)} videos)" if len(result.videos) > len(videos) else ""
    figure.suptitle(f"{printable(result.name)}{more}\n{rules(result.protocol)}", fontsize=11)
    return _with_legend(figure, videos, colors)


def _single(video: VideoResult, colors: Mapping[str, str]) -> Figure:
    figure = new_figure(9, 3.2)
    axes = figure.subplots()
    _curves(axes, video, colors)
    axes.set_title(printable(video.name), fontsize=11, loc="left")
    axes.set_xlabel("frame")
    axes.set_ylabel("anomaly score")
    return _with_legend(figure, [video], colors)


def _curves(axes: Axes, video: VideoResult, colors: Mapping[str, str]) -> None:
    curves = {name: video.components[name] for name in colors} | {FUSED: video.fused}
    spans = [float(np.ptp(scores)) for scores in curves.values() if np.ptp(scores) > 0]
    if spans and max(spans) > _FAR_APART * min(spans):
        curves = {name: _unit(scores) for name, scores in curves.items()}
        axes.set_title("each curve on its own scale", fontsize=7, loc="right", color=GRAY)
    if video.labels is not None:
        for start, stop in intervals_of(video.labels):
            axes.axvspan(start - 0.5, stop - 0.5, color=BAND, alpha=0.6, linewidth=0, zorder=0)
    for name, color in colors.items():
        axes.plot(curves[name], color=color, linewidth=1.0, alpha=0.9)
    axes.plot(curves[FUSED], color=TOTAL, linewidth=1.6)
    axes.set_xlim(-0.5, max(video.fused.size, 2) - 0.5)
    plain_frame(axes)


def _with_legend(figure: Figure, videos: Sequence[VideoResult], colors: Mapping[str, str]) -> Figure:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Line2D | Patch] = [Line2D([], [], color=color, label=name) for name, color in colors.items()]
    handles.append(Line2D([], [], color=TOTAL, linewidth=2, label="total"))
    if any(video.labels is not None for video in videos):
        handles.append(Patch(color=BAND, alpha=0.6, linewidth=0, label="abnormal (ground truth)"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def _unit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    span = np.ptp(scores)
    return (scores - scores.min()) / span if span > 0 else np.zeros_like(scores)


def _roc(result: RunResult, colors: Mapping[str, str]) -> Figure:
    """Figure of the ROC over all frames, for each component and for the total, with their EERs."""
    figure = new_figure(5.4, 5.4)
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color=GRAY, linewidth=0.8, linestyle=":", label="random scorer")
    axes.plot([0, 100], [100, 0], color=GRAY, linewidth=0.8, alpha=0.6)
    labelled, protocol = labelled_videos(result.videos), result.protocol
    curves = [(component, color, 1.1) for component, color in colors.items()]
    for component, color, width in [*curves, (FUSED, TOTAL, 2.0)]:
        scores = [video.components.get(component, video.fused) for video, _ in labelled]
        curve = rank(labelled, scores).curve()
        rates = [100 * rate for rate in curve.rates()]
        error = 100 * (nearest(curve) if protocol.get("eer") == "nearest" else crossing(curve))
        label = f"{component or 'total'}: AUC {100 * curve.auc():.1f}, EER {error:.1f}"
        axes.plot(*rates, color=color, linewidth=width, label=label)
        axes.plot(error, 100 - error, "o", color=color, markersize=6, markeredgecolor="white", clip_on=False)
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
    axes.set(xlabel="false positive rate (%)", ylabel="true positive rate (%)")
    axes.set_title(f"{printable(result.name)}: ROC over all frames\n{rules(protocol)}", fontsize=10, loc="left")
    axes.legend(loc="lower right", fontsize=8.5, framealpha=1, edgecolor="none")
    plain_frame(axes)
    return figure
