"""U-shaped 2-D networks on clips: the frames of a clip are stacked as channels of one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Decoder, Encoder, LatentSpec, ShapeError
from vadkit_baselines.widths import needed


def positive(channels: Sequence[int], key: str) -> None:
    """Check that there are at least two channel counts, all of at least 1."""
    if len(channels) < 2 or min(channels) < 1:
        raise ShapeError(f"{key!r} needs at least two positive numbers, but it is {list(channels)}")


def level_shapes(clip: ClipSpec, channels: Sequence[int], deepest: str, *, skips: bool = True) -> dict[str, LatentSpec]:
    """Shapes of the maps of each level, of which each after the first halves height and width.

    The deepest map is the latent `deepest`. With `skips`, the others are `skip1`, `skip2`, ... from the full size on.
    """
    positive(channels, "channels")
    parts = 2 ** (len(channels) - 1)
    if clip.height % parts or clip.width % parts:
        what = f"frames of {clip.height}x{clip.width} cannot be halved {len(channels) - 1} times"
        raise ShapeError(what, fix=f"choose multiples of {parts} in data.clip.size, or shorten the list 'channels'")
    shapes = [LatentSpec(c, 1, clip.height >> level, clip.width >> level) for level, c in enumerate(channels)]
    above = {f"skip{number}": shape for number, shape in enumerate(shapes[:-1], 1)} if skips else {}
    return above | {deepest: shapes[-1]}


class DoubleConvolution(nn.Sequential):
    """Two 3x3 convolutions, each with batch norm (optional) and ReLU; `bare` omits both after the second."""

    def __init__(self, given: int, width: int, *, norm: bool, bare: bool = False) -> None:
        layers: list[nn.Module] = []
        for channels in (given, width):
            layers += [nn.Conv2d(channels, width, 3, padding=1), *([nn.BatchNorm2d(width)] if norm else []), nn.ReLU()]
        super().__init__(*layers[: -2 if norm else -1] if bare else layers)


class Contracting(nn.Module):
    """Double convolutions with 2x2 max pooling between them; `bare` omits norm and ReLU at the deepest output."""

    def __init__(self, given: int, channels: Sequence[int], *, norm: bool, bare: bool = False) -> None:
        super().__init__()
        widths = list(zip((given, *channels[:-1]), channels, strict=True))
        self.levels = nn.ModuleList(
            DoubleConvolution(before, width, norm=norm, bare=bare and number == len(widths))
            for number, (before, width) in enumerate(widths, 1)
        )
        self.pool = nn.MaxPool2d(2)

    def forward(self, frames: Tensor) -> list[Tensor]:
        """(B, C, H, W) -> the map of each level."""
        maps: list[Tensor] = []
        for level in self.levels:
            maps.append(level(self.pool(maps[-1]) if maps else frames))
        return maps


class Expanding(nn.Module):
    """Transposed convolutions that double height and width, each followed by a double convolution; tanh at the end.

    `channels` are those of each level, from the deepest up. `skips` are the channels of the skip connection that is
    concatenated at each level; 0 for none. Without a skip connection, doubling keeps the number of channels. The kernel
    of the transposed convolutions is 2 or 3.
    """

    def __init__(
        self, given: int, channels: Sequence[int], skips: Sequence[int], last: int, *, kernel: int, norm: bool
    ) -> None:
        super().__init__()
        self.ups, self.levels = nn.ModuleList(), nn.ModuleList()
        for width, skip in zip(channels, skips, strict=True):
            doubled = width if skip else given
            pad = int(kernel == 3)
            up = nn.ConvTranspose2d(given, doubled, kernel, stride=2, padding=pad, output_padding=pad)
            self.ups.append(nn.Sequential(up, *([nn.BatchNorm2d(doubled)] if norm else []), nn.ReLU()))
            self.levels.append(DoubleConvolution(doubled + skip, width, norm=norm))
            given = width
        self.last = nn.Sequential(nn.Conv2d(given, last, 3, padding=1), nn.Tanh())

    def forward(self, deepest: Tensor, skips: Sequence[Tensor | None]) -> Tensor:
        """(B, C', H', W') and the skip map of each level -> (B, C, H, W)."""
        found = deepest
        for up, level, skip in zip(self.ups, self.levels, skips, strict=True):
            found = up(found)
            found = level(found if skip is None else torch.cat([skip, found], dim=1))
        return self.last(found)


class PlanesEncoder(Encoder, nn.Module):
    """Input frames, stacked as channels, to the maps of `level_shapes`."""

    def __init__(
        self, clip: ClipSpec, channels: Sequence[int], deepest: str, *, skips: bool, norm: bool, bare: bool = False
    ) -> None:
        super().__init__()
        self.latents = level_shapes(clip, channels, deepest, skips=skips)
        self.net = Contracting(clip.channels * clip.input_frames, channels, norm=norm, bare=bare)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> maps (B, C', 1, H', W')."""
        stacked = clips.transpose(1, 2).flatten(1, 2)  # (B, T * C, H, W), frame after frame
        maps = self.net(stacked)[-len(self.latents) :]
        return {name: level.unsqueeze(2) for name, level in zip(self.latents, maps, strict=True)}


class PlanesDecoder(Decoder, nn.Module):
    """The latents of a `PlanesEncoder`, which may lack the skips, to the target frames, through tanh.

    `channels` are those of each level, from the deepest up. With `bottom`, a double convolution of so many channels
    comes first.
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        clip: ClipSpec,
        channels: Sequence[int],
        deepest: str,
        *,
        bottom: int | None = None,
        kernel: int,
        norm: bool,
    ) -> None:
        super().__init__()
        self.deepest, self.color = deepest, clip.channels
        found, levels = needed(latents, deepest, "use the encoder of this decoder"), len(channels)
        if (found.frames, found.height << levels, found.width << levels) != (1, clip.height, clip.width):
            what = f"{found.height}x{found.width} doubled {levels} times is not {clip.height}x{clip.width}"
            raise ShapeError(what, fix="make the list 'channels' of encoder and decoder equally deep")
        self.skips = [f"skip{number}" for number in range(levels, 0, -1)]  # from the deepest up
        skips = [latents[name].channels if name in latents else 0 for name in self.skips]
        self.bottom = DoubleConvolution(found.channels, bottom, norm=norm) if bottom else nn.Identity()
        last = clip.channels * clip.target_frames
        self.net = Expanding(bottom or found.channels, channels, skips, last, kernel=kernel, norm=norm)

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """Maps (B, C', 1, H', W') -> (B, C, T_out, H, W)."""
        planes = {name: latent[:, :, 0] for name, latent in latents.items()}
        frames = self.net(self.bottom(planes[self.deepest]), [planes.get(name) for name in self.skips])
        return frames.unflatten(1, (-1, self.color)).transpose(1, 2)
