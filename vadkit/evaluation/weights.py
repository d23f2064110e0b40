"""Fits the weights of the components, if the protocol says so. Only protocols marked TEST-TUNED use test labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.evaluation.coverage import Imputed
from vadkit.evaluation.fusion import Fusion

# Values of the search: share of a component relative to the others, in units of their standard deviations.
_SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_PASSES = 3

Scores = NDArray[np.float64]


def divide_by_deviations(fusion: Fusion) -> None:
    """Divide each weight by the component's standard deviation on held-out normal videos.

    Raises:
        DataError: no normal video was held out, or a component is constant on these videos.
    """
    if not fusion.normal:
        raise _cannot_fit("the weights cannot be fitted: no normal video was held out")
    std = _deviations(fusion, fusion.scaled_normal, "held-out normal videos")
    fusion.set_weights({name: fusion.parts[name].weight / std[name] for name in std})


def fit_to(fusion: Fusion, videos: Sequence[Imputed], truth: Sequence[NDArray[np.bool_]], *, what: str) -> None:
    """Set the weights with the best micro AUC on videos with labels (F,), by coordinate ascent from equal shares.

    Raises:
        DataError: there are no videos, all frames are of one class, or a component is constant.
    """
    if not videos:
        raise _cannot_fit(f"the weights cannot be fitted: there are no scores of {what}")
    labels = np.concatenate([frames[video.truth_frames] for frames, video in zip(truth, videos, strict=True)])
    if labels.all() or not labels.any():
        raise _cannot_fit(f"all {labels.size} frames of the {what} are of one class", "check the labels")
    scaled = fusion.scale(videos)
    std = _deviations(fusion, scaled, what)
    from sklearn.metrics import roc_auc_score  # here, because its import takes longer than most evaluations

    shares = dict.fromkeys(std, 1.0)

    def auc(trial: Mapping[str, float]) -> float:
        if not any(trial.values()):
            return 0.0
        fusion.set_weights({name: share / std[name] for name, share in trial.items()})
        return float(roc_auc_score(labels, np.concatenate(fusion.total(videos, scaled))))

    best = auc(shares)
    for _ in range(_PASSES):
        before = best
        for name in shares:
            for share in _SHARES:
                trial = shares | {name: share}
                if (value := auc(trial)) > best:
                    shares, best = trial, value
        if best == before:
            break
    largest = max(share / std[name] for name, share in shares.items())
    fusion.set_weights({name: share / std[name] / largest for name, share in shares.items()})


def _deviations(fusion: Fusion, scaled: Mapping[str, Sequence[Scores]], what: str) -> dict[str, float]:
    """Component -> standard deviation. Components of weight 0 are measured but not fused: they are left out."""
    std = {name: float(np.concatenate(scaled[name]).std()) for name, part in fusion.parts.items() if part.weight}
    for name, deviation in std.items():
        if deviation == 0:
            raise _cannot_fit(f"component {name!r} is the same in every frame of the {what}", "leave it out of 'fuse'")
    return std


def _cannot_fit(what: str, fix: str = "run the recipe with 'data.held_out: 0.1'") -> DataError:
    return DataError(what, where="evaluate.protocol.weights", fix=f"{fix}, or set 'weights: fixed'")
