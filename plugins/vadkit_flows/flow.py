"""What the flows have in common: a standard normal prior over the latents that they encode to."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from vadkit.api import DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_flows.standardize import Standardize

LOG_TAU = math.log(2 * math.pi)
STATISTICS_BATCH = 256  # samples read at once for mean and deviation


class Flow(DensityModel, nn.Module):
    """A normalizing flow: standardised features, an invertible map, a standard normal prior (Eq. 7)."""

    needs_fit = True
    standardize: Standardize

    @abstractmethod
    def encode(self, features: Tensor) -> tuple[list[Tensor], Tensor]:
        """(N, *shape) -> latents, one a level, and the log-determinant (N,)."""

    @abstractmethod
    def decode(self, latents: list[Tensor]) -> Tensor:
        """Latents of `encode` -> the features (N, *shape): what makes it a flow."""

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Standardise on the training features, then fit the mean NLL (Eq. 11)."""
        self.standardize.fit(features.batches(STATISTICS_BATCH))
        context.fit(self, features)

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,), nats of the feature itself."""
        latents, log_det = self.encode(features)
        energy = torch.stack([(z.square() + LOG_TAU).flatten(1).sum(1) for z in latents]).sum(0)
        return 0.5 * energy - log_det

    def latent(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, *shape) -> the latents of all levels (N, D), and the log-determinant (N,)."""
        latents, log_det = self.encode(features)
        return torch.cat([z.flatten(1) for z in latents], dim=1), log_det

    def unscaled(self, standard: Tensor) -> Tensor:
        """Standardised features -> features, half a quantum above the discrete ones taken off."""
        scale = self.standardize
        return standard * scale.std + scale.mean - 0.5 * scale.quantum


class Float32(nn.Module):
    """A net whose result is float32 under autocast: a log-determinant in bfloat16 would make the likelihood a guess."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> Tensor:
        """The net's, in float32."""
        return self.net(z).float()


def halved(feature: FeatureSpec, levels: int) -> tuple[int, int, int]:
    """C, H and W of a map that can be halved once a level.

    Raises:
        ShapeError: it cannot.
    """
    channels, height, width = feature.shape
    divisor = 2**levels
    if height % divisor or width % divisor:
        fitting = next((n for n in range(levels - 1, 0, -1) if not (height % 2**n or width % 2**n)), 0)
        fix = f"set levels: {fitting}" if fitting else "use frames whose latent has even sides"
        raise ShapeError(
            f"{levels} levels halve {levels} times, but maps of {height}x{width} are not multiples of {divisor}",
            fix=f"{fix}, or change data.clip.size",
        )
    return channels, height, width
