"""The layers that the encoders and the decoder are made of."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from vadkit.api import ShapeError

Triple = tuple[int, int, int]


def conv(inputs: int, outputs: int, kernel: Triple, stride: Triple, *, norm: bool) -> nn.Sequential:
    """3-D convolution, batch norm (optional), ReLU. The padding keeps sizes, divided by the stride."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return _activated(nn.Conv3d(inputs, outputs, kernel, stride, padding), norm)


def deconv(inputs: int, outputs: int, stride: Triple, *, norm: bool) -> nn.Sequential:
    """3x3x3 transposed convolution that multiplies sizes by the stride, batch norm (optional), ReLU."""
    grow = (stride[0] - 1, stride[1] - 1, stride[2] - 1)
    return _activated(nn.ConvTranspose3d(inputs, outputs, 3, stride, 1, grow), norm)


def lateral(inputs: int, outputs: int, tau: int, *, norm: bool) -> nn.Sequential:
    """(5, 1, 1) convolution that reduces the T frames of the dynamic path to T / tau."""
    return conv(inputs, outputs, (5, 1, 1), (tau, 1, 1), norm=norm)


def check_widths(**widths: Iterable[int]) -> None:
    """Check that the numbers under keys of the recipe are at least 1."""
    for key, values in widths.items():
        if (least := min(values, default=1)) < 1:
            raise ShapeError(f"{least} in '{key}' is below 1", fix=f"set '{key}' to 1 or more")


def _activated(convolution: nn.Conv3d | nn.ConvTranspose3d, norm: bool) -> nn.Sequential:
    norms = [nn.BatchNorm3d(convolution.out_channels)] if norm else []
    return nn.Sequential(convolution, *norms, nn.ReLU(inplace=True))
