"""One-class support vector machine as a density."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from vadkit.api import DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.sample import collect
from vadkit_densities.scale import Scale


class OneClassSVM(DensityModel, nn.Module):
    """One-class support vector machine (Schölkopf et al. 2001) of standardized samples.

    Its value is not a likelihood in nats. It is the negative decision function of scikit-learn's `OneClassSVM`: above
    0 outside the region of normal samples, and highest far away from it.

    Args:
        feature: shape of one sample, a map or a vector.
        nu: maximum share of the training samples that may be outside the region (ν).
        kernel: "rbf", exp(-gamma ||x - y||²), or "linear".
        gamma: of the kernel "rbf"; default: 1 / D, for D dimensions.
        samples: maximum number of training samples to fit on. The time grows with its square.

    Raises:
        ShapeError: `nu` is not above 0 and at most 1, `gamma` is not above 0, or `samples` is below 1.

    Example:
        >>> density = OneClassSVM(FeatureSpec((4,), samples=1), nu=0.1)
        >>> density(torch.zeros(3, 4)).shape
        torch.Size([3])
    """

    vectors: Tensor
    weights: Tensor
    offset: Tensor
    count: Tensor

    def __init__(
        self,
        feature: FeatureSpec,
        *,
        nu: float = 0.1,
        kernel: Literal["rbf", "linear"] = "rbf",
        gamma: float | None = None,
        samples: int = 4096,
    ) -> None:
        super().__init__()
        size = feature.dimensions
        self.nu, self.kernel, self.samples = nu, kernel, samples
        self.gamma = 1 / size if gamma is None else gamma
        if not 0 < nu <= 1:
            raise ShapeError(f"nu must be above 0 and at most 1, but it is {nu:g}")
        if self.gamma <= 0:
            raise ShapeError(f"gamma must be above 0, but it is {self.gamma:g}")
        if samples < 1:
            raise ShapeError(f"samples must be at least 1, but it is {samples}")
        self.scale = Scale(size)
        self.register_buffer("vectors", torch.zeros(samples, size))
        self.register_buffer("weights", torch.zeros(samples))
        self.register_buffer("offset", torch.zeros(()))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Find the support vectors."""
        from sklearn.svm import OneClassSVM as Machine  # here: scoring does not need it

        del context
        scaled = self.scale.fit(collect(features, self.samples))
        gamma: Any = self.gamma
        found = Machine(kernel=self.kernel, gamma=gamma, nu=self.nu).fit(scaled.numpy())
        count = len(found.support_)
        self.vectors[:count] = torch.from_numpy(found.support_vectors_)
        self.weights[:count] = torch.from_numpy(found.dual_coef_[0])
        self.offset.copy_(torch.tensor(found.intercept_[0]))
        self.count.fill_(count)

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) negative decision function."""
        vectors, weights = self.vectors[: self.count], self.weights[: self.count]
        with torch.autocast(features.device.type, enabled=False):
            scaled = self.scale(features)
            if self.kernel == "linear":
                return -(scaled @ (weights @ vectors)) - self.offset
            return -(torch.exp(-self.gamma * torch.cdist(scaled, vectors).square()) @ weights) - self.offset
