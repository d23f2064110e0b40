"""`--warm-start`: training starts from the weights of another run."""

from __future__ import annotations

import copy
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_runs import TINY, make_run
from torch import nn
from typer.testing import CliRunner

import vadkit
from vadkit.cli.app import app
from vadkit.core.errors import CheckpointError, DataError
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.store.reuse import warm_start


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> vadkit.Run:
    return make_run(TINY, tmp_path_factory.mktemp("earlier") / "run")


def still(recipe: dict[str, Any]) -> dict[str, Any]:
    """The recipe with so small steps that training does not change a parameter."""
    recipe = copy.deepcopy(recipe) | {"seed": 5}
    for fit in (recipe["model"]["fit"], *(density["fit"] for density in recipe["densities"].values())):
        fit |= {"steps": 1, "optimizer": {"use": "adam", "lr": 1e-12}, "warmup": 0}
    return recipe


def parameters(run: vadkit.Run) -> dict[str, torch.Tensor]:
    module: nn.Module = run.pipeline()
    return {name: value.detach() for name, value in module.named_parameters()}


def test_training_starts_from_the_weights_of_the_other_run(
    earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path
) -> None:
    cold = vadkit.run(still(tiny), out=tmp_path / "cold")
    warm = vadkit.run(still(tiny), out=tmp_path / "warm", warm_start=earlier.path)
    expected = parameters(earlier)
    for name, value in parameters(warm).items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-6, msg=name)
    assert any(not torch.allclose(value, expected[name], atol=1e-3) for name, value in parameters(cold).items())
    # The run keeps copies of the files, and has other digests than the cold one.
    assert len(list((warm.path / "checkpoints/files").iterdir())) == 3
    assert "checkpoints/files" in (warm.path / "recipe.yaml").read_text()
    with pytest.raises(vadkit.core.errors.CheckpointError, match="another recipe"):
        vadkit.run(still(tiny), out=warm.path, resume=True)
    vadkit.run(warm.path / "recipe.yaml", out=warm.path, resume=True)


def test_weights_that_do_not_fit_are_named(earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    """Before anything is trained, and before an earlier run is replaced."""
    kept = tmp_path / "run"
    shutil.copytree(earlier.path, kept)
    tiny["densities"]["dynamic"]["hidden"] = 16
    what = (
        r"densities\.dynamic\.fit\.init: the weights of .*dynamic\.safetensors do not fit: '.*' has shape .* there and"
    )
    with pytest.raises(CheckpointError, match=what):
        vadkit.run(tiny, out=kept, warm_start=earlier.path, overwrite=True)
    damaged = tmp_path / "damaged"
    shutil.copytree(earlier.path, damaged)
    os.truncate(damaged / "checkpoints/model.safetensors", 2000)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: is damaged"):
        vadkit.run(tiny, out=kept, warm_start=damaged, overwrite=True)
    assert (kept / "metrics.json").is_file()


def test_weights_that_the_other_run_lacks_are_named(earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    for name in ("recipe.yaml", "checkpoints/density.static.safetensors"):
        shutil.copyfile(earlier.path / name, tmp_path / name)
    told: list[str] = []
    recipe = read_recipe(tiny, (), Registry.discover())
    (change,) = warm_start(tmp_path, recipe, told.append)
    assert change.startswith("densities.static.fit.init=")
    assert told[0].endswith("has no weights of densities.dynamic, model: training starts from random weights there")


def test_a_run_without_such_stages_is_refused(earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["model"] = None
    tiny["densities"] = {"frames": tiny["densities"]["static"] | {"feature": "frames"}}
    tiny["scores"] = {"likelihood": {"use": "nll", "densities": ["frames"]}}
    tiny["fuse"] = {"likelihood": {"weight": 1.0}}
    with pytest.raises(DataError, match=r"has no weights of densities\.frames"):
        vadkit.run(tiny, out=tmp_path / "run", warm_start=earlier.path)
    result = CliRunner().invoke(app, ["run", "quickstart", "--warm-start", str(tmp_path / "none")])
    assert result.exit_code != 0
    assert isinstance(result.exception, DataError)
