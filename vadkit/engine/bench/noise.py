"""Prepares untrained densities to run: noise replaces training features."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from vadkit.core.contracts import FeatureSource, FitContext
from vadkit.core.values import FeatureSpec
from vadkit.model.pipeline import Head

_FEW = 4  # two are not enough for every statistic; more would only cost time


class Noise(FeatureSource):
    """N normally distributed samples in place of features."""

    def __init__(self, spec: FeatureSpec, samples: int, device: torch.device) -> None:
        self.spec, self.samples = spec, samples
        self._device = device

    def batches(self, batch_size: int, *, epoch: int = 0, start: int = 0) -> Iterator[Tensor]:
        """The same samples in every pass."""
        del epoch
        random = torch.Generator().manual_seed(0)
        for number, first in enumerate(range(0, self.samples, batch_size)):
            count = min(batch_size, self.samples - first)
            batch = torch.randn(count, *self.spec.shape, generator=random)
            if number >= start:
                yield batch.to(self._device)


class Untrained(FitContext):
    """Trains nothing."""

    seed = 0

    def fit(self, density: nn.Module, features: FeatureSource) -> None:
        """Pass one batch: some densities take their scale from the first batch."""
        with torch.no_grad():
            density.train()(next(features.batches(_FEW)))


def fit_on_noise(device: torch.device, head: Head, samples: int) -> None:
    """Prepare an untrained density to run: fit it to noise, or pass one batch if gradients train it."""
    assert isinstance(head.density, nn.Module)
    head.density.to(device)
    head.density.fit(Noise(head.feature.spec, samples, device), Untrained())
