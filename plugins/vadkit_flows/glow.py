"""Glow (Kingma and Dhariwal 2018): K steps at each of L levels."""

from __future__ import annotations

import warnings

import torch
from normflows.flows.affine.coupling import AffineCouplingBlock
from normflows.flows.mixing import Invertible1x1Conv
from normflows.flows.reshape import Squeeze
from normflows.nets import ConvNet2d
from torch import Tensor, nn

from vadkit.api import FeatureSpec, ShapeError
from vadkit_flows.actnorm import ActNorm
from vadkit_flows.flow import Float32, Flow, halved
from vadkit_flows.standardize import Standardize


class Glow(Flow):
    """Multi-scale Glow with a standard normal prior; NLL in nats of the feature itself.

    A step is actnorm, an invertible 1x1 convolution and an affine coupling whose net is
    3x3 - 1x1 - 3x3. A level squeezes 2x2 pixels into channels and, but for the last, hands
    half of them to the prior. normflows' coupling nets keep their biases and its 1x1
    convolution is stored as P, L, U, so the paper's flows have 10.20 M and 11.09 M
    parameters here, where the paper prints 10.16 M and 11.05 M. Source: section 3.3, Eq. 7.

    Args:
        feature: one sample must be a map (C, H, W).
        steps: K, steps at each level.
        levels: L, levels.
        hidden: width of the coupling nets.

    Raises:
        ShapeError: the sample is not a map, or 2**L does not divide its sides.
    """

    def __init__(self, feature: FeatureSpec, *, steps: int = 32, levels: int = 3, hidden: int = 512) -> None:
        super().__init__()
        if min(steps, levels, hidden) < 1:
            raise ShapeError(f"steps, levels and hidden must be at least 1, not {steps}, {levels} and {hidden}")
        channels = _channels(feature, levels)
        self.standardize = Standardize(feature)
        self.squeeze = Squeeze()
        self.levels = nn.ModuleList()
        for level in range(levels):
            channels *= 4
            self.levels.append(nn.ModuleList(GlowStep(channels, hidden) for _ in range(steps)))
            if level < levels - 1:
                channels //= 2

    def encode(self, features: Tensor) -> tuple[list[Tensor], Tensor]:
        """(N, C, H, W) -> latents, one a level, and the log-determinant (N,)."""
        rest, scale = self.standardize(features.float())
        log_det = scale.expand(len(rest)).clone()
        latents: list[Tensor] = []
        for index, level in enumerate(self.levels):
            rest, _ = self.squeeze.inverse(rest)
            for step in level:  # pyright: ignore[reportGeneralTypeIssues]
                rest, change = step.inverse(rest)
                log_det = log_det + change
            if index < len(self.levels) - 1:
                done, rest = rest.chunk(2, dim=1)
                latents.append(done)
        return [*latents, rest], log_det

    def decode(self, latents: list[Tensor]) -> Tensor:
        """Latents of `encode` -> the features (N, C, H, W): what makes it a flow."""
        rest = latents[-1]
        for index in reversed(range(len(self.levels))):
            if index < len(self.levels) - 1:
                rest = torch.cat([latents[index], rest], dim=1)
            for step in reversed(self.levels[index]):  # pyright: ignore[reportArgumentType, reportCallIssue]
                rest, _ = step(rest)
            rest, _ = self.squeeze(rest)
        return self.unscaled(rest)


class GlowStep(nn.Module):
    """One step of flow; `inverse` goes from the data to the prior, as in normflows.

    Under autocast the coupling net alone runs in the lower precision: a log-determinant
    or a 1x1 convolution in bfloat16 would make the likelihood a guess.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        net = ConvNet2d((channels - channels // 2, hidden, hidden, channels // 2 * 2), (3, 1, 3))
        self.coupling = AffineCouplingBlock(Float32(net), scale_map="sigmoid")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.lu is deprecated", UserWarning)  # of normflows 1.7
            self.mix = Invertible1x1Conv(channels, use_lu=True)
        self.actnorm = ActNorm((channels, 1, 1))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> towards the prior, with its log-determinant (N,)."""
        z, normed = self.actnorm.inverse(z)
        with torch.autocast(z.device.type, enabled=False):
            z, mixed = self.mix.inverse(z)
        z, coupled = self.coupling.inverse(z)
        return z, normed + mixed + coupled

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> towards the data, with its log-determinant (N,)."""
        z, coupled = self.coupling(z)
        with torch.autocast(z.device.type, enabled=False):
            z, mixed = self.mix(z)
        z, normed = self.actnorm(z)
        return z, normed + mixed + coupled


def _channels(feature: FeatureSpec, levels: int) -> int:
    if len(feature.shape) != 3:
        raise ShapeError(
            f"works on maps (C, H, W), not on samples of shape {feature.shape}",
            fix="choose a feature that gives maps, such as channel_pool, or a density for vectors",
        )
    return halved(feature, levels)[0]
