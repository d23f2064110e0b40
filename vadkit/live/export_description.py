"""Describes an exported model: everything that a program without vadkit needs to score a video with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.alarms import HOLD
from vadkit.core.version import __version__
from vadkit.engine.export.clip_scorer import FUSED, INPUT, maps_name, scores_name
from vadkit.engine.export.comparison import TOLERANCE, Difference
from vadkit.engine.export.formats import Form
from vadkit.engine.export.graph import Graph
from vadkit.live.export_fusion import Calibration
from vadkit.live.watch import Watch
from vadkit.model.inference.sliding_window import MAP_CELL
from vadkit.store.run_folder import digest_of
from vadkit.video.sampling import FPS_TOLERANCE

FORMAT = "vadkit exported model"
VERSION = 1
"""Version of the layout of `model.json`. docs/reference/exported_model.md describes it."""

MASK = "mask.png"


def describe(
    watch: Watch,
    calibrations: Mapping[str, Calibration],
    graph: Graph,
    to: str,
    form: Form,
    differences: Mapping[str, Difference | None],
) -> dict[str, Any]:
    """The content of `model.json`, as plain values.

    Args:
        watch: the run, with its threshold and its rules.
        calibrations: component -> how its scores enter the fused score.
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
            "shape": ["batch", clip.frames, clip.height, clip.width, clip.channels],
            "outputs": list(graph.outputs),
            "fused": FUSED if FUSED in graph.outputs else None,
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
        "components": [_component(name, one, watch, graph) for name, one in calibrations.items()],
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


def _component(name: str, calibration: Calibration, watch: Watch, graph: Graph) -> dict[str, Any]:
    part, (scale, offset) = watch.fusion.parts.get(name), calibration.linear or (None, None)
    return {
        "name": name,
        "scores": scores_name(name),
        "maps": maps_name(name) if maps_name(name) in graph.outputs else None,
        "direction": "higher is more anomalous",
        "position": {"mean": _plain(calibration.mean), "std": _plain(calibration.std)},
        "weight": calibration.weight,
        "transforms": [dict(one) for one in part.described] if part is not None else [],
        "scale": scale,
        "offset": offset,
    }


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    """Numbers of JSON; a position without a score has null."""
    return [float(value) if np.isfinite(value) else None for value in values]


def _difference(found: Difference | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"largest_difference": found.relative, "output": found.output, "clips": found.clips}
