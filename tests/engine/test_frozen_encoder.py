"""A recipe with an encoder that is not trained: it gives latents to densities, in every command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_runs import held_out
from typer.testing import CliRunner

import vadkit
from vadkit.cli.app import app
from vadkit.core.progress import NoProgress
from vadkit.engine.bench.bench import bench
from vadkit.engine.experiment import without_videos
from vadkit.evaluation.compare import compare
from vadkit.live.watch import Watch
from vadkit.plugin.registry import Registry
from vadkit.recipe import loads
from vadkit.store.run_folder import RunFolder


def frozen(recipe: dict[str, Any]) -> dict[str, Any]:
    """The encoder alone, and a density of one of its latents."""
    recipe["model"] = {"encoder": recipe["model"]["encoder"]}
    feature = {"use": "vector_pool", "latent": "static"}
    recipe["densities"] = {"static": {"use": "gaussian", "covariance": "diagonal", "feature": feature}}
    recipe["scores"] = {"likelihood": {"use": "nll", "densities": ["static"]}}
    recipe.pop("fuse", None)
    return held_out(recipe)


class Said(NoProgress):
    """Collects the messages and the stages."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        self.lines.append(stage)

    def message(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> vadkit.Run:
    import copy

    from tiny_runs import TINY

    patch = pytest.MonkeyPatch()
    patch.setenv("VADKIT_CACHE", str(tmp_path_factory.getbasetemp() / "frames"))
    done = vadkit.run(frozen(copy.deepcopy(TINY)), out=tmp_path_factory.mktemp("frozen") / "run")
    patch.undo()
    return done


def test_the_encoder_is_saved_as_it_was_built(run: vadkit.Run, tiny: dict[str, Any]) -> None:
    built = without_videos(loads(frozen(tiny), registry=Registry.discover()), RunFolder(Path())).autoencoder
    loaded = run.pipeline().autoencoder
    assert built is not None
    assert loaded is not None
    assert loaded.decoder is None
    assert built.state_dict().keys() == loaded.state_dict().keys()
    assert all(torch.equal(tensor, loaded.state_dict()[name]) for name, tensor in built.state_dict().items())
    assert not any(parameter.requires_grad for parameter in built.parameters())
    stage = RunFolder(run.path).read_manifest().stage("model")
    assert stage.parameters == sum(parameter.numel() for parameter in built.parameters())
    assert not (run.path / "checkpoints" / "state.pt").exists()


def test_a_pipeline_gives_latents_and_no_output(run: vadkit.Run) -> None:
    pipeline = run.pipeline()
    out = pipeline(torch.zeros(2, *pipeline.clip.shape))
    assert out.output is None
    assert set(out.latents) == {"static", "dynamic"}
    assert bool(torch.isfinite(out.nll["static"]).all())


def test_it_is_resumed_and_reused(run: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    said = Said()
    other = vadkit.run(frozen(tiny), out=tmp_path / "run", reuse=[run.path], progress=said)
    assert "reused stages: density.static, model, scores" in said.lines
    (other.path / "checkpoints" / "density.static.safetensors").unlink()
    for path in (other.path / "scores").glob("*.npz"):
        path.unlink()
    said = Said()
    again = vadkit.run(frozen(tiny), out=other.path, resume=True, progress=said)
    assert "model: already trained" in said.lines
    for one, two in zip(again.scores(), run.scores(), strict=True):
        np.testing.assert_array_equal(one.components["likelihood"], two.components["likelihood"])


def test_it_is_measured_and_compared(run: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    found = bench(run.path, repeat=1, warmup=0)
    (encoder,) = (part for part in found.parts if part.name == "encoder")
    assert encoder.parameters == RunFolder(run.path).read_manifest().stage("model").parameters
    assert "decoder" not in {part.name for part in found.parts}
    untrained = tmp_path / "recipe.yaml"
    untrained.write_text(json.dumps(frozen(tiny)))
    assert bench(untrained, repeat=0).whole.flops == found.whole.flops
    done = CliRunner().invoke(app, ["check", str(untrained)])
    assert done.exit_code == 0, done.output
    assert "model: " in done.output
    assert compare([run.path, run.path]).entries


def test_it_watches(run: vadkit.Run, tmp_path: Path) -> None:
    for number in range(12):
        Image.new("L", (48, 32), 20 * number).save(tmp_path / f"{number:03}.png")
    watch = Watch(run.path)
    assert len(list(watch.run(watch.open(str(tmp_path))))) == 12
