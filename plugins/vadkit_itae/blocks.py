"""The two layers that everything here is made of."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn

from vadkit.api import ShapeError

Triple = tuple[int, int, int]


def conv(inputs: int, outputs: int, kernel: Triple, stride: Triple, *, norm: bool) -> nn.Sequential:
    """3-D convolution that keeps sizes up to its stride, batch norm, ReLU."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    layers: list[nn.Module] = [nn.Conv3d(inputs, outputs, kernel, stride, padding)]
    if norm:
        layers.append(nn.BatchNorm3d(outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def deconv(inputs: int, outputs: int, stride: Triple, *, norm: bool) -> nn.Sequential:
    """3x3x3 transposed convolution that multiplies sizes by its stride, batch norm, ReLU."""
    grow = (stride[0] - 1, stride[1] - 1, stride[2] - 1)
    layers: list[nn.Module] = [nn.ConvTranspose3d(inputs, outputs, 3, stride, 1, grow)]
    if norm:
        layers.append(nn.BatchNorm3d(outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def lateral(inputs: int, outputs: int, tau: int, *, norm: bool) -> nn.Sequential:
    """(5, 1, 1) convolution that brings T frames of the dynamic path to T / tau."""
    return conv(inputs, outputs, (5, 1, 1), (tau, 1, 1), norm=norm)


def check_widths(**widths: Iterable[int]) -> None:
    """Key of the recipe -> numbers that count channels.

    Raises:
        ShapeError: one is less than 1.
    """
    for key, values in widths.items():
        for value in values:
            if value < 1:
                raise ShapeError(f"{value} in '{key}' leaves a layer no channels", fix=f"set '{key}' to 1 or more")
