"""The base class of the flows: a standard normal prior over the latents that they encode to."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import torch
from normflows.flows.reshape import Squeeze
from torch import Tensor, nn

from vadkit.api import DensityModel, FeatureSource, FeatureSpec, FitContext, ShapeError
from vadkit_flows.standardize import Standardize

LOG_TAU = math.log(2 * math.pi)
STATISTICS_BATCH = 256  # samples read at once to compute mean and deviation


class Flow(DensityModel, nn.Module):
    """A normalizing flow: standardized features, levels of invertible steps, a standard normal prior (Eq. 7).

    Every level except the last sends half of the channels to the prior. A subclass fills `levels`.
    """

    needs_fit = True

    def __init__(self, feature: FeatureSpec, *, steps: int, levels: int, hidden: int) -> None:
        super().__init__()
        if min(steps, levels, hidden) < 1:
            raise ShapeError(f"steps, levels and hidden must be at least 1, not {steps}, {levels} and {hidden}")
        self.standardize = Standardize(feature)
        self.squeeze = Squeeze()
        self.levels = nn.ModuleList()

    @abstractmethod
    def steps(self, level: Any) -> list[Any]:
        """Invertible maps of a level, in the order from the data to the prior."""

    def encode(self, features: Tensor) -> tuple[list[Tensor], Tensor]:
        """(N, *shape) -> one latent per level, and the log-determinant (N,)."""
        rest, scale = self.standardize(features.float())
        log_det = scale.expand(rest.shape[0]).clone()
        latents: list[Tensor] = []
        for index, level in enumerate(self.levels):
            for step in self.steps(level):
                rest, change = step.inverse(rest)
                log_det = log_det + change
            if index < len(self.levels) - 1:
                done, rest = rest.chunk(2, dim=1)
                latents.append(done)
        return [*latents, rest], log_det

    def decode(self, latents: list[Tensor]) -> Tensor:
        """Invert `encode`: latents -> features (N, *shape)."""
        *above, rest = latents
        for index, level in reversed(list(enumerate(self.levels))):
            if index < len(above):
                rest = torch.cat([above[index], rest], dim=1)
            for step in reversed(self.steps(level)):
                rest, _ = step(rest)
        # Undo the standardization; subtract half a quantum from discrete channels.
        scale = self.standardize
        return rest * scale.std + scale.mean - 0.5 * scale.quantum

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Standardize with the training features, then minimize the mean NLL (Eq. 11)."""
        self.standardize.fit(features.batches(STATISTICS_BATCH))
        context.fit(self, features)

    def forward(self, features: Tensor) -> Tensor:
        """(N, *shape) -> (N,) negative log-likelihood of the original features, nats."""
        latents, log_det = self.encode(features)
        energy = torch.stack([(z.square() + LOG_TAU).flatten(1).sum(1) for z in latents]).sum(0)
        return 0.5 * energy - log_det

    def nll_map(self, features: Tensor) -> Tensor | None:
        """(N, C, H, W) -> (N, H, W) negative log-likelihood by place, nats; None for vectors.

        The value of a latent, and the log-determinant of its scaling, belong to the places that it covers.
        """
        if features.dim() != 4:
            return None
        height, width = features.shape[2:]
        rest, scale = self.standardize(features.float())
        total = (-scale / (height * width)).expand(rest.shape[0], height, width).clone()
        for index, level in enumerate(self.levels):
            for step in self.steps(level):
                squeezes = issubclass(type(step), Squeeze)  # `is` fails while the module is exported
                rest, change = step.inverse(rest) if squeezes else step.inverse_map(rest)
                if not squeezes:
                    total -= _spread(change, height)
            done, rest = rest.chunk(2, dim=1) if index < len(self.levels) - 1 else (rest, rest)
            total += _spread(0.5 * (done.square() + LOG_TAU).sum(1), height)
        return total

    def latent(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, *shape) -> the latents of all levels (N, D), and the log-determinant (N,)."""
        latents, log_det = self.encode(features)
        return torch.cat([z.flatten(1) for z in latents], dim=1), log_det


def _spread(values: Tensor, height: int) -> Tensor:
    """Divide the value of each place of a level (N, h, w) equally among the places (N, H, W) that it covers."""
    factor = height // values.shape[1]
    return values.repeat_interleave(factor, 1).repeat_interleave(factor, 2) / factor**2


class Float32(nn.Module):
    """Wraps a network and returns float32 under autocast: a log-determinant in bfloat16 is too inaccurate."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, z: Tensor) -> Tensor:
        """Run the network and convert its output to float32."""
        return self.net(z).float()


def halved(feature: FeatureSpec, levels: int) -> tuple[int, int, int]:
    """C, H and W of a map, if height and width can be halved `levels` times."""
    channels, height, width = feature.shape
    divisor = 2**levels
    if height % divisor or width % divisor:
        fitting = next((n for n in range(levels - 1, 0, -1) if not (height % 2**n or width % 2**n)), 0)
        fix = f"set levels: {fitting}" if fitting else "use frames that give latents of even height and width"
        raise ShapeError(
            f"{levels} levels need height and width to be multiples of {divisor}, but the maps are {height}x{width}",
            fix=f"{fix}, or change data.clip.size",
        )
    return channels, height, width
