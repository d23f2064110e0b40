"""A run folder of an earlier version: it is read, evaluated and used; folders of unknown versions are refused.

`tests/golden/run` was made by `vadkit run` at format 1 of the manifest, the checkpoints and the score files. When a
format changes, keep this folder, and make a second one.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import vadkit
from vadkit.core.errors import CheckpointError, DataError
from vadkit.model.training.checkpoint import Checkpoints
from vadkit.store.scores import read_scores

GOLDEN = Path(__file__).parents[1] / "golden" / "run"
MEAN, NLL = 0.04191, 57558704.0000  # of the clip below, when the run was made


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    shutil.copytree(GOLDEN, tmp_path / "run")
    return tmp_path / "run"


def test_it_is_evaluated_to_the_same_metrics(golden: Path) -> None:
    run = vadkit.load_run(golden)
    stored = run.metrics["metrics"]
    assert len(stored) == 7
    found = run.evaluate().metrics
    assert {name: found[name] for name in stored} == pytest.approx(stored)


def test_its_weights_still_give_its_scores(golden: Path) -> None:
    pipeline = vadkit.load_run(golden).pipeline()
    out = pipeline(torch.linspace(-1, 1, 8 * 32 * 48).reshape(1, 1, 8, 32, 48))
    assert out.output is not None
    assert out.output.mean().item() == pytest.approx(MEAN, abs=1e-3)
    assert out.nll["static"].mean().item() == pytest.approx(NLL, rel=1e-3)


def test_weights_of_an_unknown_format_are_refused(golden: Path) -> None:
    path = golden / "checkpoints/model.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for version in ({"format": "2"}, {}):
        save_file(tensors, path, {**{key: value for key, value in metadata.items() if key != "format"}, **version})
        with pytest.raises(CheckpointError, match=r"format.*reads format 1\n  -> use the version of vadkit that wrote"):
            vadkit.load_run(golden).pipeline()


def test_a_training_state_of_an_unknown_format_is_refused(tmp_path: Path) -> None:
    held = Checkpoints(tmp_path, "r")
    held.save_state({"stage": "model", "digest": "d", "step": 3})
    state = held.load_state("model", "d")
    assert state is not None
    assert state["step"] == 3
    held.save_state({"stage": "model", "digest": "d", "step": 3, "format": "2"})
    with pytest.raises(CheckpointError, match=r"state\.pt: has format 2, but this version of vadkit reads format 1"):
        held.load_state("model", "d")


def test_score_files_of_an_unknown_version_are_refused(golden: Path) -> None:
    path = golden / "scores/test_00.npz"
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **{**arrays, "version": np.array(2)})
    with pytest.raises(DataError, match=r"version 2, not .* version 1\n  -> read it with the version of vadkit that"):
        read_scores(golden / "scores")


def test_a_manifest_of_an_unknown_format_is_refused(golden: Path) -> None:
    manifest = json.loads((golden / "manifest.json").read_text())
    (golden / "manifest.json").write_text(json.dumps({**manifest, "format": 2}))
    with pytest.raises(CheckpointError, match="has format 2, but this version of vadkit reads format 1"):
        vadkit.load_run(golden).evaluate()
