"""Describes an exported model: everything that a program without vadkit needs to score a video with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.alarms import HOLD
from vadkit.core.version import __version__
from vadkit.engine.export.comparison import TOLERANCE, Difference
from vadkit.engine.export.formats import Form
from vadkit.engine.export.graph import INPUT, Graph, maps_name, scores_name
from vadkit.engine.scoring import load_position_stats
from vadkit.evaluation.fusion import ComponentFusion
from vadkit.live.watch import Watch
from vadkit.model.inference.sliding_window import MAP_CELL
from vadkit.store.run_folder import digest_of
from vadkit.store.scores import PositionStats
from vadkit.video.sampling import FPS_TOLERANCE

FORMAT = "vadkit exported model"
VERSION = 1
"""Version of the layout of `model.json`. docs/reference/exported_model.md describes it."""

MASK = "mask.png"


def describe(
    watch: Watch, graph: Graph, to: str, form: Form, differences: Mapping[str, Difference | None]
) -> dict[str, Any]:
    """The content of `model.json`, as plain values.

    Args:
        watch: the run, with its threshold and its rules.
        graph: the captured run.
        to: name of the format.
        form: the format.
        differences: kind of clips -> the largest difference from PyTorch; None without clips.
    """
    recipe, clip, mask = watch.recipe, watch.recipe.data.clip, graph.module.pipeline.mask
    manifest = watch.folder.read_manifest()
    return {
        "format": FORMAT,
        "version": VERSION,
        "vadkit": __version__,
        "run": {
            "name": recipe.name,
            "id": watch.digest(),
            "recipe": digest_of(recipe.tree),
            "protocol": watch.protocol.digest(),
            "commit": manifest.began_with.commit if manifest.began_with else None,
        },
        "model": {
            "to": to,
            "file": form.file,
            "input": INPUT,
            "shape": ["batch", *clip.shape],
            "outputs": list(graph.outputs),
            "precision": "float32",
            "map_cell": MAP_CELL,
            "versions": form.versions(),
        },
        "frames": {
            "color": clip.color,
            "height": clip.height,
            "width": clip.width,
            "resize": clip.resize,
            "filter": "bilinear, antialiased",
            "divide_by": 127.5,
            "subtract": 1.0,
            "fps": watch.fps,
            "fps_tolerance": FPS_TOLERANCE,
            "mask": None if mask is None else MASK,
        },
        "clip": {
            "frames": clip.frames,
            "step": clip.step,
            "span": clip.span,
            "stride": recipe.engine.score_stride,
        },
        "components": [_component(name, watch, graph) for name in recipe.scores],
        "smoothing": [dict(one) for one in watch.protocol.smoothing],
        "alarms": {
            "threshold": watch.threshold,
            "end_threshold": watch.rules.lower(watch.threshold),
            "min_windows": watch.protocol.min_windows,
            "hold_seconds": HOLD,
            "min_duration_seconds": watch.rules.min_duration,
            "cool_down_seconds": watch.rules.cool_down,
        },
        "check": {"tolerance": TOLERANCE} | {kind: _difference(one) for kind, one in differences.items()},
    }


def _component(name: str, watch: Watch, graph: Graph) -> dict[str, Any]:
    stats = (load_position_stats(watch.experiment) or {}).get(name)
    part = watch.fusion.parts.get(name)
    linear = linear_of(part, _normal_scores(watch, name)) if part is not None else (1.0, 0.0)
    return {
        "name": name,
        "scores": scores_name(name),
        "maps": maps_name(name) if maps_name(name) in graph.outputs else None,
        "direction": "higher is more anomalous",
        "position": _position(stats, watch.recipe.data.clip.frames),
        "weight": part.weight if part is not None else 0.0,
        "transforms": [dict(one) for one in part.described] if part is not None else [],
        "scale": linear[0] if linear else None,
        "offset": linear[1] if linear else None,
    }


def _normal_scores(watch: Watch, name: str) -> NDArray[np.float64]:
    return np.concatenate([video.components[name] for video in watch.fusion.normal])


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


def _position(stats: PositionStats | None, frames: int) -> dict[str, list[float | None]]:
    """Mean and deviation of each position in a window; 0 and 1 if the protocol does not standardise positions."""
    if stats is None:
        return {"mean": [0.0] * frames, "std": [1.0] * frames}
    return {"mean": _plain(stats.mean), "std": _plain(stats.std)}


def _plain(values: Sequence[float] | NDArray[np.float64]) -> list[float | None]:
    """Numbers of JSON; a position without a score has null."""
    return [float(value) if np.isfinite(value) else None for value in values]


def _difference(found: Difference | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"largest_difference": found.relative, "output": found.output, "clips": found.clips}
