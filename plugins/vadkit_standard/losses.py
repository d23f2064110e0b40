"""Reconstruction and prediction losses (section 3.4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipOutputs, ClipSpec, Loss, ShapeError

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of Wang, Simoncelli and Bovik 2003."""

C1, C2 = 0.01**2, 0.03**2  # keep the quotients finite where a window is flat


def _pair(out: ClipOutputs) -> tuple[Tensor, Tensor]:
    if out.output is None:
        raise ShapeError("the loss needs the model's output", where="model.losses")
    return out.output.float(), out.target


class L2(Loss, nn.Module):
    """Mean squared error of pixels in [-1, 1] (Eq. 8, as a mean).

    Args:
        clip: geometry of a clip.

    Example:
        >>> spec, clips = ClipSpec(2, 8, 8), torch.zeros(1, 3, 2, 8, 8)
        >>> L2(spec)(ClipOutputs(spec, clips, clips, clips + 0.5))
        tensor(0.2500)
    """

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__()
        del clip

    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss, a scalar."""
        return functional.mse_loss(*_pair(out))


class Gradient(Loss, nn.Module):
    """Gradient loss: mean absolute difference of the gradients' magnitudes, along height and width.

    Source: Mathieu et al. 2016, with exponent 1, as in the paper's reference [37].

    Args:
        clip: geometry of a clip.

    Example:
        >>> spec, clips = ClipSpec(2, 8, 8), torch.zeros(1, 3, 2, 8, 8)
        >>> Gradient(spec)(ClipOutputs(spec, clips, clips, clips + 0.5))  # a constant offset has no gradient
        tensor(0.)
    """

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__()
        del clip

    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss, a scalar."""
        output, target = _pair(out)
        return sum(  # pyright: ignore[reportReturnType]
            (output.diff(dim=axis).abs() - target.diff(dim=axis).abs()).abs().mean() for axis in (-2, -1)
        )


class MSSSIM(Loss, nn.Module):
    """One minus the multi-scale structural similarity of frames, pixels taken as [0, 1].

    Source: Wang, Simoncelli and Bovik 2003. Equal to `pytorch_msssim.ms_ssim`, which has
    five scales only and filters single channels by convolutions that take as long on a CPU
    as the autoencoder itself; here a window slides by two matrix products.

    Args:
        clip: geometry of a clip.
        scales: how often the frame is halved, plus one. With fewer than five, the first
            weights of the five are taken and brought to the same sum.
        window: side of the Gaussian window, pixels, odd.
        sigma: deviation of the Gaussian window, pixels.

    Raises:
        ShapeError: the frame, halved scales - 1 times, is smaller than the window.
    """

    def __init__(self, clip: ClipSpec, *, scales: int = 5, window: int = 11, sigma: float = 1.5) -> None:
        super().__init__()
        _check_window(clip, scales, window)
        if not sigma > 0:
            raise ShapeError(f"sigma must be above 0, not {sigma}")
        share = sum(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS)
        self.weights = [weight / share for weight in SCALE_WEIGHTS[:scales]]
        height, width = clip.height, clip.width
        for scale in range(scales):
            self.register_buffer(f"rows{scale}", _sliding(height, window, sigma), persistent=False)
            self.register_buffer(f"columns{scale}", _sliding(width, window, sigma).T, persistent=False)
            height, width = (height + 1) // 2, (width + 1) // 2

    def forward(self, out: ClipOutputs) -> Tensor:
        """-> (), in [0, 1]."""
        output, target = (video.transpose(1, 2).flatten(0, 1) for video in _pair(out))  # (B*T, C, H, W)
        output, target = (output + 1) / 2, (target + 1) / 2
        similarity = torch.ones((), device=target.device)
        for scale, weight in enumerate(self.weights):
            full, contrast = self._ssim(output, target, scale)
            last = scale == len(self.weights) - 1
            # Below zero a fractional power has no value, at zero no gradient.
            similarity = similarity * (full if last else contrast).clamp_min(1e-8) ** weight
            if not last:
                pad = [side % 2 for side in output.shape[2:]]
                output = functional.avg_pool2d(output, 2, padding=pad)
                target = functional.avg_pool2d(target, 2, padding=pad)
        return 1 - similarity.mean()

    def _ssim(self, x: Tensor, y: Tensor, scale: int) -> tuple[Tensor, Tensor]:
        """Frames (N, C, H, W) -> structural similarity and its contrast term, each (N, C)."""
        rows, columns = self.get_buffer(f"rows{scale}"), self.get_buffer(f"columns{scale}")
        mean_x, mean_y, xx, yy, xy = (rows @ z @ columns for z in (x, y, x * x, y * y, x * y))
        spread = xx + yy - mean_x.square() - mean_y.square()
        contrast = (2 * (xy - mean_x * mean_y) + C2) / (spread + C2)
        luminance = (2 * mean_x * mean_y + C1) / (mean_x.square() + mean_y.square() + C1)
        return (luminance * contrast).mean((-2, -1)), contrast.mean((-2, -1))


def _check_window(clip: ClipSpec, scales: int, window: int) -> None:
    if not 1 <= scales <= len(SCALE_WEIGHTS):
        raise ShapeError(f"scales must lie in 1..{len(SCALE_WEIGHTS)}, not {scales}")
    if window < 3 or window % 2 == 0:
        raise ShapeError(f"the window must be odd and at least 3, not {window}")
    side = min(clip.height, clip.width)
    least = (window - 1) * 2 ** (scales - 1)
    if side <= least:
        fitting = next((n for n in range(scales, 0, -1) if side > (window - 1) * 2 ** (n - 1)), 0)
        advice = f"set scales: {fitting} or a smaller window" if fitting else "set a smaller window"
        raise ShapeError(
            f"frames of {clip.height}x{clip.width} are too small for {scales} scales and a window of {window}:"
            f" the short side must exceed {least}",
            fix=f"{advice}, or larger frames in data.clip.size",
        )


def _sliding(side: int, window: int, sigma: float) -> Tensor:
    """(side - window + 1, side): each row holds the Gaussian window one pixel further."""
    places = torch.arange(window) - window // 2
    kernel = torch.exp(-(places.square()) / (2 * sigma**2))
    matrix = torch.zeros(side - window + 1, side)
    for row in range(len(matrix)):
        matrix[row, row : row + window] = kernel / kernel.sum()
    return matrix
