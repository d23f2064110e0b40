"""A density that is learned by denoising score matching at several levels of noise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.gaussian import SMALLEST_STD
from vadkit_densities.mixture import GaussianMixture
from vadkit_densities.sample import collect

_MOST = 8192  # dimensions
_AT_ONCE = 1024  # samples of which all levels are computed at once


class Mulde(DensityModel, nn.Module):
    """MULDE: log-densities at several levels of noise, and a Gaussian mixture of them. NLL in nats, of the mixture.

    A network f(x, s) learns the negative log-density of standardized samples with Gaussian noise of deviation s, up to
    a constant. Training minimises s^2 / 2 * ||grad f(x + e, s) - e / s^2||^2 + beta / 2 * f(x, s)^2, where e is noise
    of deviation s, and log s is uniform. Then a Gaussian mixture learns the values f(x, s) of the training samples at
    `levels` deviations at equal distances. Its negative log-likelihood is the score of a sample.

    The value is not the likelihood of the sample itself, so it cannot be compared with that of other densities. Source:
    Micorek et al., "MULDE: Multiscale Log-Density Estimation via Denoising Score Matching for Video Anomaly Detection",
    CVPR 2024, and its published code, which has these sizes.

    Args:
        feature: shape of one sample, a vector or a small map.
        hidden: widths of the hidden layers.
        lowest: smallest deviation of the noise, in deviations of the samples.
        highest: largest deviation of the noise.
        beta: weight of the regulariser, which keeps the values of f near 0.
        levels: number of deviations of which the mixture learns (L).
        components: number of Gaussians of the mixture. The paper reports 1, 3 and 5.
        samples: maximum number of training samples that the mixture learns from.

    Raises:
        ShapeError: too many dimensions, or a size or a deviation is out of range.

    Example:
        >>> density = Mulde(FeatureSpec((4,), samples=1), hidden=(16, 16), levels=3).eval()
        >>> density(torch.zeros(5, 4)).shape
        torch.Size([5])
    """

    needs_fit: ClassVar[bool] = True

    mean: Tensor
    std: Tensor
    deviations: Tensor

    def __init__(
        self,
        feature: FeatureSpec,
        *,
        hidden: Sequence[int] = (4096, 4096),
        lowest: float = 1e-3,
        highest: float = 1.0,
        beta: float = 0.1,
        levels: int = 16,
        components: int = 5,
        samples: int = 50_000,
    ) -> None:
        super().__init__()
        size = feature.dimensions
        if size > _MOST:
            what = f"a sample of shape {feature.shape} has {size} dimensions; the maximum is {_MOST}"
            raise ShapeError(what, fix="choose a feature of vectors, such as vector_pool")
        if not hidden or min(hidden) < 1 or levels < 1:
            raise ShapeError("hidden needs at least one width, and widths and levels must be at least 1")
        if not 0 < lowest < highest < math.inf or not 0 <= beta < math.inf:
            raise ShapeError("lowest must be above 0 and below highest, and beta must not be negative")
        self.lowest, self.highest, self.beta, self.samples = lowest, highest, beta, samples
        widths = [size + 1, *hidden]
        layers = [nn.Linear(before, after) for before, after in pairwise(widths)]
        self.layers = nn.ModuleList([*layers, nn.Linear(widths[-1], 1)])
        self.mixture = GaussianMixture(FeatureSpec((levels,), 1), components=components, samples=samples)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))
        self.register_buffer("deviations", torch.linspace(lowest, highest, levels))

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Train the network by gradients, and fit the mixture to its values."""
        sample = collect(features, self.samples)
        self.mean.copy_(sample.mean(0))
        self.std.copy_(sample.std(0, correction=0).clamp_min(SMALLEST_STD))
        context.fit(self, features)
        self.eval()
        with torch.no_grad():
            self.mixture.fit(_Values(self.log_densities(sample.float().to(self.mean.device)).neg()), context)

    def log_densities(self, features: Tensor) -> Tensor:
        """(N, *shape) -> the log-density at each level of noise, up to a constant, (N, levels)."""
        scaled = ((features.flatten(1) - self.mean) / self.std).split(_AT_ONCE)
        found = [[-self._value(part, level.expand(len(part))) for level in self.deviations] for part in scaled]
        return torch.cat([torch.stack(part, dim=1) for part in found])

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) negative log-likelihood of the mixture. In training: the loss of each sample."""
        with torch.autocast(features.device.type, enabled=False):
            features = features.to(self.mean.dtype)
            if not self.training:
                return self.mixture(self.log_densities(features).neg())
            with torch.enable_grad():
                return self._loss((features.flatten(1) - self.mean) / self.std)

    def _loss(self, values: Tensor) -> Tensor:
        """(N, D) -> (N,): the loss of score matching at a random level of noise, and the regulariser."""
        span = math.log(self.highest / self.lowest)
        deviation = self.lowest * torch.exp(span * torch.rand(len(values), device=values.device, dtype=values.dtype))
        noise = torch.randn_like(values)  # of deviation 1: the paper's e is deviation * noise
        moved = (values + deviation[:, None] * noise).requires_grad_()
        (slope,) = torch.autograd.grad(self._value(moved, deviation).sum(), moved, create_graph=True)
        matching = (deviation[:, None] * slope - noise).square().sum(1)
        return 0.5 * (matching + self.beta * self._value(values, deviation).square())

    def _value(self, values: Tensor, deviation: Tensor) -> Tensor:
        """(N, D) and (N,) -> f (N,), the negative log-density up to a constant."""
        found = torch.cat([values, deviation[:, None]], dim=1)
        *hidden, last = self.layers
        for layer in hidden:
            found = functional.gelu(layer(found))
        return last(found)[:, 0]


class _Values(FeatureSource):
    """Vectors in memory."""

    def __init__(self, values: Tensor) -> None:
        self.values, self.samples = values, len(values)
        self.spec = FeatureSpec(tuple(values.shape[1:]), 1)

    def batches(self, batch_size: int, *, epoch: int = 0, start: int = 0) -> Iterator[Tensor]:
        del epoch
        yield from self.values.split(batch_size)[start:]
