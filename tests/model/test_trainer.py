"""The training loop alone: what a step that is not finite must leave untouched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from vadkit.core.progress import NoProgress
from vadkit.model.autoencoder import StepLosses
from vadkit.model.training.checkpoint import Checkpoints
from vadkit.model.training.device import build_fabric
from vadkit.model.training.job import TrainingJob
from vadkit.model.training.log import Log
from vadkit.model.training.trainer import Trainer
from vadkit.recipe.model import Engine
from vadkit_standard.optimizers import SGD


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2)

    def forward(self, batch: Tensor) -> StepLosses:
        loss = self.norm(batch).square().mean()
        return StepLosses(lambda: {"loss": loss}, {})


def train(folder: Path, batches: list[Tensor]) -> Normed:
    torch.manual_seed(0)
    module = Normed()

    def some(epoch: int, first: int) -> Iterator[Tensor]:
        del epoch
        yield from batches[first:]

    trainer = Trainer(
        build_fabric(Engine(accelerator="cpu")), Checkpoints(folder, "r"), Log(folder / "log"), NoProgress(), 0
    )
    size, items = len(batches[0]), sum(map(len, batches))
    trainer.fit(
        TrainingJob("s", "d", module, (), some, len(batches), len(batches), SGD(lr=0.1), batch_size=size, items=items)
    )
    return module


def test_a_step_that_is_not_finite_is_counted_and_leaves_weights_and_running_statistics_alone(tmp_path: Path) -> None:
    good = [torch.randn(8, 2, generator=torch.Generator().manual_seed(n)) for n in range(3)]
    bad = torch.full((8, 2), torch.nan)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    clean, mixed = train(tmp_path / "a", good), train(tmp_path / "b", [good[0], bad, *good[1:]])
    for name, tensor in clean.state_dict().items():
        assert torch.equal(tensor, mixed.state_dict()[name]), name
    lines = [json.loads(line) for line in (tmp_path / "b" / "log").read_text().splitlines()]
    assert [line["skipped"] for line in lines] == [0, 1, 1, 1]
