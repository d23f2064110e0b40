"""A multivariate Gaussian as a density."""

from __future__ import annotations

import copy
import math
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import DataError, DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.places import BATCH, Places
from vadkit_densities.sample import check_dimensions, collect
from vadkit_densities.scale import SMALLEST_STD

_LEAST_VARIANCE = 0.02  # of a place, relative to the variance of all places
_JITTER = 1e-6  # added to the variance of each dimension, as a share of it
_MOST = 2048  # dimensions; a larger covariance takes minutes and gigabytes


class Gaussian(DensityModel, nn.Module):
    """One multivariate Gaussian over the flattened sample; negative log-likelihood in nats.

    Args:
        feature: shape of one sample, a map or a vector.
        covariance: "full", with the shrinkage of Ledoit and Wolf (2004), or "diagonal" for samples of many
            dimensions.
        samples: maximum number of training samples to fit on. A Gaussian for each place uses all samples.
        per_place: one diagonal Gaussian for each place. The feature must give the position of its samples. Mean and
            variance of a place are mixed with those of all places, which count as `prior` samples.
        prior: number of samples that all places together count for at each place.
        smooth: neighbouring places share their samples in a Gaussian window of this standard deviation, in places.

    Raises:
        ShapeError: too many dimensions for a full covariance, a full covariance for each place, samples without a
            position, or `samples` is below 1.

    Example:
        >>> density = Gaussian(FeatureSpec((2,), samples=1), covariance="diagonal")
        >>> density(torch.zeros(3, 2))  # before fit: standard normal, log(2 * pi)
        tensor([1.8379, 1.8379, 1.8379])
    """

    mean: Tensor
    scale: Tensor
    whitening: Tensor | None  # the inverse of a full scale, only for scoring

    def __init__(
        self,
        feature: FeatureSpec,
        *,
        covariance: Literal["full", "diagonal"] = "full",
        samples: int = 50_000,
        per_place: bool = False,
        prior: float = 200.0,
        smooth: float = 1.0,
    ) -> None:
        super().__init__()
        self.register_buffer("whitening", None, persistent=False)
        if samples < 1:
            raise ShapeError(f"samples must be at least 1, but it is {samples}")
        self.places = Places(feature, smooth=smooth) if per_place else None
        self.prior = prior
        if self.places is not None:
            if covariance == "full":
                raise ShapeError(
                    "a full covariance for each place needs too many samples", fix="set covariance: diagonal"
                )
            if prior <= 0:
                raise ShapeError(f"prior must be above 0 samples, but it is {prior}")
            self.covariance, self.samples = covariance, samples
            self.register_buffer("mean", torch.zeros(self.places.count, self.places.spec.dimensions))
            self.register_buffer("scale", torch.ones(self.places.count, self.places.spec.dimensions))
            return
        fix = "choose 'covariance: diagonal', or the feature vector_pool"
        size = check_dimensions(feature, _MOST, fix=fix) if covariance == "full" else feature.dimensions
        self.covariance, self.samples = covariance, samples
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("scale", torch.eye(size) if covariance == "full" else torch.ones(size))

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Compute the mean and the covariance of the training features."""
        from sklearn.covariance import LedoitWolf  # here: scoring does not need it

        del context
        if self.places is not None:
            self._fit_places(features, self.places)
            return
        sample = collect(features, self.samples)
        self.mean.copy_(sample.mean(0))
        std = sample.std(0, correction=0).clamp_min(SMALLEST_STD)
        if self.covariance == "diagonal":
            self.scale.copy_(std)
            return
        # Shrink in units of each dimension's deviation, so that a dimension of small scale does not count as noise.
        white = (sample - sample.mean(0)) / std
        shrunk = torch.from_numpy(LedoitWolf(assume_centered=True).fit(white.numpy()).covariance_)
        shrunk += torch.diag(1 - white.square().mean(0))  # a constant dimension has the deviation SMALLEST_STD
        factor, singular = torch.linalg.cholesky_ex(shrunk)
        if singular:  # some dimensions are multiples of others
            factor = torch.linalg.cholesky(shrunk + _JITTER * torch.eye(len(shrunk)))
        self.scale.copy_(std[:, None] * factor)

    def _fit_places(self, features: FeatureSource, places: Places) -> None:
        count, total, squares = places.empty(1), places.empty(self.mean.shape[1]), places.empty(self.mean.shape[1])
        for batch in features.batches(BATCH):
            values, place = places.split(batch)
            count += places.sums(torch.ones_like(values[:, :1]), place)
            total += places.sums(values, place)
            squares += places.sums(values.double().square(), place)
        if not count.sum():
            raise DataError("no training features to fit the density on")
        shared = total.sum(0) / count.sum()
        variance = (squares.sum(0) / count.sum() - shared.square()).clamp_min(SMALLEST_STD**2)
        weight = places.smoothed(count) + self.prior
        mean = (places.smoothed(total) + self.prior * shared) / weight
        second = (places.smoothed(squares) + self.prior * (variance + shared.square())) / weight
        self.mean.copy_(mean)
        self.scale.copy_(torch.maximum(second - mean.square(), _LEAST_VARIANCE * variance).sqrt())

    def for_scoring(self) -> Gaussian:
        """With a full covariance, a copy that multiplies instead of solving; ONNX cannot solve."""
        if self.covariance == "diagonal":
            return self
        ready = copy.copy(self)
        ready._buffers = dict(self._buffers)
        scale = self.scale.cpu().double()
        inverse = torch.linalg.solve_triangular(scale, torch.eye(len(scale), dtype=scale.dtype), upper=False)
        ready.whitening = inverse.to(self.scale)
        return ready

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) negative log-likelihood, nats."""
        if self.places is not None:
            values, place = self.places.split(features)
            scale = self.scale[place]
            white = (values - self.mean[place]) / scale
            return (0.5 * (white.square() + math.log(2 * math.pi)) + scale.log()).sum(1)
        away = features.flatten(1).float() - self.mean
        with torch.autocast(features.device.type, enabled=False):
            if self.covariance == "diagonal":
                white, log_det = away / self.scale, self.scale.log().sum()
            else:
                if self.whitening is None:
                    white = torch.linalg.solve_triangular(self.scale, away.T, upper=False).T
                else:
                    white = away @ self.whitening.T
                log_det = self.scale.diagonal().log().sum()
            return 0.5 * (white.square().sum(1) + self.mean.numel() * math.log(2 * math.pi)) + log_det
