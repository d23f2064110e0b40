"""A multivariate Gaussian as a density."""

from __future__ import annotations

import math
from typing import Literal

import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor, nn

from vadkit.api import DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.sample import check_dimensions, collect

SMALLEST_STD = 1e-4  # a dead channel must not dominate the likelihood
_MOST = 2048  # dimensions; a larger covariance takes minutes and gigabytes


class Gaussian(DensityModel, nn.Module):
    """One multivariate Gaussian over the flattened sample; negative log-likelihood in nats.

    Args:
        feature: shape of one sample, a map or a vector.
        covariance: "full", with the shrinkage of Ledoit and Wolf (2004), or "diagonal" for samples of many
            dimensions.
        samples: maximum number of training samples to fit on.

    Raises:
        ShapeError: too many dimensions for a full covariance, or `samples` is below 1.

    Example:
        >>> density = Gaussian(FeatureSpec((2,), samples=1), covariance="diagonal")
        >>> density(torch.zeros(3, 2))  # before fit: standard normal, log(2 * pi)
        tensor([1.8379, 1.8379, 1.8379])
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self, feature: FeatureSpec, *, covariance: Literal["full", "diagonal"] = "full", samples: int = 50_000
    ) -> None:
        super().__init__()
        if samples < 1:
            raise ShapeError(f"samples must be at least 1, but it is {samples}")
        fix = "choose 'covariance: diagonal', or the feature vector_pool"
        size = check_dimensions(feature, _MOST, fix=fix) if covariance == "full" else feature.dimensions
        self.covariance, self.samples = covariance, samples
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.eye(size) if covariance == "full" else torch.ones(size))

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Compute the mean and the covariance of the training features."""
        del context
        sample = collect(features, self.samples)
        self.mean.copy_(sample.mean(0))
        std = sample.std(0, correction=0).clamp_min(SMALLEST_STD)
        if self.covariance == "diagonal":
            self.scale.copy_(std)
            return
        # Shrink in units of each dimension's deviation, so that a dimension of small scale does not count as noise.
        shrunk = LedoitWolf(assume_centered=True).fit(((sample - sample.mean(0)) / std).numpy()).covariance_
        factor = torch.linalg.cholesky(torch.from_numpy(shrunk))
        self.scale.copy_(std[:, None] * factor)

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) negative log-likelihood, nats."""
        away = features.flatten(1).float() - self.mean
        with torch.autocast(features.device.type, enabled=False):
            if self.covariance == "diagonal":
                white, log_det = away / self.scale, self.scale.log().sum()
            else:
                white = torch.linalg.solve_triangular(self.scale, away.T, upper=False).T
                log_det = self.scale.diagonal().log().sum()
            return 0.5 * (white.square().sum(1) + self.mean.numel() * math.log(2 * math.pi)) + log_det
