"""RealNVP (Dinh et al. 2017) on maps and on vectors."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from normflows.flows.affine.coupling import MaskedAffineFlow
from normflows.nets import MLP, ConvNet2d
from torch import Tensor, nn

from vadkit.api import FeatureSpec, ShapeError
from vadkit_flows.actnorm import ActNorm
from vadkit_flows.flow import Float32, Flow, halved


class RealNVP(Flow):
    """RealNVP: affine couplings with fixed masks and a standard normal prior.

    The negative log-likelihood is in nats of the original features. On a map (C, H, W), each level has
    `steps` couplings with checkerboard masks, a squeeze of 2x2 pixels into channels, and `steps` couplings
    with channel masks. Every level except the last sends half of the channels to the prior. On a vector
    (C,), `steps` couplings alternate between the two halves. An actnorm follows each coupling. A tanh with
    a learned factor bounds the scales.

    Args:
        feature: shape of one sample: a map (C, H, W), or a vector (C,) of at least two numbers.
        steps: number of couplings in each group.
        levels: number of levels (L) for maps; must be 1 for vectors.
        hidden: channels of the hidden layers in the coupling networks.

    Raises:
        ShapeError: the sample is not a map or a vector, or a map's height or width is not a multiple of 2**L.

    Example:
        >>> flow = RealNVP(FeatureSpec((6,), samples=1), steps=2, hidden=8)
        >>> flow(torch.zeros(3, 6)).shape
        torch.Size([3])
    """

    def __init__(self, feature: FeatureSpec, *, steps: int = 3, levels: int = 1, hidden: int = 128) -> None:
        super().__init__(feature, steps=steps, levels=levels, hidden=hidden)
        if len(feature.shape) == 1:
            if feature.shape[0] < 2:
                raise ShapeError("realnvp needs vectors of at least two numbers", fix="choose the density gaussian")
            if levels != 1:
                raise ShapeError(f"vectors have one level, but levels is {levels}", fix="set levels: 1")
            self._add_level([[_halves(feature.shape, number) for number in range(steps)]], hidden)
            return
        if len(feature.shape) != 3:
            raise ShapeError(
                f"realnvp needs maps (C, H, W) or vectors (C,), but the samples have shape {feature.shape}"
            )
        channels, height, width = halved(feature, levels)
        for level in range(levels):
            checkers = [_checkerboard((channels, height, width), number) for number in range(steps)]
            channels, height, width = 4 * channels, height // 2, width // 2
            halves = [_halves((channels, height, width), number) for number in range(steps)]
            self._add_level([checkers, halves], hidden)
            if level < levels - 1:
                channels //= 2

    def _add_level(self, groups: list[list[Tensor]], hidden: int) -> None:
        self.levels.append(nn.ModuleList(nn.ModuleList(_Coupling(m, hidden) for m in masks) for masks in groups))

    def steps(self, level: Any) -> list[Any]:
        """The couplings with checkerboard masks, the squeeze, the couplings with channel masks."""
        first, *second = level
        return [*first, self.squeeze, *second[0]] if second else list(first)


class _Coupling(nn.Module):
    """A masked affine coupling and actnorm. All but the networks runs in float32; `inverse` maps towards the prior."""

    def __init__(self, mask: Tensor, hidden: int) -> None:
        super().__init__()
        scale, shift = (_net(tuple(mask.shape), hidden) for _ in range(2))
        self.coupling = MaskedAffineFlow(mask, Float32(shift), _Bounded(scale, mask.shape[0]))
        self.actnorm = ActNorm((mask.shape[0], *(1 for _ in mask.shape[1:])))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z, normed = self.actnorm.inverse(z)
        z, coupled = self.coupling.inverse(z)
        return z, normed + coupled

    def inverse_map(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """As `inverse`, with the log-determinant by place (N, H, W)."""
        z, normed = self.actnorm.inverse(z)
        mask: Any = self.coupling.b
        scale = (1 - mask) * self.coupling.s(mask * z)
        return self.coupling.inverse(z)[0], normed / prod(z.shape[2:]) - scale.sum(1)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z, coupled = self.coupling(z)
        z, normed = self.actnorm(z)
        return z, normed + coupled


class _Bounded(Float32):
    """tanh of the network, times a learned factor for each channel. It keeps scales bounded."""

    def __init__(self, net: nn.Module, channels: int) -> None:
        super().__init__(net)
        self.factor = nn.Parameter(torch.ones(channels))

    def forward(self, z: Tensor) -> Tensor:
        bounded = torch.tanh(super().forward(z))
        return bounded * self.factor.reshape(-1, *(1 for _ in bounded.shape[2:]))


def _net(shape: tuple[int, ...], hidden: int) -> nn.Module:
    if len(shape) == 1:
        return MLP([shape[0], hidden, hidden, shape[0]], init_zeros=True)
    return ConvNet2d((shape[0], hidden, hidden, shape[0]), (3, 1, 3), init_zeros=True)


def _halves(shape: tuple[int, ...], number: int) -> Tensor:
    """Channel mask: 1 for the channels that stay unchanged. The halves swap with each `number`."""
    mask = torch.zeros(shape)
    first = shape[0] // 2
    mask[:first] = 1
    return mask if number % 2 == 0 else 1 - mask


def _checkerboard(shape: tuple[int, int, int], number: int) -> Tensor:
    rows, columns = torch.arange(shape[1])[:, None], torch.arange(shape[2])[None]
    return ((rows + columns + number) % 2).float().expand(shape).contiguous()
