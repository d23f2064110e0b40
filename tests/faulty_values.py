"""Components with one fault each in their values: NaN, infinite, constant, detached, of a wrong type or shape."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vadkit.api import (
    ClipOutputs,
    ClipSpec,
    Component,
    DensityModel,
    Feature,
    FeatureSource,
    FeatureSpec,
    FitContext,
    LatentSpec,
    Loss,
    Scorer,
)
from vadkit.plugin.registry import Plugin, Registry


class FaultyLoss(Loss, nn.Module):
    """A squared error with a fault.

    Args:
        fault: what is wrong.
        after: calls without the fault.
    """

    def __init__(self, clip: ClipSpec, *, fault: str = "nan", after: int = 0) -> None:
        super().__init__()
        self.fault, self.left = fault, after

    def forward(self, out: ClipOutputs) -> Any:
        assert out.output is not None
        error = (out.output - out.target).square().mean()
        self.left -= 1
        if self.left >= 0:
            return error
        faults = {
            "nan": error * math.nan,
            "gradient": (error * 0).sqrt(),
            "detached": error.detach(),
            "none": None,
            "number": 3.0,
            "vector": error.expand(3),
        }
        return faults[self.fault]


class FaultyFeature(Feature, nn.Module):
    """Mean, deviation and maximum of each frame, with a fault.

    Args:
        fault: what is wrong.
    """

    def __init__(self, clip: ClipSpec, latents: Mapping[str, LatentSpec], *, fault: str = "") -> None:
        super().__init__()
        self.fault = fault
        self.spec = FeatureSpec((3,), clip.input_frames)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        values = torch.stack([clips.mean((1, 3, 4)), clips.std((1, 3, 4)), clips.amax((1, 3, 4))], dim=-1)
        if self.fault == "nan":
            return values * math.nan
        if self.fault == "textured":  # such as a division by 0 on real clips; neither on black nor on random ones
            return values / (1 - ((values[..., 1:2] > 0.05) & (values[..., 1:2] < 0.25)).float())
        if self.fault == "constant":
            return torch.ones_like(values)
        return values * torch.tensor([1.0, 0.0, 1.0]) if self.fault == "dead" else values


class FaultyDensity(DensityModel, nn.Module):
    """A likelihood that is NaN."""

    def __init__(self, feature: FeatureSpec) -> None:
        super().__init__()

    def fit(self, features: FeatureSource, context: FitContext) -> None:
        """Nothing to learn."""

    def forward(self, features: Tensor) -> Tensor:
        return features.flatten(1).sum(1) * math.nan


class FaultyScorer(Scorer):
    """Mean brightness, with a fault.

    Args:
        fault: what is wrong.
    """

    uses_output = False

    def __init__(self, *, fault: str = "") -> None:
        self.fault = fault

    def __call__(self, out: ClipOutputs) -> Tensor:
        bright = out.clips.mean((1, 3, 4))
        if self.fault == "content":
            return torch.where(bright > -0.1, bright, math.nan)
        return bright * {"nan": math.nan, "infinite": math.inf}.get(self.fault, 1.0)


FAULTY = (
    Component("loss", "faulty", "faulty_values:FaultyLoss", "A loss."),
    Component("feature", "faulty", "faulty_values:FaultyFeature", "A feature."),
    Component("density", "faulty", "faulty_values:FaultyDensity", "A density."),
    Component("scorer", "faulty", "faulty_values:FaultyScorer", "A scorer."),
)


def registry() -> Registry:
    """What is installed, and these components."""
    return Registry([*Registry.discover().plugins, Plugin("faulty", "tests 0", FAULTY)])
