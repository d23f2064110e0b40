"""Score curves as in the paper's Fig. 6, and the ROC. Figures are objects: pyplot's state is not touched."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from vadkit.api import Reporter, RunResult, ScoredVideo, VideoResult, runs, write_aside
from vadkit_standard.ranking import Ranking, crossing, nearest
from vadkit_standard.reporters.names import printable

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TOTAL = "#d62728"
_BAND = "#f4b6b6"
_GRAY = "#777777"
_FUSED = ""  # no component can have this name
_NAMED = {"reconstruction": "#2ca02c", "likelihood": "#1f77b4"}
_OTHERS = ("#2ca02c", "#1f77b4", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#bcbd22", "#e377c2")
_LONGEST_NAME = 180  # file systems allow 255 bytes
_GRID = 12  # videos on the page that shows many
_FAR_APART = 10.0  # ratio of two curves' ranges beyond which the smaller one looks flat


class Figures(Reporter):
    """Writes `figures/scores.png`, `figures/roc.png` and a score curve of each video.

    Args:
        each: also write one file a video, under `figures/videos/`.
        dpi: dots an inch.
    """

    def __init__(self, *, each: bool = True, dpi: int = 120) -> None:
        self.each = each
        self.dpi = dpi

    def report(self, result: RunResult, folder: Path) -> None:
        """Write the pictures; the ROC only where labels of both classes are known.

        Raises:
            RunFolderError: the folder cannot be written.
        """
        # Names are no formulas, and a character that the font lacks is no reason to complain.
        with rc_context({"text.parse_math": False}), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
            self._draw(result, folder / "figures")

    def _draw(self, result: RunResult, figures: Path) -> None:
        if not result.videos:
            return
        colors = _colors(result.videos[0].components)
        self._save(_page(result, colors), figures / "scores.png")
        if self.each:
            for video in result.videos:
                name = quote(video.name, safe=" ", errors="replace")[:_LONGEST_NAME]
                self._save(_single(video, colors), figures / "videos" / f"{name}.png")
        labelled = [(video, video.labels) for video in result.videos if video.labels is not None]
        abnormal = sum(int(labels.sum()) for _, labels in labelled)
        if 0 < abnormal < sum(labels.size for _, labels in labelled):
            self._save(_roc_figure(result.name, labelled, colors, result.protocol), figures / "roc.png")

    def _save(self, figure: Figure, path: Path) -> None:
        with write_aside(path) as aside:
            figure.savefig(aside, dpi=self.dpi)


def _colors(components: Mapping[str, object]) -> dict[str, str]:
    colors = {name: _NAMED[name] for name in components if name in _NAMED}
    free = [color for color in _OTHERS if color not in colors.values()]
    rest = [name for name in components if name not in colors]
    return colors | {name: free[index % len(free)] for index, name in enumerate(rest)}


def _page(result: RunResult, colors: Mapping[str, str]) -> Figure:
    """Up to twelve videos on one page."""
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
    figure.suptitle(f"{printable(result.name)}{more}\n{_rules(result.protocol)}", fontsize=11)
    labelled = any(video.labels is not None for video in videos)
    figure.legend(handles=_handles(colors, labelled), loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def _single(video: VideoResult, colors: Mapping[str, str]) -> Figure:
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    axes = figure.subplots()
    _curves(axes, video, colors)
    axes.set_title(printable(video.name), fontsize=11, loc="left")
    axes.set_xlabel("frame")
    axes.set_ylabel("anomaly score")
    handles = _handles(colors, video.labels is not None)
    figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return figure


def _curves(axes: Axes, video: VideoResult, colors: Mapping[str, str]) -> None:
    curves = dict(video.components) | {_FUSED: video.fused}
    spans = [float(np.ptp(scores)) for scores in curves.values() if np.ptp(scores) > 0]
    if spans and max(spans) > _FAR_APART * min(spans):
        curves = {name: _unit(scores) for name, scores in curves.items()}
        axes.set_title("each curve on its own scale", fontsize=7, loc="right", color=_GRAY)
    if video.labels is not None:
        for start, stop in runs(video.labels):
            axes.axvspan(start - 0.5, stop - 0.5, color=_BAND, alpha=0.6, linewidth=0, zorder=0)
    for name, color in colors.items():
        axes.plot(curves[name], color=color, linewidth=1.0, alpha=0.9)
    axes.plot(curves[_FUSED], color=_TOTAL, linewidth=1.6)
    axes.set_xlim(-0.5, max(video.fused.size, 2) - 0.5)
    _plain_frame(axes)


def _handles(colors: Mapping[str, str], labelled: bool) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [Line2D([], [], color=color, label=name) for name, color in colors.items()]
    handles.append(Line2D([], [], color=_TOTAL, linewidth=2, label="total"))
    if labelled:
        handles.append(Patch(color=_BAND, alpha=0.6, linewidth=0, label="abnormal (ground truth)"))
    return handles


def _roc_figure(
    name: str,
    labelled: Sequence[tuple[VideoResult, NDArray[np.bool_]]],
    colors: Mapping[str, str],
    protocol: Mapping[str, Any],
) -> Figure:
    figure = Figure(figsize=(5.4, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color=_GRAY, linewidth=0.8, linestyle=":", label="random scorer")
    axes.plot([0, 100], [100, 0], color=_GRAY, linewidth=0.8, alpha=0.6)
    curves = [(component, color, 1.1) for component, color in colors.items()]
    for component, color, width in [*curves, (_FUSED, _TOTAL, 2.0)]:
        scores = [video.components.get(component, video.fused) for video, _ in labelled]
        videos = [ScoredVideo(video.name, one, labels) for (video, labels), one in zip(labelled, scores, strict=True)]
        curve = Ranking(videos).curve()
        rates = [100 * rate for rate in curve.rates()]
        error = 100 * (nearest(curve) if protocol.get("eer") == "nearest" else crossing(curve))
        label = f"{component or 'total'}: AUC {100 * curve.auc():.1f}, EER {error:.1f}"
        axes.plot(*rates, color=color, linewidth=width, label=label)
        axes.plot(error, 100 - error, "o", color=color, markersize=6, markeredgecolor="white", clip_on=False)
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
    axes.set(xlabel="false positive rate (%)", ylabel="true positive rate (%)")
    axes.set_title(f"{printable(name)}: ROC over all frames\n{_rules(protocol)}", fontsize=10, loc="left")
    axes.legend(loc="lower right", fontsize=8.5, framealpha=1, edgecolor="none")
    _plain_frame(axes)
    return figure


def _rules(protocol: Mapping[str, Any]) -> str:
    """What a number must be read beside."""
    mark = "   TEST-TUNED" if protocol.get("test_tuned") else ""
    return f"protocol {protocol.get('name', '?')} #{protocol.get('digest', '?')}{mark}"


def _plain_frame(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


def _unit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    span = np.ptp(scores)
    return (scores - scores.min()) / span if span > 0 else np.zeros_like(scores)
