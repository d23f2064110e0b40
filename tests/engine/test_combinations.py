"""Any combination that makes sense is a recipe; what makes none is one message, before any training."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor

import vadkit
from vadkit.api import (
    ClipOutputs,
    ClipSpec,
    Component,
    DensityModel,
    Encoder,
    FeatureSource,
    FeatureSpec,
    FitContext,
    LatentSpec,
    Scorer,
)
from vadkit.core.errors import ShapeError, VadkitError
from vadkit.engine.dry_run import dry_run
from vadkit.engine.sanity_check import NeedsValuesError
from vadkit.model.training.density_fit import _LikelihoodStep  # pyright: ignore[reportPrivateUsage]
from vadkit.plugin.registry import Plugin, Registry

FIT = {"steps": 1, "batch_size": 2, "optimizer": "adam"}
AUTOENCODER = {"densities": None, "fuse": None, "scores": {"reconstruction": {"use": "patch_error", "patch": 8}}}
SLOWFAST = {"use": "slowfast", "depth": 18, "width": 8}
PREDICTING = {"frames": 5, "size": [32, 48], "color": "gray", "input": "0:4", "target": "4:5"}


def changed(recipe: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Dotted key -> value; None takes the key away."""
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = recipe
        for key in parents:
            place = place[key]
        if value is None:
            place.pop(last, None)
        else:
            place[last] = copy.deepcopy(value)
    return recipe


def likelihood(**densities: Any) -> dict[str, Any]:
    """These densities and the sum of what they give, nothing else."""
    return {
        "densities": densities,
        "scores": {"likelihood": {"use": "nll", "densities": list(densities)}},
        "fuse": None,
    }


def pooled(feature: str, latent: str) -> dict[str, Any]:
    return {"use": feature, "latent": latent}


FIVE = likelihood(
    one={"use": "gmm", "feature": pooled("vector_pool", "static")},
    two={"use": "knn", "feature": pooled("channel_pool", "dynamic")},
    three={"use": "gaussian", "feature": pooled("channel_pool", "static")},
    four={"use": "realnvp", "hidden": 8, "feature": pooled("vector_pool", "dynamic"), "fit": FIT},
    five={"use": "glow", "levels": 1, "steps": 1, "hidden": 4, "feature": {"use": "frames"}, "fit": FIT},
)
FROZEN = likelihood(vector={"use": "gaussian", "feature": pooled("vector_pool", "static")}) | {
    f"model.{key}": None for key in ("decoder", "losses", "fit")
}
FRAMES = likelihood(only={"use": "realnvp", "hidden": 8, "feature": {"use": "frames"}, "fit": FIT})


