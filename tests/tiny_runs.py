"""Recipes and scripts that several tests of whole runs share."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

import vadkit
from vadkit.core.progress import NoProgress
from vadkit.data.opening import open_data
from vadkit.engine.experiment import Experiment
from vadkit.model.autoencoder import Autoencoder
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.store.run_folder import RunFolder
from vadkit.video.cache import FrameCache

METRICS = ["micro_auc", "alarms"]

TINY: dict[str, Any] = {
    "vadkit": 1,
    "name": "tiny",
    "data": {
        "use": "walkway",
        "size": [32, 48],
        "train_videos": 2,
        "test_videos": 2,
        "frames": 40,
        "clip": {"frames": 8, "size": [32, 48], "color": "gray"},
        "stride": 2,
    },
    "model": {
        "encoder": {"use": "itae", "tau": 4, "channels": [8, 8, 8, 8], "beta": 2},
        "decoder": {"use": "itae", "channels": [8, 8, 8]},
        "losses": [{"use": "l2"}, {"use": "ms_ssim", "scales": 1, "window": 5}, {"use": "gradient", "weight": 0.5}],
        "fit": {"steps": 12, "batch_size": 4, "optimizer": {"use": "adam", "lr": 1e-3}, "lr_scheduler": "cosine"},
    },
    "densities": {
        name: {
            "use": "glow",
            "feature": {"use": "channel_pool", "latent": name, "intensity": name == "static"},
            "steps": 2,
            "levels": 1,
            "hidden": 8,
            "fit": {"steps": 6, "batch_size": 8, "optimizer": "adam", "warmup": 2, "clip_gradients": 10.0},
        }
        for name in ("static", "dynamic")
    },
    "scores": {
        "reconstruction": {"use": "patch_error", "patch": 8, "step": 4},
        "likelihood": {"use": "nll", "densities": ["static", "dynamic"]},
        "static": {"use": "nll", "densities": ["static"]},
    },
    "fuse": {
        "reconstruction": {"weight": 1.0, "transform": ["minmax"]},
        "likelihood": {"weight": 0.5, "transform": [{"use": "minmax", "over": "video"}]},
    },
    "evaluate": {"protocol": "itae", "metrics": ["micro_auc", "macro_auc", "eer"]},
    "report": ["json"],
    "engine": {"score_stride": 4, "threads": 1, "precision": "fp32"},
}


def make_run(recipe: dict[str, Any], out: Path) -> vadkit.Run:
    """Run a recipe in a fixture that outlives a test, with its own frame cache."""
    patch = pytest.MonkeyPatch()
    patch.setenv("VADKIT_CACHE", str(out.parent / "frames"))
    done = vadkit.run(recipe, out=out)
    patch.undo()
    return done


def train_model(recipe: dict[str, Any], out: Path) -> Autoencoder:
    """Train the model of a recipe, without what a run does afterwards."""
    out.mkdir()
    checked = read_recipe(recipe, (), Registry.discover())
    experiment = Experiment(
        checked, open_data(checked.data, None), RunFolder(out), FrameCache(out.parent / "frames"), NoProgress()
    )
    experiment.train_model()
    assert experiment.autoencoder is not None
    return experiment.autoencoder


def held_out(recipe: dict[str, Any], **protocol: Any) -> dict[str, Any]:
    recipe = copy.deepcopy(recipe)
    recipe["data"] |= {"train_videos": 4, "held_out": 0.25}
    recipe["evaluate"] = {"protocol": {"use": "deployable", **protocol}, "metrics": METRICS}
    return recipe
