"""Every first-party component passes the conformance kit, in small sizes.

A new component needs an entry in SETTINGS only if it has a key without a default, or is slow with its
default sizes. A component that cannot pass a check has an entry in EXPECTED with the reason.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pretrained import write_export
from trees import TREES

import vadkit_datasets
from vadkit.testing import parametrize_with_checks, run_checks, subjects

ROOT = Path(tempfile.gettempdir(), f"vadkit-trees-{os.getpid()}")
PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

PREDICTION = {"frames": 5, "size": [32, 48], "color": "gray", "input": "0:4", "target": "4:5"}
SIX = {"frames": 6, "size": [32, 48], "color": "gray", "input": "0:5", "target": "5:6"}
OBJECTS = {"frames": 2, "size": [32, 48], "color": "gray", "flow": 4}
BOXES = {"boxes": [4, 1, 1, 3]}
LONGER = {"frames": 16, "size": [32, 48], "color": "gray", "input": "0:8", "target": "0:16"}
MOVING = {"frames": 2, "size": [32, 48], "color": "gray", "target": "1:2", "flow": 4.0}
UNET = {"use": "unet", "channels": [8, 8, 8]}
QUERIES = {"use": "mnad", "channels": [8, 8, 8]}
CODES = {"use": "lsa", "channels": [4, 4, 4, 4, 4], "code": 8}

SETTINGS: Mapping[str, dict[str, dict[str, Any]]] = {
    "backbone": {},  # its test writes a file with a network
    "baselines": {
        "encoder/convae": {"channels": [8, 8, 8], "padding": "same"},
        "decoder/convae": {"padding": "same"},
        "encoder/convlstm": {"channels": [8, 8], "recurrent": [8, 8], "padding": "same"},
        "decoder/convlstm": {"channels": 8, "recurrent": 8, "padding": "same"},
        "encoder/stae": {"channels": [8, 8, 8, 8]},
        "decoder/stae": {"channels": [8, 8, 8]},
        "loss/stae": {"toy": {"clip": LONGER}},
        "encoder/memae": {"channels": [8, 8, 8, 8]},
        "memory": {"items": 20, "toy": {"latents": {"code": [8, 2, 4, 6]}}},
        "decoder/memae": {"channels": [8, 8, 8]},
        "encoder/unet": {"channels": [8, 8, 8], "toy": {"clip": PREDICTION}},
        "decoder/unet": {"channels": [8, 8], "toy": {"clip": PREDICTION, "encoder": UNET}},
        "flow": {"toy": {"clip": PREDICTION}},
        "encoder/mnad": {"channels": [8, 8, 8], "toy": {"clip": PREDICTION}},
        "mnad_memory": {"toy": {"clip": PREDICTION, "encoder": QUERIES}},
        "decoder/mnad": {
            "channels": [8, 8, 8],
            "toy": {"clip": PREDICTION, "encoder": QUERIES, "bottleneck": "mnad_memory"},
        },
        "encoder/lsa": {"channels": [4, 4, 4, 4, 4], "code": 8},
        "autoregressive": {"toy": {"encoder": CODES}},
        "decoder/lsa": {"channels": [4, 4, 4, 4, 4, 4], "toy": {"encoder": CODES}},
        "adversarial": {"channels": [8, 8], "toy": {"clip": PREDICTION}},
        "encoder/cross_channel": {"channels": [4, 8], "toy": {"clip": MOVING}},
        "decoder/cross_channel": {"toy": {"clip": MOVING, "encoder": {"use": "cross_channel", "channels": [4, 8]}}},
        "cross_adversarial": {"channels": [4, 8], "toy": {"clip": MOVING}},
        "cross_error": {"part": "flow", "patch": 8, "toy": {"clip": MOVING}},
        "encoder/dissociate": {"channels": [4, 4, 8]},
        "clusters": {"count": 3, "toy": {"encoder": {"use": "dissociate", "channels": [4, 4, 8]}}},
        "decoder/dissociate": {"toy": {"encoder": {"use": "dissociate", "channels": [4, 4, 8]}}},
        "patch_transform": {"side": 8, "margin": 4},
        "encoder/fastano": {"channels": [4, 4, 8], "toy": {"clip": SIX}},
        "decoder/fastano": {"toy": {"clip": SIX, "encoder": {"use": "fastano", "channels": [4, 4, 8]}}},
        "encoder/skip_vae": {"channels": [8, 4]},
        "variational": {"hidden": [8], "toy": {"latents": {"code": [4, 1, 8, 12]}}},
        "decoder/skip_vae": {"toy": {"encoder": {"use": "skip_vae", "channels": [8, 4]}}},
        "encoder/unet_3d": {"channels": [4, 8], "toy": {"clip": PREDICTION}},
        "clip_adversarial": {"channels": [4, 8], "toy": {"clip": PREDICTION}},
        "region_sequences": {"latent": "static", "regions": 2},
        "tsc": {"hidden": 2, "toy": {"sample_shape": [4, 3]}},
        "stack_rnn": {"hidden": 8, "projection": 4, "toy": {"sample_shape": [4, 3]}},
    },
    "datasets": {"walkway": {"size": [32, 48], "frames": 30}}
    | {name: {"toy": {"root": ROOT / name}} for name in TREES},
    "densities": {
        "subspace_svdd": {"iterations": 4},
        "deep_svdd": {"hidden": [8], "code": 4},
        "denoising_svm": {"hidden": [8, 4]},
        "mulde": {"hidden": [16, 16], "levels": 4, "components": 1},
    },
    "flows": {"glow": {"steps": 2, "levels": 1, "hidden": 8}, "realnvp": {"hidden": 8}},
    "itae": {
        "encoder/itae": {"channels": [8, 8, 8, 8], "beta": 2},
        "one_path": {"channels": [8, 8, 8, 8]},
        "decoder/itae": {"channels": [8, 8, 8]},
    },
    "motion": {
        "motion_energy": {"gap": 1},  # the block of the toy anomaly jumps back after two frames
        "object_velocity": {"toy": {"clip": OBJECTS, "latents": BOXES}},
    },
    "sinks": {
        "jsonl": {"file": "alarms.jsonl"},
        "scores": {"file": "scores.csv"},
        "command": {"run": ["true"]},
        "webhook": {"url": "http://127.0.0.1:9/", "retries": 0},
        "mqtt": {"host": "127.0.0.1", "port": 9},
        "snapshot": {"folder": "pictures"},
        "clip": {"folder": "clips"},
        "http": {"at": "127.0.0.1:0", "page": True},
    },
    "slowfast": {
        "encoder/slowfast": {"depth": 18, "width": 8, "beta": 2},
        "slow_only": {"depth": 18, "width": 8},
        "decoder/slowfast": {"width": 8},
    },
    "standard": {
        "skip_frames": {"probability": 0.5},
        "ms_ssim": {"scales": 1},
        "steal": {"loss": "l2"},
        "channel_pool": {"latent": "static", "intensity": True},
        "vector_pool": {"latent": "static"},
        "latent_cells": {"latent": "static", "pool": 2, "position": True},
        "nll": {"densities": ["static", "dynamic"]},
        "score_transform/gaussian": {"sigma": 2.0},
        "fir": {"taps": [0.25, 0.5, 0.25], "future": 1},
        "median": {"size": 5},
        "exponential": {"half_life": 4.0},
        "scorer/bottleneck": {"score": "nll"},
        "steps": {"at": [0.5]},
        **{key: {"each": False, "dpi": 30} for key in ("figures", "histograms")},
        **{key: {"dpi": 30} for key in ("weight_curve", "error_maps", "worst_frames")},
    },
}
"""Plugin -> component -> keys, and `toy` for its toy surroundings."""

TAILS = "the k-nearest-neighbour estimate is not a density: its tails are too heavy to integrate"
NOT_NATS = "a distance from the region of normal samples, not a likelihood"
OF_VALUES = "its value is the likelihood of log-densities at several levels of noise, not that of the sample"
SINGLE = "computes in float32 only, also under autocast"
EXPECTED: Mapping[str, dict[str, dict[str, str]]] = {
    "baselines": {name: {"check_float64": SINGLE} for name in ("mnad_memory", "autoregressive")},
    "densities": {
        "knn": {"check_normalised": TAILS},
        "mulde": {"check_normalised": OF_VALUES},
        **{
            name: {"check_normalised": NOT_NATS}
            for name in ("one_class_svm", "subspace_svdd", "deep_svdd", "denoising_svm")
        },
    },
}
"""Plugin -> component -> check -> the reason why it fails."""


@pytest.fixture(scope="module", autouse=True)
def _trees() -> Iterator[None]:
    for name, write in TREES.items():
        (ROOT / name).mkdir(parents=True)
        write(ROOT / name)
    yield
    shutil.rmtree(ROOT)


def conformance(plugin: str) -> Any:
    return parametrize_with_checks(plugin, settings=SETTINGS[plugin], expected_failures=EXPECTED.get(plugin))


def test_backbone(tmp_path: Path) -> None:
    weights = write_export(tmp_path / "small.pt2", (32, 48), batch=2)
    network = {"weights": str(weights), "architecture": "export"}
    crops = {"encoder": {"use": "backbone", **network, "every": 2}, "toy": {"clip": OBJECTS, "latents": BOXES}}
    outcomes = list(run_checks(subjects("backbone", {"encoder/backbone": network, "object_crops": crops})))
    assert {outcome.component for outcome in outcomes} == {"encoder/backbone", "feature/object_crops"}
    assert not [outcome for outcome in outcomes if outcome.state not in ("passed", "skipped")]


@conformance("baselines")
def test_baselines(component: Any, check: Any) -> None:
    check(component)


@conformance("datasets")
def test_datasets(component: Any, check: Any) -> None:
    check(component)


@conformance("densities")
def test_densities(component: Any, check: Any) -> None:
    check(component)


@conformance("flows")
def test_flows(component: Any, check: Any) -> None:
    check(component)


@conformance("itae")
def test_itae(component: Any, check: Any) -> None:
    check(component)


@conformance("motion")
def test_motion(component: Any, check: Any) -> None:
    check(component)


@conformance("sinks")
def test_sinks(component: Any, check: Any) -> None:
    check(component)


@conformance("slowfast")
def test_slowfast(component: Any, check: Any) -> None:
    check(component)


@conformance("standard")
def test_standard(component: Any, check: Any) -> None:
    check(component)


def test_every_data_set_is_tested_with_a_folder() -> None:
    announced = {each.name for each in vadkit_datasets.vadkit_components() if each.load().needs_root}
    assert announced == set(TREES)


def test_every_plugin_is_tested() -> None:
    assert set(SETTINGS) == set(PROJECT["entry-points"]["vadkit.v1"])
    assert set(SETTINGS) == {name.removeprefix("test_") for name in globals() if name.removeprefix("test_") in SETTINGS}
