"""Losses against hand-made numbers, SciPy's convolutions and pytorch-msssim's own multi-scale SSIM."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pytorch_msssim import ms_ssim
from scipy.signal import convolve2d
from scipy.signal.windows import gaussian

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


def _slow_ms_ssim(x: NDArray[np.float64], y: NDArray[np.float64], weights: list[float], window: int) -> float:
    """Of two gray frames (H, W) in [0, 1] with even sides, as Wang et al. write it."""
    kernel = np.outer(gaussian(window, 1.5), gaussian(window, 1.5))

    def mean(z: NDArray[np.float64]) -> NDArray[np.float64]:
        return convolve2d(z, kernel / kernel.sum(), mode="valid")

    value = 1.0
    for scale, weight in enumerate(weights):
        luminance = (2 * mean(x) * mean(y) + 1e-4) / (mean(x) ** 2 + mean(y) ** 2 + 1e-4)
        variances = mean(x * x) - mean(x) ** 2 + mean(y * y) - mean(y) ** 2
        contrast = (2 * (mean(x * y) - mean(x) * mean(y)) + 9e-4) / (variances + 9e-4)
        value *= (luminance * contrast if scale == len(weights) - 1 else contrast).mean() ** weight
        x, y = (z.reshape(len(z) // 2, 2, -1, 2).mean((1, 3)) for z in (x, y))
    return value


@pytest.mark.parametrize(("scales", "window"), [(1, 3), (1, 11), (2, 5), (3, 7)])
def test_ms_ssim_of_fewer_scales_averages_the_similarity_of_frames_and_channels(scales: int, window: int) -> None:
    torch.manual_seed(0)
    clip = ClipSpec(2, 32, 48)
    target = torch.rand(2, 3, 2, 32, 48) * 2 - 1
    output = (target + 0.2 * torch.randn_like(target)).clamp(-1, 1)
    weights = [0.0448, 0.2856, 0.3001][:scales]
    weights = [weight / sum(weights) * 1.0001 for weight in weights]  # the five weights of the paper sum to 1.0001
    frames = zip(*(((video + 1) / 2).double().numpy().reshape(-1, 32, 48) for video in (output, target)), strict=True)
    known = np.mean([1 - _slow_ms_ssim(x, y, weights, window) for x, y in frames])
    loss = MSSSIM(clip, scales=scales, window=window)
    assert loss(outputs(output, target, clip)).item() == pytest.approx(known, abs=2e-6)


def test_ms_ssim_has_a_finite_gradient_where_contrast_is_inverted() -> None:
    clip = ClipSpec(1, 48, 48, "gray")
    target = torch.rand(1, 1, 1, 48, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    output = (-target).requires_grad_()
    MSSSIM(clip, scales=3, window=7)(outputs(output, target, clip)).backward()
    assert output.grad is not None
    assert output.grad.isfinite().all()


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
        (ClipSpec(16, 96, 144), {"scales": 6}, "scales must be 1 to 5"),
    ],
)
def test_ms_ssim_refuses_frames_that_are_too_small(clip: ClipSpec, keys: dict[str, int], says: str) -> None:
    with pytest.raises(ShapeError) as caught:
        MSSSIM(clip, **keys)
    assert says in str(caught.value)
