"""Reconstruction and prediction losses (section 3.4)."""

from __future__ import annotations

import torch
from pytorch_msssim.ssim import _fspecial_gauss_1d, _ssim
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipOutputs, ClipSpec, Loss, ShapeError

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of the scales (Wang, Simoncelli and Bovik 2003)."""


class _OfFrames(Loss, nn.Module):
    def __init__(self, clip: ClipSpec) -> None:
        super().__init__()
        del clip

    @staticmethod
    def _pair(out: ClipOutputs) -> tuple[Tensor, Tensor]:
        if out.output is None:
            raise ShapeError("the loss needs the model's output", where="model.losses")
        return out.output.float(), out.target


class L2(_OfFrames):
    """Mean squared error of pixels in [-1, 1] (Eq. 8, as a mean).

    Args:
        clip: geometry of a clip.

    Example:
        >>> spec, clips = ClipSpec(2, 8, 8), torch.zeros(1, 3, 2, 8, 8)
        >>> L2(spec)(ClipOutputs(spec, clips, clips, clips + 0.5))
        tensor(0.2500)
    """

    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss, a scalar."""
        return functional.mse_loss(*self._pair(out))


class Gradient(_OfFrames):
    """Gradient loss: mean absolute difference of the gradients' magnitudes, along height and width.

    Source: Mathieu et al. 2016, with exponent 1, as in the paper's reference [37].

    Args:
        clip: geometry of a clip.

    Example:
        >>> spec, clips = ClipSpec(2, 8, 8), torch.zeros(1, 3, 2, 8, 8)
        >>> Gradient(spec)(ClipOutputs(spec, clips, clips, clips + 0.5))  # a constant offset has no gradient
        tensor(0.)
    """

    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss, a scalar."""
        output, target = self._pair(out)
        return sum(  # pyright: ignore[reportReturnType]
            (output.diff(dim=axis).abs() - target.diff(dim=axis).abs()).abs().mean() for axis in (-2, -1)
        )


class MSSSIM(_OfFrames):
    """One minus the multi-scale structural similarity of frames, with pixels mapped to [0, 1].

    Source: Wang, Simoncelli and Bovik 2003. `pytorch-msssim` computes each scale. Its `ms_ssim` refuses
    frames that are too small for five scales, even if fewer are used. Therefore the loop over scales is here.

    Args:
        clip: geometry of a clip.
        scales: number of scales; each halves the frame. With fewer than five, the first
            weights of the five are used, divided by their sum.
        window: side of the Gaussian window, pixels, odd.
        sigma: standard deviation of the Gaussian window, pixels.

    Raises:
        ShapeError: the frame, halved scales - 1 times, is smaller than the window.

    Example:
        >>> spec, clips = ClipSpec(2, 32, 32), torch.zeros(1, 3, 2, 32, 32)
        >>> MSSSIM(spec, scales=2)(ClipOutputs(spec, clips, clips, clips + 0.5))
        tensor(0.0667)
    """

    def __init__(self, clip: ClipSpec, *, scales: int = 5, window: int = 11, sigma: float = 1.5) -> None:
        super().__init__(clip)
        _check_window(clip, scales, window)
        if not sigma > 0:
            raise ShapeError(f"sigma must be above 0, but it is {sigma}")
        share = sum(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS)
        self.weights = [weight / share for weight in SCALE_WEIGHTS[:scales]]
        self.register_buffer("window", _fspecial_gauss_1d(window, sigma).unsqueeze(0), persistent=False)

    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss, a scalar in [0, 1]."""
        # All frames as channels of one image: the library's convolutions are slow for a batch of gray images.
        output, target = ((video.flatten(0, 2).unsqueeze(0) + 1) / 2 for video in self._pair(out))  # (1, B*C*T, H, W)
        window = self.get_buffer("window").expand(output.shape[1], -1, -1, -1)
        similarity = torch.ones((), device=target.device)
        for scale, weight in enumerate(self.weights):
            full, contrast = _ssim(output, target, data_range=1.0, win=window)  # (1, B*C*T) each
            last = scale == len(self.weights) - 1
            # A fractional power has no value below zero and no gradient at zero. The library's `ms_ssim` is 0 there.
            similarity = similarity * (full if last else contrast).clamp_min(1e-8) ** weight
            if not last:
                pad = [side % 2 for side in output.shape[2:]]
                output = functional.avg_pool2d(output, 2, padding=pad)
                target = functional.avg_pool2d(target, 2, padding=pad)
        return 1 - similarity.mean()


def _check_window(clip: ClipSpec, scales: int, window: int) -> None:
    if not 1 <= scales <= len(SCALE_WEIGHTS):
        raise ShapeError(f"scales must be 1 to {len(SCALE_WEIGHTS)}, but it is {scales}")
    if window < 3 or window % 2 == 0:
        raise ShapeError(f"window must be odd and at least 3, but it is {window}")
    side, least = min(clip.height, clip.width), (window - 1) * 2 ** (scales - 1)
    if side <= least:
        fitting = next((n for n in range(scales, 0, -1) if side > (window - 1) * 2 ** (n - 1)), 0)
        advice = f"set scales: {fitting} or a smaller window" if fitting else "set a smaller window"
        raise ShapeError(
            f"frames of {clip.height}x{clip.width} are too small for {scales} scales and a window of {window}:"
            f" the short side must exceed {least}",
            fix=f"{advice}, or larger frames in data.clip.size",
        )
