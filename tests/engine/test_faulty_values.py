"""A component that gives NaN, constants, or something that is no loss is named where its value arises."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faulty_values
import pytest
import torch
from tiny_runs import TINY
from torch import Tensor, nn

import vadkit
from vadkit.core.errors import DataError, DivergedError, ShapeError, VadkitError
from vadkit.engine.dry_run import dry_run
from vadkit.model.training import trainer


def with_loss(fault: str, *others: str, after: int = 0) -> dict[str, Any]:
    recipe = copy.deepcopy(TINY)
    recipe["model"]["losses"] = [{"use": "faulty", "fault": fault, "after": after}, *others]
    recipe["model"]["fit"]["batch_size"] = 8
    return recipe


def with_feature(fault: str, density: dict[str, Any]) -> dict[str, Any]:
    recipe = copy.deepcopy(TINY)
    del recipe["model"]
    recipe["densities"] = {"normal": {**density, "feature": {"use": "faulty", "fault": fault}}}
    return recipe | {"scores": {"odd": {"use": "nll", "densities": ["normal"]}}, "fuse": {}}


def with_scorer(fault: str) -> dict[str, Any]:
    recipe = with_feature("", {"use": "gaussian"})
    del recipe["densities"]
    return recipe | {"scores": {"odd": {"use": "faulty", "fault": fault}}}


REALNVP = {"use": "realnvp", "fit": {"steps": 20, "batch_size": 8, "optimizer": "adam"}}
SEEN_BY_CHECK = [
    (with_loss("nan", "l2"), r"model\.losses\.0 \(faulty\): faulty_values\.FaultyLoss gives values .* not finite"),
    (with_loss("gradient"), r"model\.losses\.0 \(faulty\): .*FaultyLoss gives .* not finite, .*: the gradient for"),
    (with_loss("detached", "l2"), r"model\.losses\.0 \(faulty\): the loss faulty_values\.FaultyLoss has no gradient"),
    (with_loss("none"), r"model\.losses\.0 \(faulty\): gives a NoneType, but a loss is one number"),
    (with_loss("number"), r"model\.losses\.0 \(faulty\): gives a float, but a loss is one number"),
    (with_loss("vector"), r"model\.losses\.0 \(faulty\): gives a tensor of shape \(3,\), but a loss is one number"),
    (with_feature("nan", {"use": "knn"}), r"densities\.normal\.feature: faulty_values\.FaultyFeature .* not finite"),
    (with_scorer("nan"), r"scores\.odd: the scorer faulty_values\.FaultyScorer gives no score \(NaN\) to any frame"),
    (with_scorer("infinite"), r"scores\.odd: the scorer faulty_values\.FaultyScorer gives infinite scores"),
]


@pytest.mark.parametrize(("recipe", "told"), SEEN_BY_CHECK)
@pytest.mark.parametrize("values", [False, True], ids=["check", "before training"])
def test_check_names_the_component(recipe: dict[str, Any], told: str, values: bool) -> None:
    with pytest.raises(ShapeError, match=told):
        dry_run(recipe, values=values, registry=faulty_values.registry())


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        (
            with_feature("textured", {"use": "gaussian"}),
            r"densities\.normal\.feature: .*FaultyFeature gives",
        ),
        (
            with_feature("constant", REALNVP),
            r"densities\.normal\.feature: .* gives the same values for all [\d,]+",
        ),
        (with_feature("", {"use": "faulty"}), r"densities\.normal: the density faulty_values\.FaultyDensity gives"),
        (
            with_scorer("content"),
            r"video test_0\d.*scores\.odd: the scorer .*FaultyScorer gives NaN .* some windows",
        ),
    ],
)
def test_a_run_names_what_only_real_clips_show(recipe: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=told) as caught:
        vadkit.run(recipe, out=tmp_path / "run", registry=faulty_values.registry())
    assert "log.jsonl" not in str(caught.value)


@pytest.mark.parametrize(
    ("after", "told", "fix"),
    [
        (0, r"model, step 7 of 12: skipped 7 of 7 steps, because the loss 'faulty' was not finite", "correct that"),
        (4, r"model, step 11 of 12: skipped 7 of 11 steps, because the loss 'faulty' was not finite", "lower the"),
    ],
)
def test_a_stage_of_which_more_than_half_was_skipped_fails(
    after: int, told: str, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vadkit.engine.sanity_check._check_losses", lambda *unused: None)  # as if only real clips do it
    recipe = with_loss("nan", "l2", after=after)
    with pytest.raises(DivergedError, match=told) as caught:
        vadkit.run(recipe, out=tmp_path / "run", registry=faulty_values.registry())
    assert fix in caught.value.fix
    assert str(tmp_path / "run" / "log.jsonl") in caught.value.fix
    last = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert (last["skipped"], last["not_finite"]) == (7, "the loss 'faulty'")
    assert not (tmp_path / "run" / "checkpoints" / "model.safetensors").exists()


def test_the_count_of_skipped_steps_survives_a_resume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vadkit.engine.sanity_check._check_losses", lambda *unused: None)
    monkeypatch.setattr(trainer, "SAVE_EVERY", 0.0)
    recipe, registry = with_loss("nan", after=4), faulty_values.registry()
    with pytest.raises(DivergedError, match="step 11 of 12"):
        vadkit.run(recipe, out=tmp_path / "run", registry=registry)
    vadkit.run(recipe, out=tmp_path / "run", registry=registry, resume=True)  # its two steps have no fault
    lines = map(json.loads, (tmp_path / "run" / "log.jsonl").read_text().splitlines())
    assert [line["skipped"] for line in lines if line["stage"] == "model"][-2:] == [6, 6]


def test_a_model_whose_output_is_not_finite_is_named_instead_of_its_losses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(self: nn.Module, latents: Mapping[str, Tensor]) -> Tensor:
        batch = len(next(iter(latents.values())))
        return torch.full((batch, 1, 8, 32, 48), torch.nan if self.training else 0.5, requires_grad=True)

    monkeypatch.setattr("vadkit_itae.decoder.ITAEDecoder.forward", forward)
    with pytest.raises(VadkitError, match=r"because the output of the decoder vadkit_itae\.decoder\.ITAEDecoder was"):
        vadkit.run(copy.deepcopy(TINY), out=tmp_path / "run")


@pytest.mark.parametrize("density", [{"use": "gaussian"}, REALNVP, {"use": "gmm", "components": 2}, {"use": "knn"}])
def test_a_dead_channel_is_no_fault(density: dict[str, Any], tmp_path: Path) -> None:
    recipe = with_feature("dead", density)
    vadkit.run(recipe, out=tmp_path / "run", registry=faulty_values.registry())
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines() if "fit" in density else []
    assert all(json.loads(line)["skipped"] == 0 for line in lines)
