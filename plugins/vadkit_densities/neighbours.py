"""A k-nearest-neighbour density."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vadkit.api import DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.gaussian import SMALLEST_STD
from vadkit_densities.sample import collect

_CLOSEST = 1e-6  # smallest distance, in deviations: a copy of a training sample must not be infinitely likely


class NearestNeighbours(DensityModel, nn.Module):
    """k-nearest-neighbour density (Loftsgaarden and Quesenberry 1965) of standardized samples; NLL in nats.

    -log p = log(N / k) + log V + D log r, where r is the distance to the k-th neighbour and V is the volume
    of the unit ball in D dimensions. It ranks samples in the same order as the distance r.

    Args:
        feature: shape of one sample, a map or a vector.
        neighbours: number of neighbours (k).
        samples: maximum number of training samples to keep and search (N).

    Raises:
        ShapeError: `neighbours` is below 1 or above `samples`.

    Example:
        >>> density = NearestNeighbours(FeatureSpec((4,), samples=1), neighbours=2, samples=16)
        >>> density.kept.shape  # filled by fit
        torch.Size([16, 4])
    """

    mean: Tensor
    std: Tensor
    kept: Tensor
    count: Tensor

    def __init__(self, feature: FeatureSpec, *, neighbours: int = 5, samples: int = 4096) -> None:
        super().__init__()
        if not 1 <= neighbours <= samples:
            raise ShapeError(f"neighbours must be between 1 and samples ({samples}), but it is {neighbours}")
        self.neighbours, self.samples = neighbours, samples
        self.register_buffer("mean", torch.zeros(feature.dimensions))
        self.register_buffer("std", torch.ones(feature.dimensions))
        self.register_buffer("kept", torch.zeros(samples, feature.dimensions))
        self.register_buffer("count", torch.tensor(0))

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Keep up to `samples` of the training features."""
        del context
        sample = collect(features, self.samples)
        self.mean.copy_(sample.mean(0))
        self.std.copy_(sample.std(0, correction=0).clamp_min(SMALLEST_STD))
        self.kept[: len(sample)] = ((sample - sample.mean(0)) / self.std.double().cpu()).float().to(self.kept.device)
        self.count.fill_(len(sample))

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) negative log-likelihood, nats."""
        count = int(self.count)
        with torch.autocast(features.device.type, enabled=False):
            scaled = (features.flatten(1).float() - self.mean) / self.std
            distances = torch.cdist(scaled, self.kept[:count])
            k = min(self.neighbours, count)
            radius = distances.kthvalue(k, dim=1).values.clamp_min(_CLOSEST)
        size = self.mean.numel()
        ball = 0.5 * size * math.log(math.pi) - math.lgamma(0.5 * size + 1)
        return math.log(count / k) + ball + size * radius.log() + self.std.log().sum()
