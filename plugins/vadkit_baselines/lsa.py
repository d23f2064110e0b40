"""The video autoencoder of latent space autoregression: causal 3-D convolutions down to a code for each time step.

Source: Abati et al., CVPR 2019, Fig. 1 and section 4.2, and its code (aimagelab/novelty-detection), which fixes
what the paper leaves open: residual blocks with batch norm and leaky ReLU, their channels and strides. The code has two
configurations. For Ped2: gray patches of 8x32x32, here `tile: [32, 32]`; tiles do not overlap here, while the code's
patches overlap by half. For ShanghaiTech: whole frames of 256x512, with a hidden layer of 512 before the code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipSpec, Decoder, Encoder, LatentSpec, ShapeError
from vadkit_baselines.widths import needed


class CausalConvolution(nn.Module):
    """A 3x3x3 convolution that sees no later frame: the last third of its kernel is omitted."""

    def __init__(self, given: int, width: int, stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.layer = nn.Conv3d(given, width, (2, 3, 3), stride=stride, padding=(0, 1, 1), bias=False)

    def forward(self, video: Tensor) -> Tensor:
        """(N, C, T, H, W) -> (N, C', T', H', W')."""
        return self.layer(functional.pad(video, (0, 0, 0, 0, 1, 0)))


class Residual(nn.Module):
    """A residual block: two convolutions with batch norm, and a third one, which changes the size like the first."""

    def __init__(self, first: nn.Module, second: nn.Module, shortcut: nn.Module, width: int) -> None:
        super().__init__()
        one, two, three = (nn.BatchNorm3d(width) for _ in range(3))
        self.through = nn.Sequential(first, one, nn.LeakyReLU(), second, two)
        self.beside = nn.Sequential(shortcut, three)
        self.activation = nn.LeakyReLU()

    def forward(self, video: Tensor) -> Tensor:
        """(N, C, T, H, W) -> (N, C', T', H', W')."""
        return self.activation(self.through(video) + self.beside(video))


def _down(given: int, width: int, stride: tuple[int, int, int]) -> Residual:
    shortcut = nn.Conv3d(given, width, 1, stride=stride, bias=False)
    keep = CausalConvolution(width, width, (1, 1, 1))
    return Residual(CausalConvolution(given, width, stride), keep, shortcut, width)


def _up(given: int, width: int, stride: tuple[int, int, int]) -> Residual:
    more = (stride[0] - 1, stride[1] - 1, stride[2] - 1)
    first, shortcut = (
        nn.ConvTranspose3d(given, width, 5, stride=stride, padding=2, output_padding=more, bias=False) for _ in range(2)
    )
    return Residual(first, nn.Conv3d(width, width, 3, padding=1, bias=False), shortcut, width)


def _dense(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers with tanh between them, shared by all time steps."""
    layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.Tanh())]
    return nn.Sequential(*layers[:-1])


