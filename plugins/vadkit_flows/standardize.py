"""Per-channel standardization fitted on the training features, with its log-determinant."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from vadkit.api import DataError, FeatureSpec
from vadkit_flows.processes import uniform

SMALLEST_STD = 1e-4  # a dead channel (a ReLU that never fires) must not be scaled to unit variance


class Standardize(nn.Module):
    """Dequantizes discrete channels, then scales every channel to mean 0 and deviation 1.

    A channel that is constant in training (a ReLU that never fires) gets noise in training. Otherwise the flow would
    make its scale smaller without end.

    Args:
        spec: shape of one sample (C, ...) and the quantum of each channel.
    """

    mean: Tensor
    std: Tensor
    quantum: Tensor

    def __init__(self, spec: FeatureSpec) -> None:
        super().__init__()
        per_channel = (spec.shape[0], *(1 for _ in spec.shape[1:]))
        self.position_stats = math.prod(spec.shape[1:])
        self.register_buffer("mean", torch.zeros(per_channel))
        self.register_buffer("std", torch.ones(per_channel))
        quanta = spec.quantum or (0.0,) * spec.shape[0]
        self.register_buffer("quantum", torch.tensor(quanta).reshape(per_channel), persistent=False)

    @torch.no_grad()
    def fit(self, batches: Iterable[Tensor]) -> None:
        """Compute mean and deviation from batches (N, C, ...).

        Raises:
            DataError: there are no features, or they are not finite.
        """
        count, total, squares = 0, torch.zeros(()), torch.zeros(())
        for batch in batches:
            channels = batch.double().transpose(0, 1).flatten(1).cpu()  # (C, N*...)
            count += channels.shape[1]
            total = total + channels.sum(1)
            squares = squares + channels.square().sum(1)
        if not count:
            raise DataError("no training features to fit the density on")
        mean = total / count
        std = (squares / count - mean.square()).clamp_min(0).sqrt().clamp_min(SMALLEST_STD)
        if not bool(torch.isfinite(mean).all() and torch.isfinite(std).all()):
            raise DataError("the training features are not finite", fix="correct the feature that gives them")
        self.mean.copy_(mean.reshape(self.mean.shape))
        self.std.copy_(std.reshape(self.std.shape))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, ...) -> the standardized features, and the log-determinant as one number.

        Training adds uniform noise as wide as a channel's quantum, and noise of deviation `SMALLEST_STD` to a constant
        channel. Evaluation adds half a quantum, so that scores are deterministic.
        """
        noise = uniform(features) if self.training else torch.full_like(features, 0.5)
        scaled = (features + noise * self.quantum - self.mean) / self.std
        constant = self.std <= SMALLEST_STD
        scaled = scaled + (noise - 0.5) * torch.where(constant, math.sqrt(12), 0.0)  # a uniform value of deviation 1
        return scaled, -self.position_stats * self.std.log().sum()
