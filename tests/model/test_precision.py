"""`engine.precision: auto`: measured once on a machine, and fixed for a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import vadkit
from vadkit.core.errors import ShapeError
from vadkit.core.progress import NoProgress
from vadkit.engine import session
from vadkit.model.training import precision
from vadkit.model.training.precision import PrecisionChoice, check_bfloat16_layers, choose_precision
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.recipe.model import Engine
from vadkit_baselines.convae import ConvAEDecoder

CPU = Engine(accelerator="cpu", threads=1)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_SHAPE", (1, 2, 2, 4, 6))


def clock(*seconds: float) -> Callable[[], float]:
    """A clock by which the passes take these times: one in float32 to begin with, three more, then bfloat16."""

    def ticks() -> Iterator[float]:
        for taken in seconds:
            yield 0.0
            yield taken

    times = ticks()
    return lambda: next(times)


FLOAT32 = (9.0, 1.0, 1.1, 1.2)


@pytest.mark.parametrize(
    ("bfloat16", "chosen"),
    [((0.9, 0.5, 0.6, 0.7), "bf16"), ((0.9, 0.95, 0.9, 0.9), "fp32"), ((30.0,), "fp32")],
    ids=["faster", "hardly faster", "much slower: one pass is enough"],
)
def test_the_faster_precision_is_chosen(tmp_path: Path, bfloat16: tuple[float, ...], chosen: str) -> None:
    found = choose_precision(CPU, folder=tmp_path, clock=clock(*FLOAT32, *bfloat16))
    assert found.precision == chosen
    assert "ms in bfloat16" in found.reason


def test_the_measurement_is_kept_and_the_threads_stay(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    first = choose_precision(CPU, folder=tmp_path, clock=clock(*FLOAT32, 0.5, 0.5, 0.5, 0.5))
    assert choose_precision(CPU, folder=tmp_path, clock=clock()) == first
    [kept] = tmp_path.iterdir()
    kept.write_text("{")  # a damaged file is measured again
    assert choose_precision(CPU, folder=tmp_path, clock=clock(*FLOAT32, 30.0)).precision == "fp32"
    assert torch.get_num_threads() == before


def test_a_wrong_bfloat16_is_never_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_TOLERANCE", 1e-6)  # as if the machine computed wrongly
    found = choose_precision(CPU, folder=tmp_path, clock=clock(*FLOAT32, 0.5, 0.5, 0.5, 0.5))
    assert found.precision == "fp32"
    assert "wrong" in found.reason


def test_a_run_records_the_choice_and_keeps_it(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Messages(NoProgress):
        def __init__(self) -> None:
            self.texts: list[str] = []

        def message(self, text: str) -> None:
            self.texts.append(text)

    tiny["engine"]["precision"] = "auto"
    told = Messages()
    monkeypatch.setattr(session, "choose_precision", lambda _: PrecisionChoice("fp32", "it was measured"))
    done = vadkit.run(tiny, out=tmp_path / "run", progress=told)
    assert "precision: fp32, because it was measured" in told.texts
    assert "precision: fp32" in (done.path / "recipe.yaml").read_text()
    assert done.recipe.engine.precision == "fp32"
    monkeypatch.setattr(session, "choose_precision", lambda _: PrecisionChoice("bf16", "another machine"))
    again = vadkit.run(tiny, out=done.path, resume=True)
    assert again.recipe.engine.precision == "fp32"
    for one, other in zip(done.scores(), again.scores(), strict=True):
        assert one.components.keys() == other.components.keys()


def test_auto_falls_back_to_fp32_if_a_layer_of_the_recipe_is_unsafe(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "choose_precision", lambda _: PrecisionChoice("bf16", "it is faster"))
    tiny["engine"]["precision"] = "auto"
    done = vadkit.run(tiny, out=tmp_path / "run", overrides=["seed=1"])
    assert done.recipe.engine.precision == "fp32"
    assert done.recipe.seed == 1
    tiny["engine"]["precision"] = "bf16"
    with pytest.raises(ShapeError, match="uninitialised gradients"):  # a precision that the user chose is not changed
        vadkit.run(tiny, out=tmp_path / "other")


def test_a_model_that_does_not_run_under_autocast_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(self: nn.Module, latents: Any) -> torch.Tensor:
        frames = torch.zeros(len(next(iter(latents.values()))), 1, 10, 64, 96)
        frames[torch.arange(len(frames))] = nn.functional.conv3d(frames, torch.zeros(1, 1, 1, 1, 1))  # may be bfloat16
        return frames

    monkeypatch.setattr(ConvAEDecoder, "forward", forward)
    with pytest.raises(ShapeError, match="does not run in bfloat16"):
        vadkit.run("baselines/walkway/convae", out=tmp_path / "run", overrides=["engine.precision=bf16"])


def test_the_precision_of_a_run_that_is_reused_is_kept(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = vadkit.run(tiny, out=tmp_path / "first")
    monkeypatch.setattr(session, "choose_precision", lambda _: PrecisionChoice("bf16", "another machine"))
    tiny["engine"]["precision"] = "auto"
    tiny["scores"] = {"error": {"use": "frame_error"}}
    tiny.pop("fuse", None)
    again = vadkit.run(tiny, out=tmp_path / "again", reuse=[first.path])
    assert again.recipe.engine.precision == "fp32"
    weights = [(run.path / "checkpoints" / "model.safetensors").read_bytes() for run in (first, again)]
    assert weights[0] == weights[1]


def test_a_recipe_without_training_takes_fp32_or_the_precision_of_its_run() -> None:
    recipe = read_recipe("motion_walkway", [], Registry.discover())
    assert session.precision_for(recipe, "", NoProgress()) == ["engine.precision=fp32"]
    assert session.precision_for(recipe, "bf16", NoProgress()) == ["engine.precision=bf16"]


class Wrong(nn.Conv3d):
    """A convolution that is wrong in bfloat16, as some are on some processors."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        output = super().forward(input)
        return output * 1.05 if output.dtype == torch.bfloat16 else output


def test_each_layer_of_a_recipe_is_tested_in_bfloat16_at_the_shape_that_it_gets() -> None:
    good = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ConvTranspose3d(4, 2, 2, 2))
    check_bfloat16_layers(good, (1, 4, 8, 8), torch.device("cpu"))
    assert good.training
    bad = nn.Sequential(nn.Conv3d(1, 4, 3, padding=1), Wrong(4, 2, 3))
    with pytest.raises(ShapeError, match=r"(?s)1 is wrong by 5\.\d* % in bfloat16.*shape \(1, 4, 4, 8, 8\).*fp32"):
        check_bfloat16_layers(bad, (1, 4, 8, 8), torch.device("cpu"))
