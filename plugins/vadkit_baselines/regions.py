"""Sequences of the regions of a frame, as samples of sparse coding."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Feature, FeatureSpec, Grid, LatentSpec, ShapeError
from vadkit_baselines.widths import needed


class RegionSequences(Feature, nn.Module):
    """The mean of a latent over each region of the frame: one sequence (C', T') for each region.

    Regions are n x n blocks of cells; the last ones can be smaller. The sample of a clip describes the frames of its
    last latent step. Source: Luo et al. (ICCV 2017), with n of 1, 2 and 4 and latents of 7 x 7 cells.

    Args:
        clip: geometry of a clip.
        latents: name -> shape of each latent of the encoder.
        latent: name of the latent.
        regions: n, the number of regions from top to bottom and from left to right.

    Raises:
        ShapeError: the latent does not exist, or cannot be divided into n x n regions.

    Example:
        >>> latents = {"layer4": LatentSpec(16, 4, 7, 7)}
        >>> feature = RegionSequences(ClipSpec(4, 28, 28), latents, latent="layer4", regions=2)
        >>> feature(torch.zeros(3, 3, 4, 28, 28), {"layer4": torch.zeros(3, 16, 4, 7, 7)}).shape
        torch.Size([3, 1, 2, 2, 16, 4])
    """

    def __init__(self, clip: ClipSpec, latents: Mapping[str, LatentSpec], *, latent: str, regions: int = 1) -> None:
        super().__init__()
        shape = needed(latents, latent, "set 'latent' to one of these")
        self.latent = latent
        self.cells = tuple(math.ceil(size / regions) if regions > 0 else 0 for size in (shape.height, shape.width))
        if regions < 1 or any(math.ceil(s / c) != regions for s, c in zip(shape.shape[2:], self.cells, strict=True)):
            what = f"{shape.height}x{shape.width} cells cannot be divided into {regions}x{regions} regions"
            raise ShapeError(what, fix="change 'regions'")
        frames = ((clip.input_frames - clip.input_frames // shape.frames, clip.input_frames),)
        grid = Grid.even(regions, regions, clip.height, clip.width)  # as if all blocks had the same size
        self.spec = FeatureSpec((shape.channels, shape.frames), 1, grid=grid, frames=frames)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        """Return the samples (B, 1, regions, regions, C', T')."""
        del clips
        latent = latents[self.latent].float()  # (B, C', T', H', W')
        means = [
            torch.stack([part.mean((3, 4)) for part in rows.split(self.cells[1], dim=4)], dim=1)
            for rows in latent.split(self.cells[0], dim=3)
        ]
        return torch.stack(means, dim=1).unsqueeze(1)
