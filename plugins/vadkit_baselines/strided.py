"""Strided 2-D convolutions of whole frames and their transposes, for kernels larger than the stride.

`valid` adds no padding: a side must be kernel + n * stride, such as 227 for AlexNet's 11 and 4.
`same` pads with kernel - stride zeros, split as in Keras; a side must be a multiple of the stride.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipSpec, ShapeError


def shrunk(side: int, kernel: int, stride: int, *, same: bool, where: str) -> int:
    """Height or width after a convolution."""
    border = kernel - stride if same else 0
    steps, rest = divmod(side + border - kernel, stride)
    if steps < 0:
        raise ShapeError(f"{where} of {side} is too small for a kernel of {kernel}", fix="choose larger frames")
    if rest:
        what = f"{where} of {side} does not fit a kernel of {kernel} with stride {stride}"
        more = "" if same else f", or set padding: same and use a multiple of {stride}"
        raise ShapeError(what, fix=f"use {side - rest} or {side - rest + stride}{more}")
    return steps + 1


def code_size(clip: ClipSpec, kernels: Sequence[int], strides: Sequence[int], *, same: bool) -> tuple[int, int]:
    """Height and width after one or two convolutions of a frame."""
    height, width = clip.height, clip.width
    for kernel, stride, layer in zip(kernels, strides, ("frame", "first map"), strict=False):
        height = shrunk(height, kernel, stride, same=same, where=f"the {layer} height")
        width = shrunk(width, kernel, stride, same=same, where=f"the {layer} width")
    return height, width


def _border(kernel: int, stride: int, same: bool) -> tuple[int, int]:
    """Zeros before and after a side; the odd one goes after."""
    border = kernel - stride if same else 0
    return border // 2, border - border // 2


class Shrink(nn.Module):
    """One strided convolution: (N, C, H, W) -> (N, C', H / stride, W / stride)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, *, same: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride)
        self.border = _border(kernel, stride, same) * 2

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        return self.convolution(functional.pad(maps, self.border))


class Enlarge(nn.Module):
    """The inverse sizes of `Shrink`: a transposed convolution with its border cut off."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, *, same: bool) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(inputs, outputs, kernel, stride)
        before, after = _border(kernel, stride, same)
        self.border = (-before, -after, -before, -after)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H', W') -> (N, C', H, W)."""
        return functional.pad(self.convolution(maps), self.border)


def draw_glorot(module: nn.Module) -> None:
    """Initialize the weights of every 2-D convolution after Glorot and Bengio (2010, "Xavier"), and biases with 0."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
