"""Augmentations, and the loss that reads their tags."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from vadkit.api import ClipOutputs, ClipSpec, ShapeError, TrainingClip
from vadkit_standard.augmentations import Brightness, Flip, SkipFrames
from vadkit_standard.losses import L2, MSSSIM
from vadkit_standard.pseudo_anomalies import STEAL

SPEC = ClipSpec(4, 8, 8, "gray", step=2)


def clip_of(video: NDArray[np.uint8], start: int = 0, spec: ClipSpec = SPEC) -> TrainingClip:
    frames = video[start : start + spec.span : spec.step]
    return TrainingClip(frames, lambda first, stop, step: video[first:stop:step], start, len(video))


def numbered(frames: int) -> NDArray[np.uint8]:
    return np.arange(frames, dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(8, 1).repeat(8, 2)


def drawn(probability: float, steps: list[int], video: NDArray[np.uint8], start: int = 0) -> list[list[int]]:
    """The frame numbers of the changed clips of 300 draws."""
    skip, clip = SkipFrames(SPEC, probability=probability, steps=steps), clip_of(video, start)
    made = [skip(clip, np.random.default_rng(seed)) for seed in range(300)]
    assert all((each.frames is clip.frames) == (each.tags == {}) for each in made)
    return [each.frames[:, 0, 0, 0].tolist() for each in made if each.tags == {"pseudo": 1.0}]


def test_brightness_scales_integer_intensities_within_their_range() -> None:
    frames = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    spec = ClipSpec(1, 16, 16, "gray")
    brightness = Brightness(spec, amount=0.25)
    factors = []
    for seed in range(200):
        bright = brightness(clip_of(frames, spec=spec), np.random.default_rng(seed)).frames.ravel().astype(int)
        factor = bright[100] / 100
        factors.append(factor)
        np.testing.assert_allclose(bright, (factor * np.arange(256)).clip(0, 255), atol=1.8)
    assert 0.74 < min(factors) < 0.78
    assert 1.22 < max(factors) < 1.26


def test_skipped_frames_are_further_apart_by_each_step_equally_often() -> None:
    found = drawn(0.5, [2, 5], numbered(60), start=7)
    assert 120 < len(found) < 180
    first, second = [7, 11, 15, 19], [7, 17, 27, 37]  # data.clip.step is 2
    assert {tuple(each) for each in found} == {tuple(first), tuple(second)}
    assert 45 < found.count(first) < 105
    assert drawn(0.0, [2, 5], numbered(60)) == []
    assert len(drawn(1.0, [2, 5], numbered(60))) == 300


def test_at_the_end_of_a_video_a_changed_clip_starts_earlier_or_has_a_smaller_step() -> None:
    assert {tuple(each) for each in drawn(1.0, [3], numbered(30), start=23)} == {(11, 17, 23, 29)}
    short = {tuple(each) for each in drawn(1.0, [2, 3], numbered(15), start=8)}
    assert short == {(2, 6, 10, 14)}  # a step of 3 spans 19 frames
    assert drawn(1.0, [3], numbered(15)) == []


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: SkipFrames(SPEC, steps=[2, 1]), "a step must be at least 2, but one is 1"),
        (lambda: SkipFrames(SPEC, steps=[]), "steps is empty"),
        (lambda: SkipFrames(SPEC, probability=1.5), "probability must be from 0 to 1, but it is 1.5"),
        (lambda: SkipFrames(ClipSpec(1, 8, 8)), "a clip of one frame cannot skip frames"),
        (lambda: Flip(SPEC, probability=-0.1), "probability must be from 0 to 1, but it is -0.1"),
        (lambda: Brightness(SPEC, amount=1.0), "amount must be from 0 to below 1, but it is 1.0"),
        (lambda: STEAL(SPEC, loss=L2(SPEC), pseudo_weight=-1), "pseudo_weight must be at least 0, but it is -1"),
    ],
)
def test_bad_values_are_refused(make: Any, told: str) -> None:
    with pytest.raises(ShapeError, match=told):
        make()


def test_the_loss_of_steal_net_is_that_of_its_code() -> None:
    """The mean over clips of their mean squared error, negative for pseudo-anomalies."""
    torch.manual_seed(0)
    target, output = torch.rand(5, 1, 4, 8, 8), torch.rand(5, 1, 4, 8, 8, requires_grad=True)
    errors = (output - target).square().mean((1, 2, 3, 4))
    for marked in ([0.0] * 5, [0, 1.0, 0, 0, 1.0], [1.0] * 5):
        tags = torch.tensor(marked)
        out = ClipOutputs(SPEC, target, target, output, tags={"pseudo": tags})
        expected = torch.where(tags > 0, -errors, errors).mean()
        assert STEAL(SPEC, loss=L2(SPEC))(out).item() == pytest.approx(expected.item(), abs=1e-6)
        half = torch.where(tags > 0, -0.5 * errors, errors).mean()
        assert STEAL(SPEC, loss=L2(SPEC), pseudo_weight=0.5)(out).item() == pytest.approx(half.item(), abs=1e-6)


def test_steal_works_with_any_loss_and_without_tags() -> None:
    torch.manual_seed(0)
    clip = ClipSpec(2, 32, 32, "gray")
    target, output = torch.rand(3, 1, 2, 32, 32), torch.rand(3, 1, 2, 32, 32)
    inner = MSSSIM(clip, scales=1)
    steal = STEAL(clip, loss=inner)
    out = ClipOutputs(clip, target, target, output)
    assert torch.equal(steal(out), inner(out))
    out = ClipOutputs(clip, target, target, output, tags={"pseudo": torch.tensor([0.0, 0.0, 1.0])})
    parts = [inner(ClipOutputs(clip, target[rows], target[rows], output[rows])) for rows in ([0, 1], [2])]
    assert steal(out).item() == pytest.approx(((2 * parts[0] - parts[1]) / 3).item(), abs=1e-6)
    assert steal.critic(out) is None
