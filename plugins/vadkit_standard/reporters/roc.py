"""The ROC over all frames."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from vadkit.api import RunResult
from vadkit_standard.ranking import crossing, nearest
from vadkit_standard.reporters.drawing import FUSED, GRAY, TOTAL, labelled_videos, plain_frame, rank, rules
from vadkit_standard.reporters.names import printable


def roc(result: RunResult, colors: Mapping[str, str]) -> Figure:
    """Figure of the ROC over all frames, for each component and for the total, with their EERs."""
    figure = Figure(figsize=(5.4, 5.4), layout="constrained")
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
