"""Clips with channels of optical flow."""

from __future__ import annotations

import copy
from collections import OrderedDict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny_runs import TINY

import vadkit
from vadkit.core.errors import ShapeError, VadkitError
from vadkit.core.values import ClipSpec, LatentSpec
from vadkit.engine.experiment import without_videos
from vadkit.engine.export.graph import capture
from vadkit.model.pipeline import Pipeline
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.store.run_folder import RunFolder
from vadkit.video import optical_flow
from vadkit.video.augmenter import Augmenter
from vadkit.video.clips import Clips, to_clips
from vadkit_standard.augmentations import Flip
from vadkit_standard.features import ChannelPool, Frames

NOISE = np.random.default_rng(0).uniform(0, 255, (48, 72)).astype(np.float32)
PATTERN = cv2.normalize(cv2.GaussianBlur(NOISE, (0, 0), 2.5), None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)  # pyright: ignore
SPEC = ClipSpec(4, 48, 72, "gray", flow=4.0)


def moving(right: int, down: int = 0, frames: int = 4, colors: int = 1) -> NDArray[np.uint8]:
    """(F, 48, 72, C) a pattern that moves by so many pixels from frame to frame."""
    made = [np.roll(PATTERN, (down * number, right * number), (0, 1)) for number in range(frames)]
    return np.stack(made)[..., None].repeat(colors, -1)


def middle(clips: torch.Tensor, channel: int) -> list[float]:
    """The mean of a channel of the first clip far from the border, for each frame."""
    return clips[0, channel, :, 12:-12, 12:-12].mean((1, 2)).tolist()


@pytest.mark.parametrize("colors", [1, 3])
def test_flow_follows_the_colours_in_units_of_the_recipe(colors: int) -> None:
    spec = ClipSpec(4, 48, 72, "gray" if colors == 1 else "rgb", flow=4.0)
    clips = to_clips([moving(2, 1, colors=colors)], spec)
    assert clips.shape == (1, *spec.shape)
    assert spec.shape == (colors + 2, 4, 48, 72)
    assert torch.equal(clips[:, :colors], to_clips([moving(2, 1, colors=colors)], ClipSpec(4, 48, 72, spec.color)))
    assert middle(clips, colors) == pytest.approx([0.5] * 4, abs=0.03)
    assert middle(clips, colors + 1) == pytest.approx([0.25] * 4, abs=0.03)
    assert clips.abs().max() <= 1
    fast = to_clips([moving(6)], ClipSpec(4, 48, 72, "gray", flow=2.0))
    assert middle(fast, 1) == pytest.approx([1.0] * 4, abs=0.02)


def test_a_frame_shows_no_later_frame() -> None:
    video = np.concatenate([moving(1, frames=3), moving(-2, frames=2)])
    spec = ClipSpec(5, 48, 72, "gray", flow=4.0)
    early, late = to_clips([video], spec), to_clips([np.concatenate([video[:3], video[:2]])], spec)
    assert torch.equal(early[:, :, :3], late[:, :, :3])
    assert middle(early, 1)[:3] == pytest.approx([0.25] * 3, abs=0.03)  # the first frame has the flow of the second


def test_augmentations_change_the_flow_with_the_pictures() -> None:
    clips = Clips([("a", moving(2, 1))], SPEC, augmenter=Augmenter([("flip", Flip(SPEC, probability=1.0))]))
    flipped = clips.read_augmented([0], seed=0, epoch=0).clips
    assert middle(flipped, 1) == pytest.approx([-0.5] * 4, abs=0.03)
    assert middle(flipped, 2) == pytest.approx([0.25] * 4, abs=0.03)


def test_neighbouring_windows_share_their_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optical_flow, "_KEPT", OrderedDict())
    video = moving(1, frames=6)
    together = to_clips([video[first : first + 4] for first in range(3)], SPEC)
    assert len(optical_flow._KEPT) == 5  # the pairs 0-1, 1-2, ..., 4-5
    optical_flow._KEPT.clear()
    monkeypatch.setattr(optical_flow, "_REMEMBERED", 1)
    assert torch.equal(to_clips([video[2:]], SPEC), together[2:])
    to_clips([video[:4]], SPEC)
    assert len(optical_flow._KEPT) == 3  # the pairs of one window


def test_hidden_pixels_have_no_flow() -> None:
    mask = torch.zeros(48, 72, dtype=torch.bool)
    mask[:, :20] = True
    out = Pipeline(SPEC, None, {}, decode=False, mask=mask)(to_clips([moving(2)], SPEC))
    assert bool((out.clips[:, 0, :, :, :20] == -1).all())
    assert bool((out.clips[:, 1:, :, :, :20] == 0).all())
    assert middle(out.clips[..., 20:], 1) == pytest.approx([0.5] * 4, abs=0.03)


def test_features_of_intensities_ignore_the_flow() -> None:
    latents = {"code": LatentSpec(2, 2, 12, 18)}
    clips, gray = to_clips([moving(2)], SPEC), ClipSpec(4, 48, 72, "gray")
    given = {"code": torch.rand(1, 2, 2, 12, 18)}
    found = ChannelPool(SPEC, latents, latent="code", intensity=True)(clips, given)
    assert torch.equal(found, ChannelPool(gray, latents, latent="code", intensity=True)(clips[:, :1], given))
    assert Frames(SPEC, {}).spec.quantum == (2 / 255, 0.0, 0.0)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"frames": 1}, "first two frames"),
        ({"input": (0, 1), "target": (1, 4)}, "first two frames"),
        ({"height": 10}, "10 x 72 pixels are too few for optical flow"),
        ({"flow": -1.0}, "flow is -1.0"),
    ],
)
def test_clips_that_cannot_have_flow_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        ClipSpec(**({"frames": 4, "height": 48, "width": 72, "color": "gray", "flow": 4.0} | keys))


def test_a_model_reconstructs_the_flow_too(tmp_path: Path) -> None:
    recipe = copy.deepcopy(TINY)
    recipe["data"]["clip"] |= {"flow": 2.0}
    recipe["data"] |= {"frames": 24, "augment": ["flip"]}
    recipe["model"]["fit"]["steps"] = 2
    recipe |= {"densities": {}, "scores": {"error": "frame_error"}, "fuse": {"error": {"weight": 1.0}}}
    recipe["evaluate"]["anomaly_maps"] = "error"
    video = vadkit.run(recipe, out=tmp_path / "run").outputs("test_01")
    assert video.output is not None
    assert video.clips.shape[1] == video.output.shape[1] == 3
    assert abs(video.clips[:, 1:]).max() > 0.1
    read = read_recipe(str(tmp_path / "run" / "recipe.yaml"), (), Registry.discover())
    experiment = without_videos(read, RunFolder(tmp_path / "run"))
    with pytest.raises(VadkitError, match="clips with optical flow cannot be exported"):
        capture(experiment, maps=False)
