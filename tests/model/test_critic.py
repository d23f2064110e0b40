"""Adversarial steps: who moves whom, in what order, at which rate, and after a kill."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from killing import Strike, live
from safetensors.torch import load_file
from torch import Tensor
from toys import Flat, Judge, Mean, registry

import vadkit
from vadkit.core.errors import DivergedError, ShapeError, VadkitError
from vadkit.core.progress import NoProgress
from vadkit.core.values import ClipOutputs, ClipSpec
from vadkit.engine.dry_run import dry_run
from vadkit.model.autoencoder import Autoencoder, TrainingStep
from vadkit.model.training.checkpoint import Checkpoints
from vadkit.model.training.device import build_fabric
from vadkit.model.training.job import TrainingJob
from vadkit.model.training.log import Log
from vadkit.model.training.trainer import Trainer
from vadkit.recipe.model import Engine
from vadkit.video.clips import Batch
from vadkit_standard.optimizers import SGD

SPEC = ClipSpec(2, 4, 4, "gray")


def built() -> tuple[TrainingStep, Judge]:
    encoder, judge = Mean(SPEC), Judge(SPEC)
    return TrainingStep(Autoencoder(SPEC, encoder, Flat(encoder.latents, SPEC)), [("judge", 1.0, judge)]), judge


def clips(count: int, seed: int = 0) -> list[Batch]:
    generator = torch.Generator().manual_seed(seed)
    return [Batch(torch.rand(2, 1, 2, 4, 4, generator=generator), {}) for _ in range(count)]


def train(folder: Path, step: TrainingStep, batches: list[Batch], *, rate: float, critic: float | None) -> None:
    job = TrainingJob(
        stage="s",
        digest="d",
        module=step,
        critics=tuple(step.losses.parameters()),
        batches=lambda epoch, first: iter(batches[first:]),
        per_epoch=len(batches),
        steps=len(batches),
        optimizer=SGD(lr=rate, momentum=0),
        critic_optimizer=SGD(lr=critic, momentum=0) if critic else None,
        batch_size=len(batches[0].clips),
        items=sum(len(batch.clips) for batch in batches),
    )
    Trainer(
        build_fabric(Engine(accelerator="cpu")), Checkpoints(folder, "r"), Log(folder / "log"), NoProgress(), 0
    ).fit(job)


def by_hand(batches: list[Batch], rate: float, critic_rate: float) -> tuple[float, float, float]:
    """Encoder's and decoder's weight and the critic's number, the critic first, from the gradients on paper."""
    encoder, decoder, number = 1.0, 0.5, 1.0
    for batch in batches:
        mean = batch.clips.mean().item()
        number += critic_rate * 2 * (encoder * decoder * mean - number)
        pull = 2 * (encoder * decoder * mean - number)
        encoder, decoder = encoder - rate * pull * decoder * mean, decoder - rate * pull * encoder * mean
    return encoder, decoder, number


@pytest.mark.parametrize(("rate", "critic"), [(0.1, 0.3), (0.1, None), (0.2, 0.02)])
def test_the_critic_goes_first_each_at_its_own_rate(tmp_path: Path, rate: float, critic: float | None) -> None:
    step, judge = built()
    batches = clips(5)
    train(tmp_path, step, batches, rate=rate, critic=critic)
    encoder, decoder = step.autoencoder.encoder, step.autoencoder.decoder
    assert isinstance(encoder, Mean)
    assert isinstance(decoder, Flat)
    found = (encoder.weight.item(), decoder.weight.item(), judge.number.item())
    assert found == pytest.approx(by_hand(batches, rate, critic or rate), rel=1e-5)


@pytest.mark.parametrize("still", ["model", "critic"])
def test_neither_moves_the_other(tmp_path: Path, still: str) -> None:
    step, judge = built()
    before = {name: tensor.clone() for name, tensor in step.state_dict().items()}
    train(tmp_path, step, clips(3), rate=0.1 if still == "critic" else 1e-30, critic=0.1 if still == "model" else 1e-30)
    moved = {name for name, tensor in step.state_dict().items() if not torch.equal(tensor, before[name])}
    own = {"losses.0.number"}
    assert moved == (own if still == "model" else set(before) - own)
    assert judge.number.requires_grad


def test_a_critics_loss_sees_nothing_that_leads_back_to_the_model() -> None:
    step, judge = built()
    terms = step(clips(1)[0])
    (critic,) = terms.critics.values()
    critic.backward()
    assert judge.number.grad is not None
    assert all(parameter.grad is None for parameter in step.autoencoder.parameters())


