"""Features: the input of a density, computed from a clip and its latents."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipSpec, Feature, FeatureSpec, Grid, LatentSpec, ShapeError

GRAY_LEVEL = 2 / 255  # distance between neighbouring 8-bit intensities in [-1, 1]
LUMA = (0.299, 0.587, 0.114)  # ITU-R 601


def intensity_of(clips: Tensor, clip: ClipSpec) -> Tensor:
    """(B, C, T, H, W) -> (B, 1, T, H, W): gray unchanged, RGB to its luma."""
    if clip.colors == 1:
        return clips[:, :1]
    weights = torch.tensor(LUMA, dtype=clips.dtype, device=clips.device).reshape(1, 3, 1, 1, 1)
    return (clips[:, :3] * weights).sum(1, keepdim=True)


def _latent(name: str, latents: Mapping[str, LatentSpec]) -> LatentSpec:
    if name not in latents:
        fix = f"choose among: {', '.join(latents)}" if latents else "add 'model:' to the recipe"
        raise ShapeError(f"no latent is named {name!r}", fix=fix)
    return latents[name]


class ChannelPool(Feature, nn.Module):
    """Maximum and mean of a latent over its channels: one map per latent time step.

    Sample: (2, H', W'), or (3, H', W') with the frame's intensity. Source: section 3.3.

    Args:
        clip: geometry of a clip.
        latents: name -> shape of each latent of the encoder.
        latent: name of the latent to pool.
        intensity: add the frame's intensity, resized by area to the map. Latent step t uses the first of the frames
            that it covers.

    Raises:
        ShapeError: the latent does not exist.

    Example:
        >>> latents = {"static": LatentSpec(8, 4, 8, 12)}
        >>> feature = ChannelPool(ClipSpec(16, 32, 48), latents, latent="static", intensity=True)
        >>> feature(torch.zeros(2, 3, 16, 32, 48), {"static": torch.zeros(2, 8, 4, 8, 12)}).shape
        torch.Size([2, 4, 3, 8, 12])
    """

    def __init__(
        self, clip: ClipSpec, latents: Mapping[str, LatentSpec], *, latent: str, intensity: bool = False
    ) -> None:
        super().__init__()
        shape = _latent(latent, latents)
        self.latent, self.intensity = latent, intensity
        self.clip, self.every = clip, clip.input_frames // shape.frames
        quantum = (0.0, 0.0, GRAY_LEVEL) if intensity else (0.0, 0.0)
        self.spec = FeatureSpec((len(quantum), shape.height, shape.width), shape.frames, quantum)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        """Return samples (B, T', 2 or 3, H', W')."""
        latent = latents[self.latent].float()
        pooled = [latent.amax(1), latent.mean(1)]  # (B, T', H', W')
        if self.intensity:
            gray = intensity_of(clips, self.clip)[:, :, :: self.every]  # (B, 1, T', H, W)
            small = functional.interpolate(gray.flatten(0, 2)[:, None], latent.shape[-2:], mode="area")
            pooled.append(small.reshape(pooled[0].shape))
        return torch.stack(pooled, dim=2)


class VectorPool(Feature, nn.Module):
    """Maximum and mean of a latent over space: one vector (2 C',) per latent time step.

    Args:
        clip: geometry of a clip.
        latents: name -> shape of each latent of the encoder.
        latent: name of the latent to pool.

    Raises:
        ShapeError: the latent does not exist.

    Example:
        >>> latents = {"static": LatentSpec(8, 4, 8, 12)}
        >>> feature = VectorPool(ClipSpec(16, 32, 48), latents, latent="static")
        >>> feature(torch.zeros(2, 3, 16, 32, 48), {"static": torch.zeros(2, 8, 4, 8, 12)}).shape
        torch.Size([2, 4, 16])
    """

    def __init__(self, clip: ClipSpec, latents: Mapping[str, LatentSpec], *, latent: str) -> None:
        super().__init__()
        del clip
        shape = _latent(latent, latents)
        self.latent = latent
        self.spec = FeatureSpec((2 * shape.channels,), shape.frames)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        """Return samples (B, T', 2 C')."""
        del clips
        latent = latents[self.latent].float()  # (B, C', T', H', W')
        return torch.cat([latent.amax((3, 4)), latent.mean((3, 4))], dim=1).transpose(1, 2)


class LatentCells(Feature, nn.Module):
    """The cells of a latent: one vector (C',) for each cell and latent time step, as samples at places.

    A cell is a place of the frame. A density of cells therefore locates anomalies.

    Args:
        clip: geometry of a clip.
        latents: name -> shape of each latent of the encoder.
        latent: name of the latent.
        pool: n; a sample is the mean over n x n cells. Cells that do not fill such a square at the lower and the
            right edge are left out.
        position: add the row and the column of the place to each sample.

    Raises:
        ShapeError: the latent does not exist, or has fewer than n x n cells.

    Example:
        >>> latents = {"layer3": LatentSpec(256, 4, 8, 12)}
        >>> feature = LatentCells(ClipSpec(16, 32, 48), latents, latent="layer3", pool=2)
        >>> feature(torch.zeros(2, 3, 16, 32, 48), {"layer3": torch.zeros(2, 256, 4, 8, 12)}).shape
        torch.Size([2, 4, 4, 6, 256])
    """

    def __init__(
        self,
        clip: ClipSpec,
        latents: Mapping[str, LatentSpec],
        *,
        latent: str,
        pool: int = 1,
        position: bool = False,
    ) -> None:
        super().__init__()
        shape = _latent(latent, latents)
        if not 1 <= pool <= min(shape.height, shape.width):
            what = f"pool is {pool}, but the latent {latent!r} has {shape.height}x{shape.width} cells"
            raise ShapeError(what, fix="set pool to 1 or more, up to the smaller of the two")
        self.latent, self.pool, self.position = latent, pool, position
        cell = (pool * clip.height / shape.height, pool * clip.width / shape.width)
        grid = Grid(shape.height // pool, shape.width // pool, cell, cell)
        self.spec = FeatureSpec((shape.channels + 2 * position,), shape.frames, grid=grid, position=position)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        """Return samples (B, T', rows, columns, C' or C' + 2)."""
        del clips
        latent = latents[self.latent].float()  # (B, C', T', H', W')
        if self.pool > 1:
            latent = functional.avg_pool3d(latent, (1, self.pool, self.pool))
        cells = latent.permute(0, 2, 3, 4, 1)
        if not self.position:
            return cells.contiguous()
        rows, columns = (torch.arange(size, device=cells.device, dtype=cells.dtype) for size in cells.shape[2:4])
        places = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1)  # (rows, columns, 2)
        return torch.cat([cells, places.expand(*cells.shape[:2], -1, -1, -1)], dim=-1)


class Frames(Feature, nn.Module):
    """Raw frames, as in "NF on frames" of Table 3: one sample (C, h, w) per input frame, with its optical flow if any.

    Args:
        clip: geometry of a clip.
        latents: ignored; a recipe with this feature alone needs no model.
        size: height and width to resize to by area, pixels; default: the clip's size.

    Raises:
        ShapeError: the size is below 1 pixel.

    Example:
        >>> feature = Frames(ClipSpec(4, 32, 48), {}, size=(8, 12))
        >>> feature(torch.zeros(2, 3, 4, 32, 48), {}).shape
        torch.Size([2, 4, 3, 8, 12])
    """

    def __init__(
        self, clip: ClipSpec, latents: Mapping[str, LatentSpec], *, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__()
        del latents
        self.size = size or (clip.height, clip.width)
        if min(self.size) < 1:
            raise ShapeError(
                f"size must be at least 1x1 pixels, but it is {self.size[0]}x{self.size[1]}",
                fix="set size: [height, width]",
            )
        quantum = (GRAY_LEVEL,) * clip.colors + (0.0,) * (clip.channels - clip.colors)
        self.spec = FeatureSpec((clip.channels, *self.size), clip.input_frames, quantum)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        """Return samples (B, T, C, h, w)."""
        del latents
        frames = clips.transpose(1, 2)  # (B, T, C, H, W)
        if frames.shape[-2:] == self.size:
            return frames
        small = functional.interpolate(frames.flatten(0, 1), self.size, mode="area")
        return small.unflatten(0, frames.shape[:2])
