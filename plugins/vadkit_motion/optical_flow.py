"""The motion in windows of the frame, as samples of a density."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Feature, FeatureSpec, LatentSpec, Samples, ShapeError
from vadkit_motion.windows import DIRECTIONS, WindowSums

_VALUES = {"speed": 1, "share": 1, "energy": 1, "velocity": 2, "directions": DIRECTIONS}
"""Statistic -> its number of values."""


class OpticalFlow(Feature, nn.Module):
    """Statistics of the optical flow in each window of the frame, averaged over the pairs of frames of a clip.

    Each clip gives one step, with a sample at each place of a grid. The flow is DIS (Kroeger et al., ECCV 2016). It
    is computed between the frames t and t + `gap`, for all pairs of the clip's input frames. A pixel moves if its
    displacement is larger than `gate`. Speeds are in pixels per frame of the clip.

    Statistics:
        - speed: mean speed of the moving pixels.
        - share: share of the pixels that move.
        - energy: mean speed of all pixels, where still pixels count as 0.
        - velocity: mean velocity of the moving pixels, to the right and downwards (2 values).
        - directions: the energy, divided by direction (8 values): to the right first, then clockwise. This is a
          histogram of oriented flow (HOF).

    Args:
        clip: geometry of a clip.
        latents: ignored; a recipe with this feature alone needs no model.
        gap: distance between the two frames of a pair, frames of the clip.
        window: side of a window, pixels.
        stride: distance between neighbouring windows, pixels.
        gate: largest displacement of a still pixel between the two frames of a pair, pixels.
        preset: preset of DIS, from the fastest to the most exact: "ultrafast" and "fast" see quarter-size frames and
            miss small objects, "balanced" and "medium" see half-size frames. On one core, "balanced" takes 7 ms and
            "medium" 17 ms per frame of 240 x 360 pixels.
        statistics: the values of a sample, in this order.
        least: a place has a sample if at least this share of its pixels moves. 0 gives a sample to each place: where
            nothing moves, its values are 0.
        position: append the row and the column of the place to each sample.

    Raises:
        ShapeError: a statistic does not exist, or the settings do not fit the clip.

    Example:
        >>> clip = ClipSpec(3, 48, 72, "gray")
        >>> feature = OpticalFlow(clip, {}, window=24, stride=12, statistics=["speed", "share"])
        >>> samples = feature(torch.zeros(2, 1, 3, 48, 72), {})
        >>> samples.values.shape, samples.present.any().item()
        (torch.Size([2, 1, 3, 5, 2]), False)
    """

    def __init__(
        self,
        clip: ClipSpec,
        latents: Mapping[str, LatentSpec],
        *,
        gap: int = 2,
        window: int = 24,
        stride: int = 6,
        gate: float = 0.5,
        preset: Literal["ultrafast", "fast", "balanced", "medium"] = "medium",
        statistics: Sequence[str] = ("speed",),
        least: float = 0.01,
        position: bool = False,
    ) -> None:
        super().__init__()
        del latents
        _check_statistics(statistics)
        if not 0 <= least <= 1:
            raise ShapeError(f"least must be between 0 and 1, but it is {least:g}")
        self.sums = WindowSums(
            clip.input_frames,
            clip.height,
            clip.width,
            gap=gap,
            window=window,
            stride=stride,
            gate=gate,
            preset=preset,
        )
        self.colors, self.statistics, self.least = clip.colors, tuple(statistics), least
        size = sum(_VALUES[name] for name in statistics) + 2 * position
        frames = ((0, clip.input_frames),)
        self.spec = FeatureSpec((size,), 1, grid=self.sums.grid, frames=frames, position=position)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor | Samples:
        """Return the samples (B, 1, rows, columns, D), and where something moves unless `least` is 0."""
        del latents
        pictures, directions = clips[:, : self.colors], "directions" in self.statistics
        total = self.sums.compute(pictures, directions=directions).sum(1, keepdim=True)
        pixels, gap = self.sums.pixels * self.sums.pairs, self.sums.gap
        moving = total[..., :1]
        known = {
            "speed": total[..., 1:2] / moving.clamp_min(1) / gap,
            "share": moving / pixels,
            "energy": total[..., 1:2] / pixels / gap,
            "velocity": total[..., 2:4] / moving.clamp_min(1) / gap,
            "directions": total[..., 4:] / pixels / gap,
        }
        values = [known[name] for name in self.statistics]
        if self.spec.position:
            values += _positions(total)
        samples = torch.cat(values, dim=-1)
        if self.least == 0:
            return samples
        return Samples(samples, (moving > 0).squeeze(-1) & (known["share"] >= self.least).squeeze(-1))


def _check_statistics(statistics: Sequence[str]) -> None:
    if not statistics:
        raise ShapeError("statistics is empty", fix=f"choose among: {', '.join(_VALUES)}")
    for name in statistics:
        if name not in _VALUES:
            raise ShapeError(f"no statistic is named {name!r}", fix=f"choose among: {', '.join(_VALUES)}")
    if len(set(statistics)) < len(statistics):
        raise ShapeError(f"statistics names one twice: {', '.join(statistics)}")


def _positions(total: Tensor) -> list[Tensor]:
    """Row and column of each place, (B, 1, rows, columns, 1) each."""
    rows, columns = total.shape[2:4]
    shape = (*total.shape[:4], 1)
    row = torch.arange(rows, dtype=total.dtype, device=total.device).reshape(1, 1, rows, 1, 1)
    column = torch.arange(columns, dtype=total.dtype, device=total.device).reshape(1, 1, 1, columns, 1)
    return [row.expand(shape), column.expand(shape)]
