"""What a density sees of a clip."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipSpec, Feature, FeatureSpec, LatentSpec, ShapeError

GRAY_LEVEL = 2 / 255  # distance of neighbouring 8-bit intensities in [-1, 1]
LUMA = (0.299, 0.587, 0.114)  # ITU-R 601


def intensity_of(clips: Tensor) -> Tensor:
    """(B, C, T, H, W) -> (B, 1, T, H, W): gray as it is, RGB as its luma."""
    if clips.shape[1] == 1:
        return clips
    weights = torch.tensor(LUMA, dtype=clips.dtype, device=clips.device).reshape(1, 3, 1, 1, 1)
    return (clips * weights).sum(1, keepdim=True)


def _latent(name: str, latents: Mapping[str, LatentSpec]) -> LatentSpec:
    if name not in latents:
        known = ", ".join(latents) or "none, since there is no model"
        raise ShapeError(f"there is no latent {name!r}", fix=f"choose among: {known}")
    return latents[name]


class ChannelPool(Feature, nn.Module):
    """Maps of a latent: maximum and mean over its channels, one map a latent time step.

    Sample: (2, H', W'), with the frame's intensity (3, H', W'). Source: section 3.3.

    Args:
        clip: geometry of a clip.
        latents: what the encoder gives.
        latent: which of them.
        intensity: also the frame's intensity, resized by area to the map; latent step t
            takes the first of the frames that it covers.

    Raises:
        ShapeError: there is no such latent.
    """

    def __init__(
        self, clip: ClipSpec, latents: Mapping[str, LatentSpec], *, latent: str, intensity: bool = False
    ) -> None:
        super().__init__()
        shape = _latent(latent, latents)
        self.latent, self.intensity = latent, intensity
        self.every = clip.input_frames // shape.frames
        quantum = (0.0, 0.0, GRAY_LEVEL) if intensity else (0.0, 0.0)
        self.spec = FeatureSpec((len(quantum), shape.height, shape.width), shape.frames, quantum)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        """-> (B, T', 2 or 3, H', W')."""
        latent = latents[self.latent].float()
        pooled = [latent.amax(1), latent.mean(1)]  # (B, T', H', W')
        if self.intensity:
            gray = intensity_of(clips)[:, :, :: self.every]  # (B, 1, T', H, W)
            small = functional.interpolate(gray.flatten(0, 2)[:, None], latent.shape[-2:], mode="area")
            pooled.append(small.reshape(pooled[0].shape))
        return torch.stack(pooled, dim=2)


class VectorPool(Feature, nn.Module):
    """Vectors of a latent: maximum and mean over space of each channel, one vector a latent time step.

    Sample: (2 C',).

    Args:
        clip: geometry of a clip.
        latents: what the encoder gives.
        latent: which of them.

    Raises:
        ShapeError: there is no such latent.
    """

    def __init__(self, clip: ClipSpec, latents: Mapping[str, LatentSpec], *, latent: str) -> None:
        super().__init__()
        del clip
        shape = _latent(latent, latents)
        self.latent = latent
        self.spec = FeatureSpec((2 * shape.channels,), shape.frames)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        """-> (B, T', 2 C')."""
        del clips
        latent = latents[self.latent].float()  # (B, C', T', H', W')
        return torch.cat([latent.amax((3, 4)), latent.mean((3, 4))], dim=1).transpose(1, 2)


class Frames(Feature, nn.Module):
    """Raw frames, as "NF on frames" of Table 3 sees them.

    Sample: (C, h, w), one for each input frame.

    Args:
        clip: geometry of a clip.
        latents: ignored; a recipe with this feature alone needs no model.
        size: (h, w) to resize to by area; default the clip's own.

    Raises:
        ShapeError: such a frame has no pixels.
    """

    def __init__(
        self, clip: ClipSpec, latents: Mapping[str, LatentSpec], *, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__()
        del latents
        self.size = size or (clip.height, clip.width)
        if min(self.size) < 1:
            raise ShapeError(f"frames of {self.size[0]}x{self.size[1]} have no pixels", fix="set size: [height, width]")
        self.spec = FeatureSpec((clip.channels, *self.size), clip.input_frames, (GRAY_LEVEL,) * clip.channels)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Tensor:
        """-> (B, T, C, h, w)."""
        del latents
        frames = clips.transpose(1, 2)  # (B, T, C, H, W)
        if frames.shape[-2:] == self.size:
            return frames
        small = functional.interpolate(frames.flatten(0, 1), self.size, mode="area")
        return small.unflatten(0, frames.shape[:2])
