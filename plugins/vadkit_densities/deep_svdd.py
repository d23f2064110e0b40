"""Deep support vector data description, as a density."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_densities.sample import collect
from vadkit_densities.scale import Scale

_LEAST = 0.1  # of each value of the centre: a value near 0 is reached by weights of 0


class DeepSVDD(DensityModel, nn.Module):
    """Deep support vector data description (Ruff et al., ICML 2018) of standardized samples.

    A network without biases maps samples to codes near a fixed centre: the mean code of the untrained network. Its
    value is not a likelihood in nats, but the squared distance from the centre. With a soft boundary, the squared
    radius of a ball is subtracted, and training reduces R² + max(0, distance² - R²) / ν. The radius of a batch is the
    best one for its samples.

    Args:
        feature: shape of one sample, a map or a vector.
        hidden: widths of the hidden layers.
        code: number of values of a code.
        objective: "one_class" reduces all distances, "soft_boundary" those of samples outside the ball.
        nu: share of the training samples that may be outside the ball (ν).
        samples: maximum number of training samples from which scale, centre and radius are computed.

    Raises:
        ShapeError: a width or `samples` is below 1, or `nu` is not between 0 and 1.

    Example:
        >>> density = DeepSVDD(FeatureSpec((4,), samples=1), hidden=[8], code=2)
        >>> density(torch.zeros(3, 4)).shape
        torch.Size([3])
    """

    centre: Tensor
    radius: Tensor
    needs_fit = True

    def __init__(
        self,
        feature: FeatureSpec,
        *,
        hidden: Sequence[int] = (128, 64),
        code: int = 32,
        objective: Literal["one_class", "soft_boundary"] = "one_class",
        nu: float = 0.1,
        samples: int = 50_000,
    ) -> None:
        super().__init__()
        widths = (feature.dimensions, *hidden, code)
        if min(*widths, samples) < 1:
            raise ShapeError(f"hidden, code and samples must be at least 1, not {list(hidden)}, {code} and {samples}")
        if not 0 < nu < 1:
            raise ShapeError(f"nu must be between 0 and 1, but it is {nu:g}")
        self.soft, self.nu, self.samples = objective == "soft_boundary", nu, samples
        self.scale = Scale(feature.dimensions)
        layers = [part for pair in pairwise(widths) for part in (nn.Linear(*pair, bias=False), nn.LeakyReLU(0.01))]
        self.network = nn.Sequential(*layers[:-1])
        self.register_buffer("centre", torch.zeros(code))
        self.register_buffer("radius", torch.zeros(()))  # squared

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Set the centre, train the network, and measure the radius."""
        sample = collect(features, self.samples).float()
        self.scale.fit(sample)
        with torch.no_grad():
            mean = self._codes(sample.to(self.centre)).mean(0)
            self.centre.copy_(torch.where(mean < 0, mean.clamp_max(-_LEAST), mean.clamp_min(_LEAST)))
        context.fit(self, features)
        if self.soft:
            with torch.no_grad():
                self.radius.copy_(self._distances(sample.to(self.centre)).quantile(1 - self.nu))

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) squared distance, minus the squared radius; in training: the terms of the objective."""
        distances = self._distances(features)
        if not (self.training and self.soft):
            return distances - self.radius
        radius = distances.detach().quantile(1 - self.nu)
        return radius + (distances - radius).clamp_min(0) / self.nu

    def _distances(self, features: Tensor) -> Tensor:
        return (self._codes(features) - self.centre).square().sum(1)

    def _codes(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return self.network(self.scale(features))
