"""Patches of frames, as samples at places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipSpec, Feature, FeatureSpec, Grid, LatentSpec, ShapeError


class Patches(Feature, nn.Module):
    """Square patches of every input frame: one sample (C, warp, warp) at each place.

    Source: AMDN (Xu et al. 2015), with patches of several sizes that are resized to 15 x 15 pixels.

    Args:
        clip: geometry of a clip.
        latents: ignored; a recipe with this feature alone needs no model.
        side: side of a patch, pixels.
        stride: distance between neighbouring patches, pixels.
        warp: side to which a patch is resized, pixels; default: `side`.
        channels: numbers of the channels of a clip to use, from 0; default: all.

    Raises:
        ShapeError: a patch is larger than a frame, a channel does not exist, or a size is below 1.

    Example:
        >>> import torch
        >>> feature = Patches(ClipSpec(2, 32, 48, "gray"), {}, side=16, stride=8)
        >>> feature(torch.zeros(3, 1, 2, 32, 48), {}).shape
        torch.Size([3, 2, 3, 5, 1, 16, 16])
    """

    def __init__(
        self,
        clip: ClipSpec,
        latents: Mapping[str, LatentSpec],
        *,
        side: int = 15,
        stride: int = 15,
        warp: int | None = None,
        channels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        del latents
        self.side, self.stride, self.warp = side, stride, side if warp is None else warp
        self.channels = tuple(range(clip.channels)) if channels is None else tuple(channels)
        if min(side, stride, self.warp) < 1 or side > min(clip.height, clip.width):
            what = f"side {side}, stride {stride} and warp {self.warp} do not fit frames of {clip.height}x{clip.width}"
            raise ShapeError(what, fix="set sizes between 1 and the smaller side of a frame")
        if not self.channels or not {*self.channels} <= {*range(clip.channels)}:
            raise ShapeError(f"channels is {list(self.channels)}, but a clip has {clip.channels}, counted from 0")
        rows, columns = ((size - side) // stride + 1 for size in (clip.height, clip.width))
        grid = Grid(rows, columns, (side, side), (stride, stride))
        self.spec = FeatureSpec((len(self.channels), self.warp, self.warp), clip.input_frames, grid=grid)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        """Return the samples (B, T, rows, columns, C, warp, warp)."""
        del latents
        frames = clips[:, list(self.channels)].transpose(1, 2)  # (B, T, C, H, W)
        cut = frames.unfold(3, self.side, self.stride).unfold(4, self.side, self.stride)  # (B, T, C, r, c, side, side)
        patches = cut.permute(0, 1, 3, 4, 2, 5, 6)
        if self.warp == self.side:
            return patches.contiguous()
        size = (self.warp, self.warp)
        small = functional.interpolate(patches.flatten(0, 3), size, mode="bilinear", antialias=True)
        return small.unflatten(0, patches.shape[:4])
