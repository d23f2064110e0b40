"""Weights of the components, where a protocol has them fitted: never from test labels, unless marked so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from vadkit.core.errors import DataError
from vadkit.evaluation.coverage import Imputed
from vadkit.evaluation.fusion import Fusion

# Shares of a component against the others, in units of their deviations; the search goes through these.
_SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
_PASSES = 3

Scores = NDArray[np.float64]
Truth = Sequence[NDArray[np.bool_]]


def divide_by_deviations(fusion: Fusion) -> None:
    """Divide each weight by the component's deviation on held-out normal video.

    Raises:
        DataError: none was held out, or a component does not vary on it.
    """
    if not fusion.normal:
        raise _absent("no normal video was held out")
    scale = _deviations(_weighed(fusion, fusion.scaled_normal), "held-out normal video")
    fusion.set_weights({name: fusion.parts[name].weight / scale[name] for name in scale})


def fit_to(fusion: Fusion, videos: Sequence[Imputed], truth: Truth, *, what: str) -> None:
    """Set the weights that give the best micro AUC, by coordinate ascent from equal shares.

    Args:
        fusion: its transforms are fitted; its weights are changed.
        videos: with anomalies in them.
        truth: which frames have them, (F,) bool of each video.
        what: they are, for messages.

    Raises:
        DataError: there are none, all frames are of one class, or a component does not vary.
    """
    if not videos:
        raise _absent(f"there are no scores of {what}")
    labels = np.concatenate([one[video.kept] for one, video in zip(truth, videos, strict=True)])
    if labels.all() or not labels.any():
        raise DataError(f"all {labels.size} frames of the {what} are of one class", where="evaluate.protocol.weights")
    scaled = fusion.scale(videos)
    scale = _deviations(_weighed(fusion, scaled), what)
    shares = dict.fromkeys(scale, 1.0)

    def auc(trial: Mapping[str, float]) -> float:
        if not any(trial.values()):
            return 0.0
        fusion.set_weights({name: share / scale[name] for name, share in trial.items()})
        return float(roc_auc_score(labels, np.concatenate(fusion.total(videos, scaled))))

    best = auc(shares)
    for _ in range(_PASSES):
        before = best
        for name in shares:
            shares, best = _along(name, shares, best, auc)
        if best == before:
            break
    largest = max(share / scale[name] for name, share in shares.items())
    fusion.set_weights({name: share / scale[name] / largest for name, share in shares.items()})


def _along(
    name: str, shares: dict[str, float], best: float, value: Callable[[Mapping[str, float]], float]
) -> tuple[dict[str, float], float]:
    for share in _SHARES:
        trial = shares | {name: share}
        if (found := value(trial)) > best:
            shares, best = trial, found
    return shares, best


def _weighed(fusion: Fusion, scaled: Mapping[str, list[Scores]]) -> dict[str, list[Scores]]:
    """Without the components of weight 0, which are measured only."""
    return {name: scores for name, scores in scaled.items() if fusion.parts[name].weight}


def _deviations(scaled: Mapping[str, Sequence[NDArray[np.float64]]], what: str) -> dict[str, float]:
    found = {name: float(np.concatenate(scores).std()) for name, scores in scaled.items()}
    for name, deviation in found.items():
        if deviation == 0:
            raise DataError(
                f"component {name!r} is the same in every frame of the {what}",
                where="evaluate.protocol.weights",
                fix="leave it out of 'fuse', or choose 'weights: fixed'",
            )
    return found


def _absent(what: str) -> DataError:
    return DataError(
        f"weights are to be fitted, and {what}",
        where="evaluate.protocol.weights",
        fix="run the recipe with 'data.held_out: 0.1', or choose 'weights: fixed'",
    )
