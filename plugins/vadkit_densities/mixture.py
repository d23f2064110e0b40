"""A Gaussian mixture model as a density."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor, nn

from vadkit.api import DataError, DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.places import BATCH, Places
from vadkit_densities.sample import check_dimensions, collect
from vadkit_densities.scale import SMALLEST_STD

_MOST = 512  # dimensions
_RIDGE = 1e-3  # added to each variance, relative to the dimension's variance


class GaussianMixture(DensityModel, nn.Module):
    """A Gaussian mixture with full covariances, fitted by EM on standardized samples; NLL in nats.

    Args:
        feature: shape of one sample, a vector or a small map.
        components: number of Gaussians (K).
        samples: maximum number of training samples to fit on.
        per_place: each place has its own weights of the Gaussians, which all places share. The feature must give the
            position of its samples. The weights of a place are mixed with those of all places, which count as
            `prior` samples.
        prior: number of samples that all places together count for at each place.
        smooth: neighbouring places share their samples in a Gaussian window of this standard deviation, in places.

    Raises:
        ShapeError: too many dimensions, `components` below 1, samples without a position, or fewer samples than
            components.

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

    def __init__(
        self,
        feature: FeatureSpec,
        *,
        components: int = 8,
        samples: int = 50_000,
        per_place: bool = False,
        prior: float = 200.0,
        smooth: float = 1.0,
    ) -> None:
        super().__init__()
        self.places = Places(feature, smooth=smooth) if per_place else None
        if prior <= 0:
            raise ShapeError(f"prior must be above 0 samples, but it is {prior}")
        self.prior = prior
        feature = self.places.spec if self.places is not None else feature
        if not 1 <= components <= samples:
            raise ShapeError(f"components must be between 1 and samples ({samples}), but it is {components}")
        size = check_dimensions(feature, _MOST, fix="choose the feature vector_pool, or density gaussian")
        self.components, self.samples = components, samples
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))
        rows = (self.places.count,) if self.places is not None else ()
        self.register_buffer("log_weights", torch.zeros(*rows, components))
        self.register_buffer("centers", torch.zeros(components, size))
        self.register_buffer("precisions", torch.eye(size).repeat(components, 1, 1))  # Cholesky factors

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Run EM from a seeded k-means start.

        Raises:
            DataError: fewer samples than components.
        """
        from sklearn.exceptions import ConvergenceWarning  # here: scoring does not need it
        from sklearn.mixture import GaussianMixture as Mixture

        sample = collect(features, self.samples)
        if self.places is not None:
            sample = sample[:, :-2]
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
        if self.places is not None:
            self._weigh_places(features, self.places, torch.from_numpy(found.weights_))

    def _weigh_places(self, features: FeatureSource, places: Places, shared: Tensor) -> None:
        """The weights of a place: how often each Gaussian explains its samples."""
        found = places.empty(self.components)
        with torch.no_grad():
            for batch in features.batches(BATCH):
                values, place = places.split(batch)
                found += places.sums((self._log_densities(values) + shared.log().to(values)).softmax(1), place)
        weights = places.smoothed(found) + self.prior * shared
        self.log_weights.copy_((weights / weights.sum(1, keepdim=True)).log())

    def _log_densities(self, values: Tensor) -> Tensor:
        """(N, D) -> the log-likelihood under each Gaussian (N, K), of the standardized values."""
        away = (values - self.mean) / self.std - self.centers[:, None]  # (K, N, D)
        squares = (away @ self.precisions).square().sum(2)  # not einsum: OpenVINO 2026.4 mixes up its axes
        log_det = self.precisions.diagonal(dim1=1, dim2=2).log().sum(1)
        return (log_det[:, None] - 0.5 * (squares + self.mean.numel() * math.log(2 * math.pi))).T

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) negative log-likelihood, nats."""
        values, log_weights = features.flatten(1).float(), self.log_weights
        if self.places is not None:
            values, place = self.places.split(features)
            log_weights = log_weights[place]
        with torch.autocast(features.device.type, enabled=False):
            return self.std.log().sum() - (log_weights + self._log_densities(values)).logsumexp(1)
