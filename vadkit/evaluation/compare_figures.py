"""The figures of a comparison, in matplotlib: intervals, ROCs, and the values of each video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vadkit.report.curves import roc_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vadkit.evaluation.compare import Comparison


def figures_of(comparison: Comparison) -> dict[str, Figure]:
    """Name -> figure: the intervals of each metric, the ROC, and the first metric that is known for each video."""
    found = {metric: intervals(comparison, metric) for metric in comparison.metrics}
    if (curves := roc(comparison)) is not None:
        found["roc"] = curves
    if (videos := each_video(comparison)) is not None:
        found["each_video"] = videos
    return found


def intervals(comparison: Comparison, metric: str) -> Figure:
    """The value of each run, with a line for its 95 % interval."""
    figure, axes = _figure(6.4, 0.9 + 0.4 * len(comparison.entries))
    scale = 1 if metric in comparison.units else 100
    for row, entry in enumerate(comparison.entries):
        if metric in entry.values:
            axes.plot(scale * entry.values[metric], row, "o", color="#1f4e79")
        if metric in entry.intervals:
            low, high = (scale * end for end in entry.intervals[metric])
            axes.plot([low, high], [row, row], color="#1f4e79", linewidth=1.6)
    axes.set_yticks(range(len(comparison.entries)), [entry.name for entry in comparison.entries])
    axes.invert_yaxis()
    axes.set_xlabel(f"{metric} {comparison.units.get(metric, '%')}".rstrip())
    return figure


def roc(comparison: Comparison) -> Figure | None:
    """The ROC of each run over all frames; None without labelled frames of both classes."""
    lines = []
    for entry in comparison.entries:
        labelled = [(video.fused, video.labels) for video in entry.result.videos if video.labels is not None]
        if labelled:
            scores, labels = (np.concatenate(list(parts)) for parts in zip(*labelled, strict=True))
            lines.append(roc_line(entry.name, scores, labels))
    lines = [line for line in lines if line is not None]
    if not lines:
        return None
    figure, axes = _figure(5.2, 5.2)
    axes.plot([0, 100], [0, 100], color="#9a9a9a", linestyle=":", linewidth=0.8)
    for line in lines:
        axes.plot(line.x, line.y, label=line.name, linewidth=1.6)
    axes.set(xlim=(0, 100), ylim=(0, 100), aspect="equal")
    axes.set(xlabel="false positive rate (%)", ylabel="true positive rate (%)")
    axes.legend(loc="lower right", frameon=False, fontsize=8.5)
    return figure


def each_video(comparison: Comparison) -> Figure | None:
    """The values of each video, for the first metric that has some; None if no metric has any."""
    groups = [entry.result.groups.get("video", {}) for entry in comparison.entries]
    known = {metric for group in groups for values in group.values() for metric in values}
    metric = next((name for name in comparison.metrics if name in known), None)
    if metric is None:
        return None
    names = list(dict.fromkeys(name for group in groups for name in group))
    figure, axes = _figure(6.4, 1.2 + 0.28 * len(names))
    scale = 1 if metric in comparison.units else 100
    for entry, group in zip(comparison.entries, groups, strict=True):
        values = [scale * group.get(name, {}).get(metric, float("nan")) for name in names]
        axes.plot(values, range(len(names)), "o", label=entry.name, alpha=0.85)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(f"{metric} of each video, {comparison.units.get(metric, '%')}".rstrip(", "))
    axes.legend(frameon=False, fontsize=8.5)
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    return figure, axes
