"""Glow (Kingma and Dhariwal 2018): L levels of K steps."""

from __future__ import annotations

import copy
import warnings
from math import prod
from typing import Any, cast

import torch
from normflows.flows.affine.coupling import AffineCouplingBlock
from normflows.flows.mixing import Invertible1x1Conv
from normflows.nets import ConvNet2d
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import FeatureSpec, ShapeError
from vadkit_flows.actnorm import ActNorm
from vadkit_flows.flow import Float32, Flow, halved


class Glow(Flow):
    """Glow, a multi-scale normalizing flow on maps with a standard normal prior.

    The negative log-likelihood is in nats of the original features. A step is actnorm, an invertible 1x1
    convolution and an affine coupling. The coupling network has 3x3, 1x1 and 3x3 convolutions. A level
    squeezes 2x2 pixels into channels. Every level except the last sends half of the channels to the prior.

    Parameter counts: 10.20 M and 11.09 M for the paper's flows; the paper prints 10.16 M and 11.05 M.
    normflows' coupling networks keep their biases and its 1x1 convolution is stored as P, L, U, which
    explains the difference. Source: section 3.3, Eq. 7.

    Args:
        feature: shape of one sample, which must be a map (C, H, W).
        steps: number of steps in each level (K).
        levels: number of levels (L).
        hidden: channels of the hidden layers in the coupling networks.

    Raises:
        ShapeError: the sample is not a map, or its height or width is not a multiple of 2**L.

    Example:
        >>> glow = Glow(FeatureSpec((2, 8, 8), samples=4), steps=2, levels=2, hidden=8)
        >>> glow(torch.zeros(3, 2, 8, 8)).shape
        torch.Size([3])
        >>> [tuple(z.shape) for z in glow.encode(torch.zeros(3, 2, 8, 8))[0]]
        [(3, 4, 4, 4), (3, 16, 2, 2)]
    """

    def __init__(self, feature: FeatureSpec, *, steps: int = 32, levels: int = 3, hidden: int = 512) -> None:
        super().__init__(feature, steps=steps, levels=levels, hidden=hidden)
        if len(feature.shape) != 3:
            raise ShapeError(
                f"glow needs maps (C, H, W), but the samples have the shape {feature.shape}",
                fix="choose a feature that gives maps, such as channel_pool, or a density for vectors",
            )
        channels, _, _ = halved(feature, levels)
        for level in range(levels):
            channels *= 4
            self.levels.append(nn.ModuleList(GlowStep(channels, hidden) for _ in range(steps)))
            if level < levels - 1:
                channels //= 2

    def steps(self, level: Any) -> list[Any]:
        """The squeeze, then the steps."""
        return [self.squeeze, *level]

    def for_scoring(self) -> Glow:
        """A copy in which each step has one 1x1 convolution instead of actnorm and mixing; itself before the fit."""
        steps = [step for level in self.levels for step in cast("nn.ModuleList", level)]
        if not all(isinstance(step, GlowStep) and step.actnorm.data_dep_init_done for step in steps):
            return self
        folded = copy.copy(self)
        folded._modules = dict(self._modules)
        folded.levels = nn.ModuleList(
            nn.ModuleList(FoldedStep(step) for step in cast("Any", level)) for level in self.levels
        )
        return folded.eval()


class GlowStep(nn.Module):
    """One step of the flow. `inverse` maps from the data to the prior, as in normflows.

    Under autocast only the coupling network runs in the lower precision. A log-determinant or a 1x1
    convolution in bfloat16 would make the likelihood too inaccurate.
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        net = _fast(ConvNet2d((channels - channels // 2, hidden, hidden, channels // 2 * 2), (3, 1, 3)))
        self.coupling = AffineCouplingBlock(Float32(net), scale_map="sigmoid")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.lu is deprecated", UserWarning)  # in normflows 1.7
            self.mix = Invertible1x1Conv(channels, use_lu=True)
        self.actnorm = ActNorm((channels, 1, 1))

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) towards the prior; also return the log-determinant (N,)."""
        z, mixed = self._mixed(z)
        z, coupled = self.coupling.inverse(z)
        return z, mixed + coupled

    def inverse_map(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """As `inverse`, with the log-determinant by place (N, H, W)."""
        z, mixed = self._mixed(z)
        return _coupled(self.net, z, mixed / prod(z.shape[2:]))

    @property
    def net(self) -> Any:
        """The network of the coupling."""
        return cast("Any", self.coupling.flows[1]).param_map

    def _mixed(self, z: Tensor) -> tuple[Tensor, Tensor]:
        z, normed = self.actnorm.inverse(z)
        with torch.autocast(z.device.type, enabled=False):
            z, mixed = self.mix.inverse(z)
        return z, normed + mixed

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) towards the data; also return the log-determinant (N,)."""
        z, coupled = self.coupling(z)
        with torch.autocast(z.device.type, enabled=False):
            z, mixed = self.mix(z)
        z, normed = self.actnorm(z)
        return z, normed + mixed + coupled


class FoldedStep(nn.Module):
    """A fitted step for scoring: actnorm and mixing are one 1x1 convolution with a constant matrix.

    Args:
        step: initialized by its first batch.
    """

    weight: Tensor
    bias: Tensor
    log_det: Tensor

    @torch.no_grad()
    def __init__(self, step: GlowStep) -> None:
        super().__init__()
        scale = (-step.actnorm.s.double()).flatten()
        matrix = step.mix._assemble_W().double() * scale.exp()
        self.register_buffer("weight", matrix[:, :, None, None].float())
        self.register_buffer("bias", -(matrix @ step.actnorm.t.double().flatten()).float())
        self.register_buffer("log_det", (scale.sum() + step.mix.log_S.double().sum()).float())  # of one place
        self.net = step.net

    def inverse(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map (N, C, H, W) towards the prior; also return the log-determinant (N,)."""
        z, by_place = self.inverse_map(z)
        return z, by_place.sum((1, 2))

    def inverse_map(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """As `inverse`, with the log-determinant by place (N, H, W)."""
        with torch.autocast(z.device.type, enabled=False):
            z = functional.conv2d(z, self.weight, self.bias)
        return _coupled(self.net, z, self.log_det)


def _fast(net: ConvNet2d) -> ConvNet2d:
    """The same network, with weights in channels-last order, which the convolutions then keep, and ReLU in place."""
    for index, layer in enumerate(net.net):
        if isinstance(layer, nn.Conv2d):
            layer.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        elif isinstance(layer, nn.LeakyReLU) and not layer.negative_slope:
            net.net[index] = nn.ReLU(inplace=True)
    return net


def _coupled(net: nn.Module, z: Tensor, log_det: Tensor) -> tuple[Tensor, Tensor]:
    """The affine coupling with a sigmoid, towards the prior, and its log-determinant by place plus `log_det`."""
    kept, changed = z.chunk(2, dim=1)
    parameters = net(kept)
    scale = parameters[:, 1::2] + 2
    changed = (changed - parameters[:, 0::2]) * scale.sigmoid()
    return torch.cat([kept, changed], dim=1), functional.logsigmoid(scale).sum(1) + log_det
