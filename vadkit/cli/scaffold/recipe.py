"""Values for the recipe of a new plugin: the new component, and small components of vadkit for the rest."""

from __future__ import annotations

from collections.abc import Mapping

_PARTS: Mapping[str, str] = {
    "data": "use: walkway\n  size: [32, 48]\n  train_videos: 2\n  test_videos: 3\n  frames: 60",
    "augment": "",
    "encoder": "{use: one_path, channels: [8, 8, 8, 8]}",
    "bottleneck": "",
    "decoder": "{use: itae, channels: [8, 8, 8]}",
    "losses": "l2",
    "optimizer": "{use: adam, lr: 3e-3}",
    "lr_scheduler": "",
    "densities": "",
    "scores": "reconstruction: frame_error",
    "fuse": "",
    "metrics": "micro_auc, eer",
    "reports": "console, json, html",
    "more": "",
}
_LIKELIHOOD = "\n  likelihood: {use: nll, densities: [normal]}"
_POOL, _GAUSSIAN = "{use: vector_pool, latent: static}", "gaussian\n    covariance: diagonal"


def slots(kind: str, name: str) -> Mapping[str, str]:
    """Values for the placeholders of `recipe.yaml.txt`, and `more` for the commands in `README.md.txt`."""
    changes: Mapping[str, Mapping[str, str]] = {
        "dataset": {"data": f"use: {name}"},
        "augmentation": {"augment": f"\n  augment: [{name}]"},
        "encoder": {"encoder": name},
        "bottleneck": {"bottleneck": f"\n  bottleneck: {name}"},
        "decoder": {"decoder": name},
        "loss": {"losses": name},
        "feature": _with_density(_GAUSSIAN, name),
        "density": _with_density(name, _POOL),
        "scorer": {"scores": f"{name.replace('-', '_')}: {name}"},
        "score_transform": {"fuse": f"\nfuse:\n  reconstruction: {{transform: [{name}]}}"},
        "metric": {"metrics": f"micro_auc, {name}"},
        "reporter": {"reports": f"console, json, html, {name}"},
        "sink": _watched(name),
        "optimizer": {"optimizer": name},
        "lr_scheduler": {"lr_scheduler": f", lr_scheduler: {name}"},
    }
    return {**_PARTS, **changes[kind]}


def _with_density(density: str, feature: str) -> Mapping[str, str]:
    lines = f"\ndensities:\n  normal:\n    use: {density}\n    feature: {feature}"
    return {"densities": lines, "scores": _PARTS["scores"] + _LIKELIHOOD}


def _watched(sink: str) -> Mapping[str, str]:
    """A recipe does not name sinks. This one holds out normal video, so that `vadkit watch` can use its run."""
    data = _PARTS["data"].replace("train_videos: 2", "train_videos: 4") + "\n  held_out: 0.25"
    return {"data": data, "more": f"\n    vadkit watch runs/{sink} VIDEO --sink {sink}"}
