"""A Gaussian mixture model as a density."""

from __future__ import annotations

import math
import warnings

import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as Mixture
from torch import Tensor, nn

from vadkit.api import DataError, DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.gaussian import SMALLEST_STD
from vadkit_densities.sample import check_dimensions, collect

_MOST = 512  # dimensions
_RIDGE = 1e-3  # added to each variance, relative to the dimension's variance


class GaussianMixture(DensityModel, nn.Module):
    """A Gaussian mixture with full covariances, fitted by EM on standardized samples; NLL in nats.

    Args:
        feature: shape of one sample, a vector or a small map.
        components: number of Gaussians (K).
        samples: maximum number of training samples to fit on.

    Raises:
        ShapeError: too many dimensions, `components` below 1, or fewer samples than components.

    Example:
        >>> density = GaussianMixture(FeatureSpec((4,), samples=1), components=2)
        >>> density(torch.zeros(3, 4)).shape
        torch.Size([3])
    """

    mean: Tensor
    std: Tensor
    log_weights: Tensor
    centers: Tensor
    precisions: Tensor

    def __init__(self, feature: FeatureSpec, *, components: int = 8, samples: int = 50_000) -> None:
        super().__init__()
        if not 1 <= components <= samples:
            raise ShapeError(f"components must be between 1 and samples ({samples}), but it is {components}")
        size = check_dimensions(feature, _MOST, fix="choose the feature vector_pool, or density gaussian")
        self.components, self.samples = components, samples
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))
        self.register_buffer("log_weights", torch.zeros(components))
        self.register_buffer("centers", torch.zeros(components, size))
        self.register_buffer("precisions", torch.eye(size).repeat(components, 1, 1))  # Cholesky factors

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Run EM from a seeded k-means start.

        Raises:
            DataError: fewer samples than components.
        """
        sample = collect(features, self.samples)
        if len(sample) < self.components:
            raise DataError(f"{self.components} components need at least as many samples, but there are {len(sample)}")
        std = sample.std(0, correction=0).clamp_min(SMALLEST_STD)
        scaled = ((sample - sample.mean(0)) / std).numpy()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the last iterate is a valid density too
            found = Mixture(self.components, reg_covar=_RIDGE, random_state=context.seed % 2**32).fit(scaled)
        self.mean.copy_(sample.mean(0))
        self.std.copy_(std)
        self.log_weights.copy_(torch.from_numpy(found.weights_).log())
        self.centers.copy_(torch.from_numpy(found.means_))
        self.precisions.copy_(torch.from_numpy(found.precisions_cholesky_))

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) negative log-likelihood, nats."""
        with torch.autocast(features.device.type, enabled=False):
            scaled = (features.flatten(1).float() - self.mean) / self.std
            white = torch.einsum("nkd,kde->nke", scaled[:, None] - self.centers, self.precisions)
            log_det = self.precisions.diagonal(dim1=1, dim2=2).log().sum(1)
            size = self.mean.numel()
            inside = self.log_weights + log_det - 0.5 * (white.square().sum(2) + size * math.log(2 * math.pi))
            return self.std.log().sum() - inside.logsumexp(1)
