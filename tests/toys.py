"""Small components that show one side of a contract each, for recipes in tests."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import (
    Bottleneck,
    BottleneckOutput,
    ClipOutputs,
    ClipSpec,
    Component,
    Decoder,
    Encoder,
    Feature,
    FeatureSpec,
    Grid,
    LatentSpec,
    Loss,
    Samples,
    WeightsFile,
)
from vadkit.plugin.registry import Plugin, Registry


class Mean(Encoder, nn.Module):
    """The mean intensity of each frame as a latent, through one weight."""

    def __init__(self, clip: ClipSpec) -> None:
        super().__init__()
        self.latents = {"mean": LatentSpec(1, clip.input_frames, 1, 1)}
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return {"mean": self.weight * clips.mean((1, 3, 4), keepdim=True)}


class Flat(Decoder, nn.Module):
    """Frames of one intensity: the mean over the latents' channels."""

    def __init__(self, latents: Mapping[str, LatentSpec], clip: ClipSpec) -> None:
        super().__init__()
        self.given, self.clip = dict(latents), clip
        self.weight = nn.Parameter(torch.full((), 0.5))

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        frames = latents["mean"].mean(1, keepdim=True)[:, :, self.clip.target[0] : self.clip.target[1]]
        size = (-1, self.clip.channels, -1, self.clip.height, self.clip.width)
        return self.weight * frames.expand(*size)


class Scaled(Encoder, nn.Module):
    """The mean intensity of each frame, times a number.

    Args:
        weights: a text file with the number.
    """

    def __init__(self, clip: ClipSpec, *, weights: WeightsFile) -> None:
        super().__init__()
        self.latents = {"mean": LatentSpec(1, clip.input_frames, 1, 1)}
        self.weight = nn.Parameter(torch.tensor(float(weights.read_text())))

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        return {"mean": self.weight * clips.mean((1, 3, 4), keepdim=True)}


class Habit(Bottleneck, nn.Module):
    """Doubles the channels with a running mean of the clips seen in this video, and scores the distance from it.

    Args:
        honest: whether it declares the doubling.
    """

    stateful = "a running mean"

    def __init__(self, latents: Mapping[str, LatentSpec], *, honest: bool = True) -> None:
        super().__init__()
        given = latents["mean"]
        doubled = LatentSpec(2 * given.channels, given.frames, given.height, given.width)
        self.latents = {"mean": doubled} if honest else None
        self.register_buffer("start", torch.zeros(()))
        self.seen: list[Tensor] = []
        self.sizes: list[int] = []

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        mean = latents["mean"]
        kept = torch.stack(self.seen).mean() if self.seen else self.get_buffer("start")
        doubled = torch.cat([mean, kept.expand_as(mean)], dim=1)
        return BottleneckOutput({"mean": doubled}, scores={"surprise": (mean - kept).abs().mean((1, 3, 4))})

    def reset(self) -> None:
        self.seen = []

    def update(self, out: ClipOutputs) -> None:
        self.sizes.append(len(out.clips))
        self.seen.append(out.latents["mean"].mean())


class Judge(Loss, nn.Module):
    """Owns one number that its own loss pulls to the model's mean output; the model is pulled to the number.

    Args:
        start: the number at first.
    """

    def __init__(self, clip: ClipSpec, *, start: float = 1.0) -> None:
        super().__init__()
        del clip
        self.number = nn.Parameter(torch.full((), start))

    def forward(self, out: ClipOutputs) -> Tensor:
        assert out.output is not None
        return (out.output.mean() - self.number).square()

    def critic(self, out: ClipOutputs) -> Tensor:
        assert out.output is not None
        return (out.output.mean() - self.number + 0 * out.latents["mean"].mean()).square()


class Change(Feature, nn.Module):
    """Mean absolute change between two frames in cells of 8 x 8 pixels; cells that do not change have no sample."""

    def __init__(self, clip: ClipSpec, latents: Mapping[str, LatentSpec], *, gate: float = 0.01) -> None:
        super().__init__()
        del latents
        self.gate = gate
        rows, columns, steps = clip.height // 8, clip.width // 8, clip.input_frames - 1
        frames = tuple((step, step + 2) for step in range(steps))
        self.spec = FeatureSpec((1,), steps, grid=Grid(rows, columns, (8, 8), (8, 8)), frames=frames)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Samples:
        del latents
        change = clips.diff(dim=2).abs().mean(1)  # (B, T', H, W)
        cells = functional.avg_pool2d(change, 8)
        return Samples(cells[..., None], present=cells > self.gate)


class WeightedChange(Change):
    """As `Change`, with ten weights."""

    def __init__(self, clip: ClipSpec, latents: Mapping[str, LatentSpec]) -> None:
        super().__init__(clip, latents)
        self.weight = nn.Parameter(torch.zeros(10))


TOYS = (
    Component("feature", "change", "toys:Change", "Change."),
    Component("encoder", "mean", "toys:Mean", "Means."),
    Component("encoder", "scaled", "toys:Scaled", "Means times a number of a file."),
    Component("decoder", "flat", "toys:Flat", "Flat frames."),
    Component("bottleneck", "habit", "toys:Habit", "A running mean."),
    Component("loss", "judge", "toys:Judge", "One number."),
)


def registry() -> Registry:
    """What is installed, and the toys."""
    return Registry([*Registry.discover().plugins, Plugin("toys", "tests 0", TOYS)])
