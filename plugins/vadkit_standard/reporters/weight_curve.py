"""AUC over the weight of a score, as in the paper's Fig. 3."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, RunResult, closest
from vadkit_standard.reporters.drawing import (
    GRAY,
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
    from matplotlib.figure import Figure

_MARKERS = "osD^vP"


class WeightCurve(FigureReporter):
    """Figure `figures/weight_curve.png`: the micro AUC of R + weight x L (Eq. 14), for several L and weights.

    Each point is the AUC on the test set. A weight that is chosen by it is test-tuned.

    Args:
        vary: entries of `fuse` (L), each added separately to the rest of the fused score (R). Give an entry that only
            this figure needs the weight 0 in `fuse`. Default: all entries that are likelihoods.
        weights: weights to try; default: the paper's.
        dpi: resolution, dots per inch.

    Example:
        >>> WeightCurve(vary=["likelihood"], weights=[1.0, 0.1]).weights
        (0.1, 1.0)
    """

    def __init__(
        self, *, vary: Sequence[str] = (), weights: Sequence[float] = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0), dpi: int = 120
    ) -> None:
        self.vary, self.weights, self.dpi = tuple(vary), tuple(sorted(weights)), dpi

    def figures(self, result: RunResult) -> Iterator[tuple[str, Figure]]:
        """Draw one curve for each varied score, and the AUC of the rest alone."""
        curves, base = weight_curves(result, _varied(self.vary, result), self.weights)
        yield "weight_curve.png", _figure(result, curves, base, self.weights)


def weight_curves(
    result: RunResult, vary: Sequence[str], weights: Sequence[float]
) -> tuple[dict[str, list[float]], float | None]:
    """Return name -> micro AUC for each weight, and the micro AUC of the rest of the fused score alone."""
    if result.protocol.get("smoothing"):
        what = "the final score is smoothed, so it is not a weighted sum of the components"
        raise DataError(what, where="weight_curve", fix="choose a protocol without smoothing")
    own: Mapping[str, Any] = result.protocol.get("components") or {}
    labelled = labelled_videos(result.videos)
    rests = [
        video.fused - sum((float(own[name]["weight"]) * video.components[name] for name in vary), start=0.0)
        for video, _ in labelled
    ]

    def auc(totals: Sequence[NDArray[np.float64]]) -> float:
        ranking = rank(labelled, totals)
        return ranking.both_classes(ranking.curve()).auc()

    curves = {
        name: [
            auc([rest + weight * video.components[name] for rest, (video, _) in zip(rests, labelled, strict=True)])
            for weight in weights
        ]
        for name in vary
    }
    alone = set(own) <= set(vary)  # nothing else is fused, so the rest is 0
    return curves, None if alone else auc(rests)


def _varied(named: Sequence[str], result: RunResult) -> Sequence[str]:
    fused = list(result.videos[0].components) if result.videos else []
    for name in named:
        if name not in fused:
            raise DataError(f"{name!r} is not fused", where="weight_curve", fix=closest(name, fused))
    likelihoods = result.summary.run.dimensions if result.summary.run else {}
    chosen = named or [name for name in fused if name in likelihoods]
    if not chosen:
        raise DataError("no likelihood is fused", where="weight_curve", fix="list the scores to vary: vary: [...]")
    return chosen


def _figure(
    result: RunResult, curves: Mapping[str, Sequence[float]], base: float | None, weights: Sequence[float]
) -> Figure:
    figure = new_figure(5.6, 4.2)
    axes = figure.subplots()
    own: Mapping[str, Any] = result.protocol.get("components") or {}
    if base is not None:
        axes.axhline(100 * base, color=GRAY, linewidth=1, linestyle="--", label=f"without ({100 * base:.1f})")
    colors = colors_of(curves)
    for index, (name, values) in enumerate(curves.items()):
        percent = [100 * value for value in values]
        marker = _MARKERS[index % len(_MARKERS)]
        axes.plot(weights, percent, color=colors[name], marker=marker, markersize=5, label=printable(name))
        chosen = float(own[name]["weight"])
        if chosen in weights:  # the weight in the recipe
            at = percent[list(weights).index(chosen)]
            ring = {"markersize": 11, "markerfacecolor": "none", "markeredgecolor": colors[name], "linestyle": "none"}
            axes.plot(chosen, at, "o", label="as fused in the recipe", **ring)
    axes.set(xlabel="weight of the likelihood", ylabel="micro AUC on the test set (%)")
    title = f"{printable(result.name)}: a choice by this curve is test-tuned\n{rules(result.protocol)}"
    axes.set_title(title, fontsize=10, loc="left")
    axes.legend(fontsize=9, frameon=False)
    plain_frame(axes)
    return figure
