"""Recipes, checkpoints and score files of a stranger run no code: each is refused in one message."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forked
import numpy as np
import pytest
import torch
import yaml

import vadkit
from vadkit.core.errors import CheckpointError, DataError, RecipeError, VadkitError
from vadkit.evaluation import reporting
from vadkit.model.training.checkpoint import Checkpoints
from vadkit.plugin.registry import Registry
from vadkit.recipe import load, loads

ROOT = Path(__file__).parents[2]


class Bomb:
    """Leaves a mark where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.mark,)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "it-ran"


TAGS = (
    "!!python/object/apply:os.system ['touch {mark}']",
    "!!python/object/new:os.system ['touch {mark}']",
    "!!python/name:os.system ''",
    "!!python/module:os ''",
    "!!python/object/apply:pathlib.Path.touch [{mark}]",
    "!include {mark}",
)


@pytest.mark.parametrize("tag", TAGS)
def test_a_yaml_tag_is_refused_wherever_it_stands(tag: str, tmp_path: Path, mark: Path, tiny: dict[str, Any]) -> None:
    value, registry = tag.format(mark=mark), Registry.discover()
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(tiny) + f"seed: {value}\n")
    child = tmp_path / "child.yaml"
    child.write_text("vadkit: 1\nextends: recipe.yaml\n")
    for bad in (path, child):
        with pytest.raises(RecipeError, match="tag") as caught:
            load(bad, registry=registry)
        assert "recipe.yaml:" in str(caught.value)
    with pytest.raises(RecipeError, match="tag"):
        loads(tiny, overrides=[f"seed={value}"], registry=registry)
    assert not mark.exists()


def test_the_data_option_makes_no_objects(mark: Path) -> None:
    value = "{use: !!python/object/apply:os.system ['touch " + str(mark) + "']}"
    for command in (["eval", str(mark.parent), "--data", value], ["data", "check", value]):
        done = forked.command(*command)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr
    assert not mark.exists()


PATHS = ("os:system", "os.path:join", "stranger_code:Encoder", "stranger_code", "vadkit_itae.encoder:ITAE")


@pytest.mark.parametrize("name", PATHS)
def test_use_takes_no_import_path(
    name: str, tmp_path: Path, mark: Path, tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stranger_code.py").write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n")
    monkeypatch.syspath_prepend(tmp_path)
    tiny["model"]["encoder"] = {"use": name}
    with pytest.raises(RecipeError, match=f"unknown encoder '{name}'"):
        loads(tiny, registry=Registry.discover())
    assert not mark.exists()
    assert "stranger_code" not in sys.modules


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_as_weights_or_training_state(protocol: int, tmp_path: Path, mark: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "tiny")
    content = pickle.dumps(Bomb(mark), protocol=protocol)
    checkpoints.weights("model").write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoints.load("model", torch.nn.Linear(1, 1), "digest")
    checkpoints.state.write_bytes(content)
    with pytest.raises(CheckpointError, match="not opened") as caught:
        checkpoints.load_state("model", "digest")
    assert "weights_only" not in str(caught.value)
    assert not mark.exists()


def test_a_checkpoint_of_torch_with_objects_in_it(tmp_path: Path, mark: Path) -> None:
    checkpoints = Checkpoints(tmp_path, "tiny")
    torch.save({"stage": "model", "digest": "digest", "module": Bomb(mark)}, checkpoints.state)
    with pytest.raises(CheckpointError, match="not opened"):
        checkpoints.load_state("model", "digest")
    torch.save(torch.zeros(3), checkpoints.state)
    with pytest.raises(CheckpointError, match="is not a training state"):
        checkpoints.load_state("model", "digest")
    assert not mark.exists()


def test_score_and_label_files_of_a_run_with_objects_in_them(tmp_path: Path, mark: Path, tiny: dict[str, Any]) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(tiny))
    run = vadkit.run(recipe, out=tmp_path / "run")
    for file in (next((run.path / "scores").glob("*.npz")), run.path / "labels.npz"):
        whole = file.read_bytes()
        with np.load(file) as archive:
            arrays = dict(archive)
        bomb = np.array([Bomb(mark)], object)
        changed: dict[str, Any] = {name: bomb if array.ndim else array for name, array in arrays.items()}
        np.savez(file, allow_pickle=True, **changed)
        with pytest.raises(DataError) as caught:
            reporting.report(run.path)
        assert file.name in str(caught.value)
        assert not mark.exists()
        file.write_bytes(whole)
    assert reporting.report(run.path).metrics


def test_the_bomb_goes_off_where_it_is_let(mark: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(mark)))
    assert mark.exists()


def test_a_recipe_cannot_leave_its_run_folder_by_name(tiny: dict[str, Any]) -> None:
    for name in ("../elsewhere", "/tmp/x", "a/b", f"a{os.sep}..", ".."):
        with pytest.raises(VadkitError, match="is not a valid name for a run folder"):
            loads(tiny | {"name": name}, registry=Registry.discover())
