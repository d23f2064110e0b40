"""Stand-ins for what vadkit gives a density while it is fitted."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from vadkit.api import FeatureSource, FeatureSpec, FitContext


class Samples(FeatureSource):
    """Fixed samples as a source."""

    def __init__(self, values: Tensor, spec: FeatureSpec) -> None:
        self.values, self.spec, self.samples = values, spec, len(values)

    def batches(self, batch_size: int, *, epoch: int = 0, start: int = 0) -> Iterator[Tensor]:
        yield from self.values.split(batch_size)[start:]


class FewSteps(FitContext):
    """Adam for some passes."""

    def __init__(self, steps: int) -> None:
        self.steps, self.seed = steps, 0

    def minimise(self, density: nn.Module, features: FeatureSource) -> None:
        optimizer = torch.optim.Adam(density.parameters(), 3e-3)
        for _ in range(self.steps):
            for batch in features.batches(32):
                optimizer.zero_grad()
                density(batch).mean().backward()
                optimizer.step()
