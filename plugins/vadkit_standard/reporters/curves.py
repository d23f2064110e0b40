"""Score curves over time, as in the paper's Fig. 6: each component, the total, and the ground truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from vadkit.api import RunResult, VideoResult, intervals_of
from vadkit_standard.reporters.drawing import BAND, FUSED, GRAY, TOTAL, plain_frame, rules
from vadkit_standard.reporters.names import printable

_GRID = 12  # videos on the overview page
_FAR_APART = 10.0  # ratio of two curves' ranges above which the smaller one looks flat


def page(result: RunResult, colors: Mapping[str, str]) -> Figure:
    """Figure of up to twelve videos."""
    videos = result.videos[:_GRID]
    columns = 1 if len(videos) == 1 else 2 if len(videos) <= 4 else 3
    rows = -(-len(videos) // columns)
    figure = Figure(figsize=(4.4 * columns + 0.6, 2.3 * rows + 1.1), layout="constrained")
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


def single(video: VideoResult, colors: Mapping[str, str]) -> Figure:
    """Figure of one video."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
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
    handles: list[Line2D | Patch] = [Line2D([], [], color=color, label=name) for name, color in colors.items()]
    handles.append(Line2D([], [], color=TOTAL, linewidth=2, label="total"))
    if any(video.labels is not None for video in videos):
        handles.append(Patch(color=BAND, alpha=0.6, linewidth=0, label="abnormal (ground truth)"))
    figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def _unit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    span = np.ptp(scores)
    return (scores - scores.min()) / span if span > 0 else np.zeros_like(scores)