def test_a_batch_in_which_no_loss_is_finite_moves_nobody(tmp_path: Path) -> None:
    good, bad = clips(2), Batch(torch.full((2, 1, 2, 4, 4), torch.nan), {})
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (clean, _), (mixed, _) = built(), built()
    train(tmp_path / "a", clean, good, rate=0.1, critic=0.1)
    train(tmp_path / "b", mixed, [good[0], bad, good[1]], rate=0.1, critic=0.1)
    for name, tensor in clean.state_dict().items():
        assert torch.equal(tensor, mixed.state_dict()[name]), name
    assert [json.loads(line)["skipped"] for line in (tmp_path / "b" / "log").read_text().splitlines()] == [0, 1, 1]


class Torn(Judge):
    """A judge whose loss is not finite, while its critic's is; or the other way round."""

    def __init__(self, clip: ClipSpec, *, torn: str) -> None:
        super().__init__(clip)
        self.torn = torn

    def forward(self, out: ClipOutputs) -> Tensor:
        return super().forward(out) * (torch.nan if self.torn == "model" else 1)

    def critic(self, out: ClipOutputs) -> Tensor:
        return super().critic(out) * (torch.nan if self.torn == "critic" else 1)


@pytest.mark.parametrize("torn", ["model", "critic"])
def test_where_one_loss_is_not_finite_the_other_still_moves_its_own(tmp_path: Path, torn: str) -> None:
    encoder, judge = Mean(SPEC), Torn(SPEC, torn=torn)
    model = Autoencoder(SPEC, encoder, Flat(encoder.latents, SPEC))
    step = TrainingStep(model, [("judge", 1.0, judge)])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(DivergedError, match=r"because the (critic's )?loss 'judge' was not finite"):
        train(tmp_path, step, clips(1), rate=0.1, critic=0.1)
    moved = any(not torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert (moved, judge.number.item() != 1) == ((False, True) if torn == "model" else (True, False))
    assert json.loads((tmp_path / "log").read_text())["skipped"] == 1


@pytest.fixture
def adversarial(tiny: dict[str, Any]) -> dict[str, Any]:
    tiny["model"]["losses"] = ["l2", {"use": "adversarial", "weight": 0.05, "channels": [4, 8]}]
    tiny["model"]["critic"] = {"use": "adam", "lr": 1e-4}
    tiny["densities"], tiny["fuse"] = {}, {}
    tiny["scores"] = {"reconstruction": tiny["scores"]["reconstruction"]}
    return tiny


def test_killed_and_resumed_equals_unbroken(adversarial: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "run"
    whole = vadkit.run(adversarial, out=tmp_path / "whole")
    killed = live(adversarial, out, tmp_path / "cache", resume=False, strike=Strike(stage="model", at=5))
    assert killed.code == -signal.SIGKILL
    state = torch.load(out / "checkpoints" / "state.pt", weights_only=True)
    assert [len(one["state"]) > 0 for one in state["optimizers"]] == [True, True]
    assert [one["param_groups"][0]["lr"] for one in state["optimizers"]][1] < 1e-4 + 1e-12
    done = vadkit.run(adversarial, out=out, resume=True)
    first, second = (load_file(run.path / "checkpoints" / "model.safetensors") for run in (whole, done))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    logs = [[json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()] for run in (whole, done)]
    assert logs[0] == logs[1]  # the critic's own loss among them, which the weights do not hold
    assert {"adversarial", "critic/adversarial"} <= logs[0][0].keys()


def test_a_critic_without_parameters_to_train_is_refused(adversarial: dict[str, Any]) -> None:
    adversarial["model"]["losses"] = ["l2"]
    with pytest.raises(ShapeError, match=r"(?s)model\.critic: no loss has parameters.*adversarial"):
        dry_run(adversarial)


def test_a_critics_bad_rate_is_said_before_training(adversarial: dict[str, Any]) -> None:
    adversarial["model"]["critic"]["lr"] = -1
    with pytest.raises(VadkitError, match=r"model\.critic.*lr must be positive"):
        dry_run(adversarial)


def test_the_same_optimiser_serves_both_where_the_recipe_names_none(tmp_path: Path, tiny: dict[str, Any]) -> None:
    tiny["model"]["losses"] = ["l2", "judge"]
    tiny["model"]["encoder"], tiny["model"]["decoder"] = "mean", "flat"
    tiny["densities"], tiny["fuse"] = {}, {}
    tiny["scores"] = {"reconstruction": tiny["scores"]["reconstruction"]}
    done = vadkit.run(tiny, out=tmp_path / "run", registry=registry())
    lines = [json.loads(line) for line in (done.path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["critic/judge"] < lines[0]["critic/judge"]