class LSAEncoder(Encoder, nn.Module):
    """Encoder of latent space autoregression: one code per time step, for the whole frame or for each tile.

    The latent `code` holds numbers in [0, 1]; its height and width are the numbers of tiles.

    Args:
        clip: geometry of a clip.
        channels: channels of each block.
        strides: strides of each block, in time, height and width.
        hidden: units of a layer between the deepest map and the code; null for no layer there.
        code: numbers in a code per time step (D).
        tile: height and width of the tiles, pixels; each tile is encoded separately. null encodes whole frames.

    Example:
        >>> clip = ClipSpec(8, 32, 32, "gray")
        >>> encoder = LSAEncoder(clip, channels=(4, 8), strides=((1, 2, 2), (2, 2, 2)), code=6, tile=(16, 16))
        >>> encoder(torch.zeros(2, 1, 8, 32, 32))["code"].shape
        torch.Size([2, 6, 4, 2, 2])
    """

    def __init__(
        self,
        clip: ClipSpec,
        *,
        channels: Sequence[int] = (8, 12, 18, 27, 40),
        strides: Sequence[tuple[int, int, int]] = ((1, 2, 2), (2, 1, 1), (1, 2, 2), (2, 1, 1), (1, 2, 2)),
        hidden: int | None = None,
        code: int = 64,
        tile: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.tile = _tile(clip, tile)
        self.deepest = _deepest(clip.input_frames, self.tile, channels, strides)
        tiles = clip.height // self.tile[0], clip.width // self.tile[1]
        self.latents = {"code": LatentSpec(code, self.deepest[1], *tiles)}
        widths = list(pairwise((clip.channels, *channels)))
        self.net = nn.Sequential(*(_down(*pair, stride) for pair, stride in zip(widths, strides, strict=True)))
        flat = self.deepest[0] * self.deepest[2] * self.deepest[3]
        self.dense = _dense((flat, *([hidden] if hidden else []), code))

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> code (B, D, T', H', W')."""
        height, width = self.tile
        tiles = clips.unflatten(4, (-1, width)).unflatten(3, (-1, height))  # (B, C, T, H', h, W', w)
        rows, columns = tiles.shape[3], tiles.shape[5]
        maps = self.net(tiles.permute(0, 3, 5, 1, 2, 4, 6).flatten(0, 2))  # (B * H' * W', C', T', h', w')
        code = torch.sigmoid(self.dense(maps.transpose(1, 2).flatten(2)))  # (B * H' * W', T', D)
        return {"code": code.unflatten(0, (-1, rows, columns)).permute(0, 4, 3, 1, 2)}


class LSADecoder(Decoder, nn.Module):
    """Decoder of latent space autoregression: codes to frames, each tile separately, without a final activation.

    Args:
        latents: name -> shape of each latent of the encoder `lsa`.
        clip: geometry of a clip.
        channels: channels from the deepest map up: first the map's own, then each block's.
        strides: strides of each block, in time, height and width.
        hidden: units of a layer between the code and the deepest map; null for no layer there.
        tile: must equal the encoder's.

    Example:
        >>> clip, latents = ClipSpec(8, 32, 32, "gray"), {"code": LatentSpec(6, 4, 2, 2)}
        >>> strides = ((2, 2, 2), (1, 2, 2))
        >>> decoder = LSADecoder(latents, clip, channels=(8, 4, 4), strides=strides, tile=(16, 16))
        >>> decoder({"code": torch.zeros(2, 6, 4, 2, 2)}).shape
        torch.Size([2, 1, 8, 32, 32])
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        clip: ClipSpec,
        *,
        channels: Sequence[int] = (40, 40, 27, 18, 12, 8),
        strides: Sequence[tuple[int, int, int]] = ((1, 2, 2), (1, 2, 2), (2, 1, 1), (1, 2, 2), (2, 1, 1)),
        hidden: int | None = None,
        tile: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        found = needed(latents, "code", "use the encoder lsa")
        self.tile = _tile(clip, tile)
        if len(channels) != len(strides) + 1:
            raise ShapeError(f"{len(strides)} blocks need {len(strides) + 1} 'channels', but there are {len(channels)}")
        _, *size = _deepest(clip.target_frames, self.tile, channels[1:], strides)
        self.deepest = (channels[0], *size)
        expected = (size[0], clip.height // self.tile[0], clip.width // self.tile[1])
        if found.shape[1:] != expected:
            raise ShapeError(
                f"the code has T', H', W' {found.frames}, {found.height}, {found.width}; the decoder needs {expected}",
                fix="set the same tile for encoder and decoder, and the same strides in reverse order",
            )
        flat = channels[0] * size[1] * size[2]
        self.dense = nn.Sequential(_dense((found.channels, *([hidden] if hidden else []), flat)), nn.LeakyReLU())
        blocks = [_up(*pair, stride) for pair, stride in zip(pairwise(channels), strides, strict=True)]
        self.net = nn.Sequential(*blocks, nn.Conv3d(channels[-1], clip.channels, 1, bias=False))

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """Code (B, D, T', H', W') -> (B, C, T_out, H, W)."""
        code = latents["code"]
        rows, columns = code.shape[3:]
        maps = self.dense(code.permute(0, 3, 4, 2, 1).flatten(0, 2))  # (B * H' * W', T', C' * h' * w')
        tiles = self.net(maps.unflatten(2, (self.deepest[0], *self.deepest[2:])).transpose(1, 2))
        frames = tiles.unflatten(0, (-1, rows, columns)).permute(0, 3, 4, 1, 5, 2, 6)  # (B, C, T, H', h, W', w)
        return frames.flatten(5, 6).flatten(3, 4)


def _tile(clip: ClipSpec, tile: tuple[int, int] | None) -> tuple[int, int]:
    height, width = tile or (clip.height, clip.width)
    if min(height, width) < 1 or clip.height % height or clip.width % width:
        raise ShapeError(f"frames of {clip.height}x{clip.width} are not divisible into tiles of {height}x{width}")
    return height, width


def _deepest(
    frames: int, tile: tuple[int, int], channels: Sequence[int], strides: Sequence[tuple[int, int, int]]
) -> tuple[int, ...]:
    """Return (C', T', h', w') of the deepest map."""
    if not channels or len(channels) != len(strides) or min(channels) < 1:
        what = f"{len(strides)} strides need {len(strides)} positive 'channels', but there are {list(channels)}"
        raise ShapeError(what)
    shrunk = [prod(stride[axis] for stride in strides) for axis in range(3)]
    sizes = (frames, *tile)
    for size, times, what in zip(sizes, shrunk, ("frames", "height", "width"), strict=True):
        if size % times:
            raise ShapeError(f"{what} {size} is not a multiple of the strides' product {times}", fix="change data.clip")
    return channels[-1], *(size // times for size, times in zip(sizes, shrunk, strict=True))
