"""A small replacement for the training of a density: samples in memory, and some steps of Adam."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from vadkit.core.contracts import FeatureSource, FitContext
from vadkit.core.values import FeatureSpec

SAMPLES, BATCH = 192, 32


class ToySource(FeatureSource):
    """Samples in memory; the epoch fixes their order.

    Args:
        values: (N, *spec.shape).
        spec: shape of one sample.
    """

    def __init__(self, values: Tensor, spec: FeatureSpec) -> None:
        self.values, self.spec, self.samples = values, spec, len(values)

    def batches(self, batch_size: int, *, epoch: int = 0, start: int = 0) -> Iterator[Tensor]:
        """One pass: tensors (N, *spec.shape)."""
        order = torch.randperm(self.samples, generator=torch.Generator().manual_seed(epoch))
        yield from self.values[order].split(batch_size)[start:]


class ToyContext(FitContext):
    """Trains a density with Adam.

    Args:
        epochs: passes over the samples.

    Attributes:
        asked: how often `fit` was called.
    """

    def __init__(self, epochs: int) -> None:
        self.epochs, self.seed, self.asked = epochs, 0, 0

    def fit(self, density: nn.Module, features: FeatureSource) -> None:
        """Minimise the mean of `density(features)`; only parameters are changed, as in a run."""
        self.asked += 1
        optimizer = torch.optim.Adam(density.parameters(), 3e-3)
        density.train()
        for epoch in range(self.epochs):
            for batch in features.batches(BATCH, epoch=epoch):
                optimizer.zero_grad()
                density(batch).mean().backward()
                optimizer.step()


def samples(spec: FeatureSpec, count: int = SAMPLES, *, seed: int = 0) -> Tensor:
    """(N, *shape) from one distribution: channels differ in mean and deviation, and neighbours are correlated."""
    random = torch.Generator().manual_seed(seed)
    channels = torch.arange(spec.shape[0]).reshape(-1, *(1 for _ in spec.shape[1:]))
    shared = torch.randn((count, *(1 for _ in spec.shape)), generator=random)
    own = torch.randn((count, *spec.shape), generator=random)
    values = (0.6 * shared + 0.8 * own) * 0.4 * (1 + channels % 3) + 0.5 * channels
    if spec.position and spec.grid is not None:
        place = torch.randint(0, spec.places, (count,), generator=random)
        values[:, -2], values[:, -1] = place // spec.grid.columns, place % spec.grid.columns
    return values
