"""Losses against hand-made numbers and pytorch-msssim's own multi-scale SSIM."""

from __future__ import annotations

import pytest
import torch
from pytorch_msssim import ms_ssim

from vadkit.api import ClipOutputs, ClipSpec, ShapeError
from vadkit_standard.losses import L2, MSSSIM, Gradient

CLIP = ClipSpec(2, 4, 4, "gray")


def outputs(output: torch.Tensor, target: torch.Tensor, clip: ClipSpec = CLIP) -> ClipOutputs:
    return ClipOutputs(clip, target, target, output)


def test_l2_is_the_mean_squared_difference() -> None:
    target = torch.zeros(1, 1, 2, 4, 4)
    output = target.clone()
    output[0, 0, 0, 0, :2] = torch.tensor([1.0, -3.0])
    assert L2(CLIP)(outputs(output, target)).item() == pytest.approx((1 + 9) / 32)


def test_gradient_compares_magnitudes_along_both_axes() -> None:
    target = torch.zeros(1, 1, 1, 2, 2)
    target[..., 0, 0] = 1.0  # one step down each axis
    output = torch.zeros(1, 1, 1, 2, 2)
    assert Gradient(CLIP)(outputs(output, target)).item() == pytest.approx(0.5 + 0.5)
    assert Gradient(CLIP)(outputs(-target, target)).item() == 0  # the sign does not matter


def test_ms_ssim_is_the_librarys_with_five_scales() -> None:
    torch.manual_seed(0)
    clip = ClipSpec(2, 176, 180)
    target = torch.rand(2, 3, 2, 176, 180) * 2 - 1
    output = (target + 0.2 * torch.randn_like(target)).clamp(-1, 1)
    frames = [(video.transpose(1, 2).flatten(0, 1) + 1) / 2 for video in (output, target)]
    ours = MSSSIM(clip)(outputs(output, target, clip))
    assert ours.item() == pytest.approx(1 - ms_ssim(*frames, data_range=1.0).item(), abs=1e-6)


def test_ms_ssim_of_equal_frames_is_no_loss_and_noise_is_more() -> None:
    torch.manual_seed(0)
    clip = ClipSpec(1, 48, 48, "gray")
    target = torch.rand(1, 1, 1, 48, 48) * 2 - 1
    loss = MSSSIM(clip, scales=3, window=7)
    assert loss(outputs(target, target, clip)).item() == pytest.approx(0, abs=1e-6)
    little, much = (loss(outputs(target + s * torch.randn_like(target), target, clip)).item() for s in (0.1, 0.5))
    assert 0 < little < much


@pytest.mark.parametrize(
    ("clip", "keys", "says"),
    [
        (ClipSpec(16, 160, 240), {}, "short side must exceed 160"),
        (ClipSpec(16, 96, 144), {}, "set scales: 4"),
        (ClipSpec(16, 96, 144), {"window": 4}, "must be odd"),
        (ClipSpec(16, 96, 144), {"scales": 6}, "scales must lie in 1..5"),
    ],
)
def test_ms_ssim_refuses_frames_that_are_too_small(clip: ClipSpec, keys: dict[str, int], says: str) -> None:
    with pytest.raises(ShapeError) as caught:
        MSSSIM(clip, **keys)
    assert says in str(caught.value)
