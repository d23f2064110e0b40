"""The video autoencoder of latent space autoregression: causal 3-D convolutions down to a code for each time step.

Source: Abati et al., CVPR 2019, Fig. 1 and section 4.2, and its code (aimagelab/novelty-detection), which fixes
what the paper leaves open: residual blocks with batch norm and leaky ReLU, their widths and strides. The code has two
plans: for Ped2, gray patches of 8x32x32, here `tile: [32, 32]`, side by side where the code lets them overlap by
half; for ShanghaiTech whole frames of 256x512, with a hidden layer of 512 before the code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipSpec, Decoder, Encoder, LatentSpec, ShapeError

Strides = Sequence[tuple[int, int, int]]
"""Of each block, in time, height and width."""


class CausalConvolution(nn.Module):
    """A 3x3x3 convolution that sees no later frame: the last third of its kernel is left out."""

    def __init__(self, given: int, width: int, stride: tuple[int, int, int]) -> None:
        super().__init__()
        self.layer = nn.Conv3d(given, width, (2, 3, 3), stride=stride, padding=(0, 1, 1), bias=False)

    def forward(self, video: Tensor) -> Tensor:
        """(N, C, T, H, W) -> (N, C', T', H', W')."""
        return self.layer(functional.pad(video, (0, 0, 0, 0, 1, 0)))


class Residual(nn.Module):
    """Two convolutions with batch norm, and a third beside them.

    Args:
        first: changes the size.
        second: keeps it.
        beside: changes the size too.
        width: channels of all three.
    """

    def __init__(self, first: nn.Module, second: nn.Module, beside: nn.Module, width: int) -> None:
        super().__init__()
        one, two, three = (nn.BatchNorm3d(width) for _ in range(3))
        self.through = nn.Sequential(first, one, nn.LeakyReLU(), second, two)
        self.beside = nn.Sequential(beside, three)
        self.activation = nn.LeakyReLU()

    def forward(self, video: Tensor) -> Tensor:
        """(N, C, T, H, W) -> (N, C', T', H', W')."""
        return self.activation(self.through(video) + self.beside(video))


def _down(given: int, width: int, stride: tuple[int, int, int]) -> Residual:
    beside = nn.Conv3d(given, width, 1, stride=stride, bias=False)
    keep = CausalConvolution(width, width, (1, 1, 1))
    return Residual(CausalConvolution(given, width, stride), keep, beside, width)


def _up(given: int, width: int, stride: tuple[int, int, int]) -> Residual:
    more = (stride[0] - 1, stride[1] - 1, stride[2] - 1)
    first, beside = (
        nn.ConvTranspose3d(given, width, 5, stride=stride, padding=2, output_padding=more, bias=False) for _ in range(2)
    )
    return Residual(first, nn.Conv3d(width, width, 3, padding=1, bias=False), beside, width)


def _dense(sizes: Sequence[int]) -> nn.Sequential:
    """Layers that every time step shares, tanh between them."""
    layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.Tanh())]
    return nn.Sequential(*layers[:-1])


class LSAEncoder(Encoder, nn.Module):
    """Clips to `code`, numbers in [0, 1] for each remaining time step, of the whole frame or of each tile of it.

    The latent's height and width are the numbers of tiles.

    Args:
        clip: geometry of a clip.
        channels: width of each block.
        strides: of each block, in time, height and width.
        hidden: width of a layer between the deepest map and the code; null has none.
        code: D, numbers a time step.
        tile: height and width of the tiles that are coded each alone; null codes whole frames.
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
        self.latents = {
            "code": LatentSpec(code, self.deepest[1], clip.height // self.tile[0], clip.width // self.tile[1])
        }
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
    """Codes back to frames, each tile alone, without a final non-linearity.

    Args:
        latents: of the encoder `lsa`.
        clip: geometry of a clip.
        channels: widths from the deepest map up: first the map's own, then each block's.
        strides: of each block, in time, height and width.
        hidden: width of a layer between the code and the deepest map; null has none.
        tile: as the encoder's.
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
        if "code" not in latents:
            raise ShapeError(f"needs a latent 'code'; there are {', '.join(latents)}", fix="use the encoder lsa")
        self.tile = _tile(clip, tile)
        found = latents["code"]
        if len(channels) != len(strides) + 1:
            raise ShapeError(f"{len(strides)} blocks need {len(strides) + 1} 'channels', not {len(channels)}")
        _, *size = _deepest(clip.target_frames, self.tile, channels[1:], strides)
        self.deepest = (channels[0], *size)
        expected = (size[0], clip.height // self.tile[0], clip.width // self.tile[1])
        if (found.frames, found.height, found.width) != expected:
            raise ShapeError(
                f"the code has T', H', W' {found.frames}, {found.height}, {found.width}, not {expected}",
                fix="give encoder and decoder the same tile, and the same strides in another order",
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
        raise ShapeError(f"tiles of {height}x{width} do not divide frames of {clip.height}x{clip.width}")
    return height, width


def _deepest(frames: int, tile: tuple[int, int], channels: Sequence[int], strides: Strides) -> tuple[int, ...]:
    """(C', T', h', w') of the deepest map."""
    if not channels or len(channels) != len(strides) or min(channels) < 1:
        raise ShapeError(f"{len(strides)} strides need as many positive 'channels', not {list(channels)}")
    shrunk = [prod(stride[axis] for stride in strides) for axis in range(3)]
    sizes = (frames, *tile)
    for size, times, what in zip(sizes, shrunk, ("frames", "height", "width"), strict=True):
        if size % times:
            raise ShapeError(f"{what} {size} cannot be divided by the strides, {times}", fix="change data.clip")
    return channels[-1], *(size // times for size, times in zip(sizes, shrunk, strict=True))
