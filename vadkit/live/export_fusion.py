"""How the scores of a run's scorers become its fused score, for a program without vadkit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadkit.engine.export.clip_scorer import LinearFusion
from vadkit.engine.scoring import load_position_stats
from vadkit.evaluation.fusion import ComponentFusion
from vadkit.live.watch import Watch


@dataclass(frozen=True, slots=True)
class Calibration:
    """How the scores of one scorer enter the fused score.

    Attributes:
        mean: (T,), subtracted at each position of a clip; NaN for a position without a score.
        std: (T,), divides the difference.
        linear: scale and offset of the transforms; None if they are not a linear function of each single score.
        weight: factor in the fused score.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    linear: tuple[float, float] | None
    weight: float


def calibrations_of(watch: Watch) -> dict[str, Calibration]:
    """Scorer -> how its scores enter the fused score."""
    frames, found = watch.recipe.data.clip.frames, dict[str, Calibration]()
    stats = load_position_stats(watch.experiment) or {}
    for name in watch.recipe.scores:
        mean, std = np.zeros(frames), np.ones(frames)  # if the protocol does not standardise positions
        if name in stats:
            mean, std = stats[name].mean, stats[name].std
        part = watch.fusion.parts.get(name, ComponentFusion(0.0))
        normal = np.concatenate([video.components[name] for video in watch.fusion.normal])
        found[name] = Calibration(mean, std, linear_of(part, normal), part.weight)
    return found


def fusion_of(calibrations: Mapping[str, Calibration]) -> LinearFusion | None:
    """The fused score of a clip; None if it is not a linear function of the scores."""
    gain: dict[str, NDArray[np.float64]] = {}
    offset = 0.0
    for name, each in calibrations.items():
        if not each.weight:
            continue
        if each.linear is None:
            return None
        gain[name] = each.weight * each.linear[0] / each.std
        offset += each.weight * each.linear[1]
    return LinearFusion({name: calibrations[name].mean for name in gain}, gain, offset) if gain else None


def linear_of(part: ComponentFusion, normal: NDArray[np.float64]) -> tuple[float, float] | None:
    """Scale and offset of a component's transforms; None if they are not a linear function of each single score.

    Args:
        part: the fitted transforms.
        normal: scores of normal videos, (F,). The function is probed around them.
    """
    low, high = float(normal.min()), float(normal.max())
    probes = low + (high - low or 1.0) * np.array([0.0, 1.0, 0.3, -1.5, 0.7, 3.0, 0.3])
    values, backwards = _apply(part, probes), _apply(part, probes[::-1])[::-1]
    scale = (values[1] - values[0]) / (probes[1] - probes[0])
    offset = values[0] - scale * probes[0]
    expected, spread = scale * probes + offset, max(float(np.abs(values).max()), 1e-12)
    same = [np.abs(found - expected).max() <= 1e-6 * spread for found in (values, backwards)]
    return (float(scale), float(offset)) if all(same) else None


def _apply(part: ComponentFusion, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    for transform in part.transforms:
        scores = np.asarray(transform(scores), np.float64)
    return scores
