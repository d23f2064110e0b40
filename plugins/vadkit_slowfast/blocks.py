"""The layers that the encoders and the decoder are made of. Convolutions before a batch norm have no bias.

The ResNet blocks start as their shortcuts, as in SlowFast's own configurations (`ZERO_INIT_FINAL_BN`).
Without it, the bfloat16 outputs of an untrained network of depth 50 and width 8 were wrong by half of
their deviation.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

Triple = tuple[int, int, int]

ONE: Triple = (1, 1, 1)
LATERAL = 2  # channels of a lateral / channels of the fast pathway at that layer


class Residual(nn.Module):
    """ReLU(shortcut(x) + branch(x))."""

    def __init__(self, shortcut: nn.Module, branch: nn.Module) -> None:
        super().__init__()
        self.shortcut, self.branch = shortcut, branch

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T, H, W) -> the output of both branches, which have the same shape."""
        return functional.relu(self.shortcut(x) + self.branch(x), inplace=True)


def conv(inputs: int, outputs: int, kernel: Triple, stride: Triple = ONE, *, idle: bool = False) -> nn.Sequential:
    """3-D convolution and batch norm. It divides sizes by the stride. An idle one first outputs zeros."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    norm = nn.BatchNorm3d(outputs)
    if idle:
        nn.init.zeros_(norm.weight)
    return nn.Sequential(nn.Conv3d(inputs, outputs, kernel, stride, padding, bias=False), norm)


def basic(inputs: int, outputs: int, time: int, stride: Triple) -> Residual:
    """The block of ResNet-18: a (time, 3, 3) and a (1, 3, 3) convolution."""
    branch = nn.Sequential(
        conv(inputs, outputs, (time, 3, 3), stride), nn.ReLU(inplace=True), conv(outputs, outputs, (1, 3, 3), idle=True)
    )
    return Residual(_shortcut(inputs, outputs, stride), branch)


def bottleneck(inputs: int, outputs: int, time: int, stride: Triple) -> Residual:
    """The block of ResNet-50: (time, 1, 1), (1, 3, 3) and (1, 1, 1) convolutions, a quarter as wide inside."""
    inside = outputs // 4
    branch = nn.Sequential(
        conv(inputs, inside, (time, 1, 1)),
        nn.ReLU(inplace=True),
        conv(inside, inside, (1, 3, 3), stride),
        nn.ReLU(inplace=True),
        conv(inside, outputs, ONE, idle=True),
    )
    return Residual(_shortcut(inputs, outputs, stride), branch)


def enlarging(inputs: int, outputs: int, stride: Triple) -> Residual:
    """A basic block. Its first convolution is transposed and multiplies sizes by the stride."""
    grow = (stride[0] - 1, stride[1] - 1, stride[2] - 1)
    branch = nn.Sequential(
        nn.ConvTranspose3d(inputs, outputs, 3, stride, 1, grow, bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(inplace=True),
        conv(outputs, outputs, (3, 3, 3)),
    )
    shortcut = nn.Sequential(conv(inputs, outputs, ONE), nn.Upsample(scale_factor=stride))
    return Residual(shortcut, branch)


def lateral(inputs: int, outputs: int, tau: int) -> nn.Sequential:
    """(5, 1, 1) convolution that reduces the T frames of the fast pathway to T / tau, batch norm, ReLU."""
    return nn.Sequential(conv(inputs, outputs, (5, 1, 1), (tau, 1, 1)), nn.ReLU(inplace=True))


def _shortcut(inputs: int, outputs: int, stride: Triple) -> nn.Module:
    return nn.Identity() if (inputs, stride) == (outputs, ONE) else conv(inputs, outputs, ONE, stride)
