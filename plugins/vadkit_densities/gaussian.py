"""One Gaussian."""

from __future__ import annotations

import math
from typing import Literal

import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor, nn

from vadkit.api import DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.sample import check_dimensions, collect

SMALLEST_STD = 1e-4  # a dead channel must not decide everything
_MOST = 2048  # a covariance of more dimensions takes minutes and gigabytes


class Gaussian(DensityModel, nn.Module):
    """A normal distribution of the flattened sample; NLL in nats.

    Args:
        feature: a map or a vector.
        covariance: "full", shrunk as Ledoit and Wolf 2004 do, or "diagonal" for samples of many dimensions.
        samples: most training features that are used.

    Raises:
        ShapeError: too many dimensions for a full covariance, or no samples.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self, feature: FeatureSpec, *, covariance: Literal["full", "diagonal"] = "full", samples: int = 50_000
    ) -> None:
        super().__init__()
        if samples < 1:
            raise ShapeError(f"samples must be at least 1, not {samples}")
        fix = "choose 'covariance: diagonal', or the feature vector_pool"
        size = check_dimensions(feature, _MOST, fix=fix) if covariance == "full" else feature.dimensions
        self.covariance, self.samples = covariance, samples
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.eye(size) if covariance == "full" else torch.ones(size))

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Mean and covariance of the training features."""
        del context
        sample = collect(features, self.samples)
        self.mean.copy_(sample.mean(0))
        std = sample.std(0, correction=0).clamp_min(SMALLEST_STD)
        if self.covariance == "diagonal":
            self.scale.copy_(std)
            return
        # Shrunk in units of each dimension's deviation, so that a small one does not count as noise.
        shrunk = LedoitWolf(assume_centered=True).fit(((sample - sample.mean(0)) / std).numpy()).covariance_
        factor = torch.linalg.cholesky(torch.from_numpy(shrunk))
        self.scale.copy_(std[:, None] * factor)

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,), nats."""
        away = features.flatten(1).float() - self.mean
        with torch.autocast(features.device.type, enabled=False):
            if self.covariance == "diagonal":
                white, log_det = away / self.scale, self.scale.log().sum()
            else:
                white = torch.linalg.solve_triangular(self.scale, away.T, upper=False).T
                log_det = self.scale.diagonal().log().sum()
            return 0.5 * (white.square().sum(1) + self.mean.numel() * math.log(2 * math.pi)) + log_det