@pytest.mark.parametrize(
    ("changes", "stages"),
    [
        (AUTOENCODER, ["model"]),
        (AUTOENCODER | {"model.encoder": SLOWFAST, "model.decoder": {"use": "slowfast", "width": 4}}, ["model"]),
        (AUTOENCODER | {"model.encoder": SLOWFAST | {"shrink": 4}}, ["model"]),  # ITAE's decoder
        (AUTOENCODER | {"model.decoder": {"use": "slowfast", "width": 4}}, ["model"]),
        (AUTOENCODER | {"data.clip": PREDICTING, "engine.score_stride": 1}, ["model"]),
        (AUTOENCODER | {"data.clip.frames": 1, "engine.score_stride": 1, "model.encoder.tau": 1}, ["model"]),
        (AUTOENCODER | {"model.encoder.tau": 8}, ["model"]),
        (FIVE, ["model", *(f"density.{name}" for name in ("one", "two", "three", "four", "five"))]),
        (FRAMES | {"model": None}, ["density.only"]),
        (FROZEN, ["model", "density.vector"]),
        (AUTOENCODER | {"model": None, "scores": {"floor": {"use": "frame_difference", "patch": 8}}}, []),
    ],
)  # fmt: skip
def test_what_makes_sense_builds(tiny: dict[str, Any], changes: dict[str, Any], stages: list[str]) -> None:
    assert list(dry_run(changed(tiny, changes))) == stages


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (AUTOENCODER | {"model.encoder": SLOWFAST}, "model.decoder.*4x6 cannot become 32x48"),
        (AUTOENCODER | {"model": None}, "scores.reconstruction: needs an autoencoder"),
        (FROZEN | {"scores.error": {"use": "patch_error", "patch": 8}}, "scores.error: needs a decoder"),
        (FROZEN | {"model.critic": "adam"}, "'critic' needs 'decoder', 'losses', 'fit'"),
        (FROZEN | {"model.bottleneck": {"use": "memory"}}, "'bottleneck' needs 'decoder', 'losses', 'fit'"),
        (AUTOENCODER | {"data.clip.size": [97, 131]}, "model.encoder.*97 is not a multiple of 4.*96 or 100"),
        (AUTOENCODER | {"data.clip": PREDICTING}, "scores 1 of the 5 frames of a window.*score_stride: 1"),
        (AUTOENCODER | {"data.clip.frames": 1}, "1 input frames are not a multiple of tau 4"),
        (AUTOENCODER | {"model.encoder.tau": 3}, "8 input frames are not a multiple of tau 3"),
        (AUTOENCODER | {"data.clip.frames": 9, "model.encoder.tau": 3}, "3 latent steps cannot become 9 target"),
        (AUTOENCODER | {"model.encoder.laterals": {"conv1": 0}}, "model.encoder.*0 in 'laterals'"),
        (AUTOENCODER | {"model.encoder.beta": 0}, "model.encoder.*0 in 'beta'"),
        (AUTOENCODER | {"model.decoder.channels": [8, -8, 8]}, "model.decoder.*-8 in 'channels'"),
        (AUTOENCODER | {"model.decoder.fusion": 0}, "model.decoder.*0 in 'fusion'"),
        (AUTOENCODER | {"model.decoder": {"use": "slowfast", "fusion": 0}}, "model.decoder.*width and fusion"),
        (AUTOENCODER | {"model.encoder": SLOWFAST | {"beta": 0}}, "model.encoder.*beta must be at least 1"),
        (likelihood(a={"use": "glow", "feature": pooled("vector_pool", "static"), "fit": FIT}), "needs maps"),
        (likelihood(a={"use": "glow", "levels": 1, "feature": {"use": "frames"}}), "densities.a: .*fit:"),
        (likelihood(a={"use": "gmm", "feature": {"use": "frames"}}), "1536 dimensions.*vector_pool"),
        (likelihood(a={"use": "knn", "feature": {"use": "frames", "size": [0, 8]}}), "at least 1x1 pixels"),
        (likelihood(a={"use": "gaussian", "samples": 0, "feature": pooled("vector_pool", "static")}), "samples must"),
        (FIVE | {"model": None}, "densities.one.feature.*no latent is named 'static'.*add 'model:'"),
        (FRAMES | {"data.clip.size": [97, 131], "model": None}, "densities.only.*multiples of 2.*97x131"),
    ],
)  # fmt: skip
def test_what_makes_none_is_one_message(tiny: dict[str, Any], changes: dict[str, Any], says: str) -> None:
    with pytest.raises(VadkitError, match=f"(?s){says}"):
        dry_run(changed(tiny, changes))


