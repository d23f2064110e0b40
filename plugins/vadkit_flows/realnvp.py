"""RealNVP (Dinh et al. 2017) on maps and on vectors."""

from __future__ import annotations

import torch
from normflows.flows.affine.coupling import MaskedAffineFlow
from normflows.flows.reshape import Squeeze
from normflows.nets import MLP, ConvNet2d
from torch import Tensor, nn

from vadkit.api import FeatureSpec, ShapeError
from vadkit_flows.actnorm import ActNorm
from vadkit_flows.flow import Float32, Flow, halved
from vadkit_flows.standardize import Standardize


class RealNVP(Flow):
    """Affine couplings with fixed masks and a standard normal prior; NLL in nats of the feature itself.

    On a map (C, H, W), a level has `steps` couplings with checkerboard masks, a squeeze of 2x2
    pixels into channels, and `steps` couplings with channel masks; all but the last level
    hand half of the channels to the prior. On a vector (C,), `steps` couplings with alternating
    halves. Each is followed by actnorm; scales are bounded by a tanh with a learned factor.

    Args:
        feature: one sample, a map or a vector of two or more numbers.
        steps: couplings of each group.
        levels: L, for maps; 1 for vectors.
        hidden: width of the coupling nets.

    Raises:
        ShapeError: the sample is neither, or 2**L does not divide a map's sides.
    """

    def __init__(self, feature: FeatureSpec, *, steps: int = 3, levels: int = 1, hidden: int = 128) -> None:
        super().__init__()
        if min(steps, levels, hidden) < 1:
            raise ShapeError(f"steps, levels and hidden must be at least 1, not {steps}, {levels} and {hidden}")
        self.standardize = Standardize(feature)
        self.squeeze = Squeeze()
        self.levels = nn.ModuleList()
        if len(feature.shape) == 1:
            _check_vector(feature, levels)
            masks = [_halves(feature.shape, number) for number in range(steps)]
            self.levels.append(nn.ModuleList([nn.ModuleList(_Coupling(mask, hidden) for mask in masks)]))
            return
        channels, height, width = _check_map(feature, levels)
        for level in range(levels):
            checkers = [_checkerboard((channels, height, width), number) for number in range(steps)]
            channels, height, width = 4 * channels, height // 2, width // 2
            halves = [_halves((channels, height, width), number) for number in range(steps)]
            groups = ([_Coupling(mask, hidden) for mask in masks] for masks in (checkers, halves))
            self.levels.append(nn.ModuleList(nn.ModuleList(group) for group in groups))
            if level < levels - 1:
                channels //= 2

    def encode(self, features: Tensor) -> tuple[list[Tensor], Tensor]:
        """(N, *shape) -> latents, one a level, and the log-determinant (N,)."""
        rest, scale = self.standardize(features.float())
        log_det = scale.expand(len(rest)).clone()
        latents: list[Tensor] = []
        for index, groups in enumerate(self.levels):
            for number, group in enumerate(groups):  # pyright: ignore[reportArgumentType]
                if number == 1:
                    rest, _ = self.squeeze.inverse(rest)
                for coupling in group:
                    rest, change = coupling.inverse(rest)
                    log_det = log_det + change
            if index < len(self.levels) - 1:
                done, rest = rest.chunk(2, dim=1)
                latents.append(done)
        return [*latents, rest], log_det

    def decode(self, latents: list[Tensor]) -> Tensor:
        """Latents of `encode` -> the features (N, *shape)."""
        rest = latents[-1]
        for index in reversed(range(len(self.levels))):
            if index < len(self.levels) - 1:
                rest = torch.cat([latents[index], rest], dim=1)
            groups = list(self.levels[index])  # pyright: ignore[reportArgumentType]
            for number in reversed(range(len(groups))):
                for coupling in reversed(list(groups[number])):
                    rest, _ = coupling(rest)
                if number == 1:
                    rest, _ = self.squeeze(rest)
        return self.unscaled(rest)


class _Coupling(nn.Module):
    """A masked affine coupling and actnorm, all but its nets in float32; `inverse` goes towards the prior."""

    def __init__(self, mask: Tensor, hidden: int) -> None:
        super().__init__()
        scale, shift = (_net(tuple(mask.shape), hidden) for _ in range(2))
        self.coupling = MaskedAffineFlow(mask, Float32(shift), _Bounded(scale, mask.shape[0]))
        self.actnorm = ActNorm((mask.shape[0], *(1 for _ in mask.shape[1:])))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z, normed = self.actnorm.inverse(z)
        z, coupled = self.coupling.inverse(z)
        return z, normed + coupled

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z, coupled = self.coupling(z)
        z, normed = self.actnorm(z)
        return z, normed + coupled


class _Bounded(Float32):
    """tanh of the net times a learned factor for each channel: a scale cannot run away."""

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
    """1 for the channels that stay, the other half each time."""
    mask = torch.zeros(shape)
    first = shape[0] // 2
    mask[:first] = 1
    return mask if number % 2 == 0 else 1 - mask


def _checkerboard(shape: tuple[int, int, int], number: int) -> Tensor:
    rows, columns = torch.arange(shape[1])[:, None], torch.arange(shape[2])[None]
    return ((rows + columns + number) % 2).float().expand(shape).contiguous()


def _check_vector(feature: FeatureSpec, levels: int) -> None:
    if feature.shape[0] < 2:
        raise ShapeError("a coupling needs two numbers or more", fix="choose the density gaussian")
    if levels != 1:
        raise ShapeError(f"vectors have one level, not {levels}", fix="set levels: 1")


def _check_map(feature: FeatureSpec, levels: int) -> tuple[int, int, int]:
    if len(feature.shape) != 3:
        raise ShapeError(f"works on maps (C, H, W) and vectors (C,), not on samples of shape {feature.shape}")
    return halved(feature, levels)
