"""Gradient accumulation: a step over several batches is a step over one batch that is as large."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_runs import train_model
from torch import Tensor, nn

from vadkit.core.errors import ShapeError
from vadkit.core.progress import NoProgress
from vadkit.engine.dry_run import dry_run
from vadkit.model.autoencoder import StepLosses
from vadkit.model.training import trainer
from vadkit.model.training.checkpoint import Checkpoints
from vadkit.model.training.device import build_fabric
from vadkit.model.training.job import TrainingJob
from vadkit.model.training.log import Log
from vadkit.model.training.trainer import Trainer
from vadkit.recipe.model import Engine
from vadkit_standard.optimizers import SGD
from vadkit_standard.schedules import Cosine

ITEMS = torch.randn(10, 3, generator=torch.Generator().manual_seed(1))


class Squares(nn.Module):
    """Two losses that are means over the items of a batch."""

    def __init__(self, norm: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2) if norm else nn.Tanh())

    def forward(self, batch: Tensor) -> StepLosses:
        out: Tensor = self.layers(batch)
        return StepLosses(lambda: {"near": out.square().mean(), "far": (out - 1).abs().mean()}, {}, {"output": out})


class Stopping(NoProgress):
    def __init__(self, at: int) -> None:
        self.at = at

    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        if done == self.at:
            raise InterruptedError


def train(
    folder: Path, batch_size: int, accumulate: int, *, items: Tensor = ITEMS, norm: bool = False, stop: int = 0
) -> tuple[Squares, list[dict[str, Any]]]:
    """Seven steps of at most eight items: the second step of a pass has two."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    module = Squares(norm)

    def batches(epoch: int, first: int) -> Iterator[Tensor]:
        yield from items.roll(epoch, 0).split(batch_size)[first:]

    fabric = build_fabric(Engine(accelerator="cpu"))
    progress = Stopping(stop) if stop else NoProgress()
    Trainer(fabric, Checkpoints(folder, "r"), Log(folder / "log"), progress, 0).fit(
        TrainingJob(
            "s", "d", module, (), batches, 2, 7, SGD(lr=0.5, momentum=0.9), Cosine(), warmup=2, clip_gradients=0.3,
            batch_size=batch_size, accumulate=accumulate, items=len(items),
        )
    )  # fmt: skip
    return module, [json.loads(line) for line in (folder / "log").read_text().splitlines()]


@pytest.mark.parametrize(("batch_size", "accumulate"), [(4, 2), (1, 8), (3, 3)])
def test_steps_equal_those_of_a_batch_that_is_as_large(tmp_path: Path, batch_size: int, accumulate: int) -> None:
    items = ITEMS if batch_size != 3 else ITEMS.tile(2, 1)[:12]
    large, expected = train(tmp_path / "large", batch_size * accumulate, 1, items=items)
    parts, found = train(tmp_path / "parts", batch_size, accumulate, items=items)
    for name, tensor in large.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[name], tensor, rtol=1e-5, atol=1e-6)
    assert {"loss", "near", "far", "norm", "lr"} <= expected[0].keys()
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.pop("stage") == theirs.pop("stage")
        assert ours == pytest.approx(theirs, rel=1e-4)
    assert len(found) == 7
    assert max(line["norm"] for line in found) > 0.3  # else the clip would do nothing


def test_training_that_stops_within_a_pass_continues_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    unbroken, expected = train(tmp_path / "unbroken", 4, 2)
    with pytest.raises(InterruptedError):
        train(tmp_path / "broken", 4, 2, stop=4)
    continued, found = train(tmp_path / "broken", 4, 2)
    assert all(torch.equal(tensor, continued.state_dict()[name]) for name, tensor in unbroken.state_dict().items())
    assert found == expected


def test_batch_norm_sees_each_batch_by_itself(tmp_path: Path) -> None:
    module, _ = train(tmp_path, 2, 4, norm=True)
    assert module.state_dict()["layers.1.num_batches_tracked"] == 3 * 5 + 4  # all batches of seven steps


def test_a_batch_that_is_not_finite_skips_the_step_and_is_the_cause(tmp_path: Path) -> None:
    items = ITEMS.clone()
    items[5] = torch.nan  # in the second batch of the first step
    module, lines = train(tmp_path, 4, 2, items=items, norm=True)
    assert lines[0]["skipped"] == 1
    assert lines[0]["not_finite"] == "output"
    assert all(bool(torch.isfinite(tensor).all()) for tensor in module.state_dict().values())


def test_recipes_that_need_less_memory_train_the_same_model(tmp_path: Path, tiny: dict[str, Any]) -> None:
    """Half the batch twice, and activations that are computed again."""
    for part in ("encoder", "decoder"):
        tiny["model"][part]["norm"] = False
    tiny["model"]["fit"] |= {"steps": 3}
    plain = train_model(tiny, tmp_path / "plain").state_dict()
    tiny["model"]["fit"] |= {"batch_size": 2, "accumulate_grad_batches": 2}
    tiny["engine"]["checkpoint_activations"] = True
    lean = train_model(tiny, tmp_path / "lean").state_dict()
    for name, tensor in plain.items():
        torch.testing.assert_close(lean[name], tensor, rtol=1e-5, atol=1e-5, msg=name)


def test_a_critic_is_refused_before_training(tiny: dict[str, Any]) -> None:
    tiny["model"]["losses"] = ["l2", {"use": "adversarial", "weight": 0.05, "channels": [4, 8]}]
    tiny["model"]["fit"]["accumulate_grad_batches"] = 2
    with pytest.raises(ShapeError, match=r"accumulate_grad_batches: the loss 'adversarial' trains a critic"):
        dry_run(tiny)
