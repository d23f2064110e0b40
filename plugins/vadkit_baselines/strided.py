"""Strided 2-D convolutions of whole frames, and their mirror, for kernels wider than their stride.

`valid` adds no border: a side must be kernel + n * stride, as 227 is for AlexNet's 11 and 4.
`same` adds a border of kernel - stride zeros, split as Keras does, and a side must be a multiple of the stride.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ShapeError


def shrunk(side: int, kernel: int, stride: int, *, same: bool, where: str) -> int:
    """What a convolution makes of a side.

    Raises:
        ShapeError: the side does not fit; pixels at its end would be seen by no kernel.
    """
    border = kernel - stride if same else 0
    places, rest = divmod(side + border - kernel, stride)
    if places < 0:
        raise ShapeError(f"{where} of {side} is too small for a kernel of {kernel}", fix="choose larger frames")
    if rest:
        raise ShapeError(
            f"{where} of {side} does not fit a kernel of {kernel} with stride {stride}",
            fix=f"{side - rest} and {side - rest + stride} fit"
            + ("" if same else "; with padding: same multiples of the stride do"),
        )
    return places + 1


def _border(kernel: int, stride: int, same: bool) -> tuple[int, int]:
    """Zeros before and after a side; more after, where they are odd."""
    border = kernel - stride if same else 0
    return border // 2, border - border // 2


class Shrink(nn.Module):
    """(N, C, H, W) -> (N, C', H / stride, W / stride) by one convolution."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, *, same: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, stride)
        self.border = _border(kernel, stride, same) * 2

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H', W')."""
        return self.convolution(functional.pad(maps, self.border))


class Enlarge(nn.Module):
    """The mirror of `Shrink`: a transposed convolution, its border cut off."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, *, same: bool) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(inputs, outputs, kernel, stride)
        before, after = _border(kernel, stride, same)
        self.border = (-before, -after, -before, -after)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H', W') -> (N, C', H, W)."""
        return functional.pad(self.convolution(maps), self.border)


def draw_glorot(module: nn.Module) -> None:
    """Weights of every 2-D convolution after Glorot and Bengio 2010 ("Xavier"), biases 0."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