class Wrong(Encoder, nn.Module):
    """Takes another number of channels than there are."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__()
        self.latents = {"static": LatentSpec(4, clip.input_frames, clip.height // 4, clip.width // 4)}
        self.net = nn.Conv3d(clip.channels + 1, 4, 1)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return {"static": self.net(clips)}


class Counting(Wrong):
    """Notes whether what it sees has values, and in one of its forms needs them."""

    seen: ClassVar[list[bool]] = []

    def __init__(self, clip: ClipSpec, *, needs: bool = False) -> None:
        super().__init__(clip)
        self.needs = needs
        self.net = nn.Conv3d(clip.channels, 4, (1, 4, 4), stride=(1, 4, 4))

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        self.seen.append(not isinstance(clips, FakeTensor))
        if self.needs and float(clips.sum()) > 0:
            raise AssertionError
        return {"static": self.net(clips)}


class Silent(Scorer):
    """Forgets to return, or returns what is no tensor."""

    def __init__(self, *, array: bool = False) -> None:
        self.array = array

    def __call__(self, out: ClipOutputs) -> Tensor:
        return np.zeros((1, out.spec.frames)) if self.array else None  # pyright: ignore


class Column(DensityModel, nn.Module):
    """Gives (N, 1), or another shape that is not (N,)."""

    def __init__(self, feature: FeatureSpec, *, scalar: bool = False) -> None:
        super().__init__()
        self.scalar = scalar

    def fit(self, features: FeatureSource, context: FitContext) -> None: ...

    def forward(self, features: Tensor) -> Tensor:
        nll = features.flatten(1).sum(1, keepdim=True)
        return nll.mean() if self.scalar else nll


def third(monkeypatch: pytest.MonkeyPatch) -> Registry:
    module = ModuleType("third_encoders")
    for part in (Wrong, Counting, Silent, Column):
        setattr(module, part.__name__, part)
    monkeypatch.setitem(sys.modules, "third_encoders", module)
    cards = (
        Component("encoder", "wrong", "third_encoders:Wrong", "Does not fit."),
        Component("encoder", "counting", "third_encoders:Counting", "Notes what it sees."),
        Component("scorer", "silent", "third_encoders:Silent", "Gives no tensor."),
        Component("density", "column", "third_encoders:Column", "Gives another shape."),
    )
    return Registry([*Registry.discover().plugins, Plugin("third", "third 1.0", cards)])


def test_a_component_that_cannot_take_a_clip_is_named(tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = changed(tiny, AUTOENCODER | {"model.encoder": "wrong"})
    with pytest.raises(ShapeError, match=r"model: an empty clip does not pass: RuntimeError: .*channels"):
        dry_run(recipe, registry=third(monkeypatch))


def test_shapes_alone_can_pass_through(tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = {"use": "slowfast", "width": 4}
    for needs, values, seen in ((False, False, [False]), (False, True, [True]), (True, True, [True])):
        Counting.seen.clear()
        encoder = {"use": "counting", "needs": needs}
        recipe = changed(tiny, AUTOENCODER | {"model.encoder": encoder, "model.decoder": decoder})
        assert list(dry_run(recipe, values=values, registry=third(monkeypatch))) == ["model"]
        assert Counting.seen == seen
    with pytest.raises(NeedsValuesError):
        dry_run(recipe, values=False, registry=third(monkeypatch))


@pytest.mark.parametrize("changes", [FIVE, AUTOENCODER | {"data.clip": PREDICTING, "engine.score_stride": 1}])
def test_what_first_party_components_need_are_shapes(tiny: dict[str, Any], changes: dict[str, Any]) -> None:
    recipe = changed(tiny, changes)
    assert dry_run(recipe, values=False) == dry_run(recipe)


def test_a_stride_that_leaves_holes_is_told_from_shapes(tiny: dict[str, Any]) -> None:
    with pytest.raises(VadkitError, match="scores 1 of the 5 frames of a window"):
        dry_run(changed(tiny, AUTOENCODER | {"data.clip": PREDICTING}), values=False)


@pytest.mark.parametrize(("array", "given"), [(False, "NoneType"), (True, "ndarray")])
def test_a_scorer_that_gives_no_tensor_is_named(
    tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch, array: bool, given: str
) -> None:
    recipe = changed(tiny, AUTOENCODER | {"scores": {"mine": {"use": "silent", "array": array}}})
    for values in (True, False):
        with pytest.raises(ShapeError, match=f"scores.mine: returns {given}, not a tensor"):
            dry_run(recipe, values=values, registry=third(monkeypatch))


@pytest.mark.parametrize(("scalar", "given"), [(False, r"\(\d+, 1\)"), (True, r"\(\)")])
def test_a_density_that_gives_another_shape_is_named(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scalar: bool, given: str
) -> None:
    recipe = changed(tiny, likelihood(only={"use": "column", "scalar": scalar, "feature": {"use": "frames"}}))
    recipe["model"] = None
    with pytest.raises(ShapeError, match=rf"densities.only: gives {given} for \d+ samples"):
        vadkit.run(recipe, out=tmp_path / "run", registry=third(monkeypatch))


def test_a_density_that_gives_another_shape_is_named_when_it_is_trained() -> None:
    with pytest.raises(ShapeError, match=r"density.only: gives \(4, 1\) for 4 samples"):
        _LikelihoodStep(Column(FeatureSpec((2,), 1)), 2, "density.only")(torch.zeros(4, 2))
