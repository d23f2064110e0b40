"""Parts of several networks: checks of latents, channel counts and frame sizes, and a layer with its norm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from vadkit.api import ClipSpec, LatentSpec, ShapeError


def needed(latents: Mapping[str, LatentSpec], name: str, fix: str = "") -> LatentSpec:
    """Return a latent."""
    if name not in latents:
        raise ShapeError(f"needs a latent {name!r}, but the encoder returns {', '.join(latents)}", fix=fix)
    return latents[name]


def normed(convolution: nn.Conv3d | nn.ConvTranspose3d, slope: float) -> tuple[nn.Module, ...]:
    """The convolution, batch norm and leaky ReLU."""
    return convolution, nn.BatchNorm3d(convolution.out_channels), nn.LeakyReLU(slope)


def refuse_empty(**keys: int | Sequence[int]) -> None:
    """Check that channel counts are at least 1. torch would build a layer of 0 channels and fail on first use.

    Args:
        keys: key of the recipe -> the number or numbers under it.
    """
    for key, given in keys.items():
        widths = [given] if isinstance(given, int) else list(given)
        if not widths:
            raise ShapeError(f"'{key}' is empty, but at least one layer is needed")
        if min(widths) < 1:
            raise ShapeError(f"'{key}' must be at least 1 channel per layer, but it is {', '.join(map(str, widths))}")


def divided(clip: ClipSpec, shrink: tuple[int, int, int]) -> tuple[int, int, int]:
    """T', H' and W' of a latent: input frames, height and width divided by `shrink`."""
    sizes = {"number of input frames": clip.input_frames, "frame height": clip.height, "frame width": clip.width}
    for (name, size), by in zip(sizes.items(), shrink, strict=True):
        if size % by:
            what = f"the {name} {size} is not a multiple of {by}, by which the encoder divides it"
            raise ShapeError(what, fix=f"choose {size // by * by or by} or {(size // by + 1) * by} in data.clip")
    return clip.input_frames // shrink[0], clip.height // shrink[1], clip.width // shrink[2]
