"""The layers that the encoders and the decoder are made of."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from vadkit.api import ShapeError

Triple = tuple[int, int, int]


def conv(inputs: int, outputs: int, kernel: Triple, stride: Triple, *, norm: bool) -> nn.Sequential:
    """3-D convolution, batch norm (optional), ReLU. The padding keeps sizes, divided by the stride."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    layers: list[nn.Module] = [nn.Conv3d(inputs, outputs, kernel, stride, padding)]
    if norm:
        layers.append(nn.BatchNorm3d(outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def deconv(inputs: int, outputs: int, stride: Triple, *, norm: bool) -> nn.Sequential:
    """3x3x3 transposed convolution that multiplies sizes by the stride, batch norm (optional), ReLU."""
    grow = (stride[0] - 1, stride[1] - 1, stride[2] - 1)
    layers: list[nn.Module] = [nn.ConvTranspose3d(inputs, outputs, 3, stride, 1, grow)]
    if norm:
        layers.append(nn.BatchNorm3d(outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def lateral(inputs: int, outputs: int, tau: int, *, norm: bool) -> nn.Sequential:
    """(5, 1, 1) convolution that reduces the T frames of the dynamic path to T / tau."""
    return conv(inputs, outputs, (5, 1, 1), (tau, 1, 1), norm=norm)


def check_widths(**widths: Iterable[int]) -> None:
    """Check that channel counts are at least 1.

    Args:
        widths: key of the recipe -> the numbers under that key.
    """
    for key, values in widths.items():
        for value in values:
            if value < 1:
                raise ShapeError(f"{value} in '{key}' is below 1", fix=f"set '{key}' to 1 or more")
