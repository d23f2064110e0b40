"""MemAE: an autoencoder of 3-D convolutions whose decoder sees combinations of remembered codes alone.

Source: Gong et al., "Memorizing normality to detect anomaly: memory-augmented deep autoencoder for unsupervised
anomaly detection", ICCV 2019, sections 3 and 4.2, and the authors' code (github.com/donggong1/memae-anomaly-detection).
16 gray frames of 256x256; four 3x3x3 convolutions of 96, 128, 256 and 256 channels, stride 2 in height and width
and, after the first, in time; a memory of 2000 items; the encoder mirrored; batch norm and leaky ReLU of slope
0.2 but after the last layer. 6,492,801 parameters.

Where paper and code differ: the paper addresses by cosine similarity and shrinks at 1/N to 3/N; the code by inner
product, and shrinks at 0.0025. The paper scores by the squared error, the code by the absolute. Keys and recipes say
which; the paper is the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, sqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import Bottleneck, BottleneckOutput, ClipSpec, Decoder, Encoder, LatentSpec, ShapeError, closest
from vadkit_baselines.widths import refuse_empty

SLOPE = 0.2  # of the leaky ReLU below zero
STRIDES = ((1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2))
SHRINK = (8, 16, 16)  # of frames, height and width in all
EPSILON = 1e-12


class MemAE(Encoder, nn.Module):
    """MemAE's encoder (Gong et al. 2019): four strided 3-D convolutions.

    Latent: `code` (channels[3], T / 8, H / 16, W / 16).

    Args:
        clip: geometry of a clip.
        channels: of the four convolutions.

    Raises:
        ShapeError: T is not a multiple of 8, or H or W not one of 16.
    """

    def __init__(self, clip: ClipSpec, *, channels: tuple[int, int, int, int] = (96, 128, 256, 256)) -> None:
        super().__init__()
        refuse_empty(channels=channels)
        sizes = {"number of input frames": clip.input_frames, "height": clip.height, "width": clip.width}
        for (name, size), shrink in zip(sizes.items(), SHRINK, strict=True):
            if size % shrink:
                raise ShapeError(
                    f"the {name}, {size}, is not a multiple of {shrink}, by which the encoder divides it",
                    fix=f"choose {size // shrink * shrink or shrink} or {(size // shrink + 1) * shrink} in data.clip",
                )
        widths = (clip.channels, *channels)
        self.layers = nn.Sequential()
        for index, stride in enumerate(STRIDES):
            self.layers.append(nn.Conv3d(widths[index], widths[index + 1], 3, stride, padding=1))
            self.layers.extend((nn.BatchNorm3d(widths[index + 1]), nn.LeakyReLU(SLOPE)))
        frames, height, width = (size // shrink for size, shrink in zip(sizes.values(), SHRINK, strict=True))
        self.latents = {"code": LatentSpec(channels[-1], frames, height, width)}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> code."""
        return {"code": self.layers(clips)}


class Memory(Bottleneck, nn.Module):
    """MemAE's memory: every code becomes a sparse convex combination of learned items (Eq. 3 to 7).

    w = softmax(d(z, m_i)); w' = max(w - s, 0) w / (|w - s| + eps), brought to sum 1; z' = sum_i w'_i m_i.
    Loss `entropy`: the mean of -sum_i w'_i log w'_i over all places, weighted (Eq. 9 and 10).

    Args:
        latents: what the encoder gives.
        latent: which of them is replaced.
        items: N.
        shrink: s, below which an address counts nothing; null is 1 / N, 0 none.
        addressing: d; "cosine" in the paper, "dot" in its code.
        entropy: weight of the loss; 0 leaves it out.

    Raises:
        ShapeError: there is no such latent, or a number is out of range.
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        *,
        latent: str = "code",
        items: int = 2000,
        shrink: float | None = None,
        addressing: Literal["cosine", "dot"] = "cosine",
        entropy: float = 0.0002,
    ) -> None:
        super().__init__()
        if latent not in latents:
            raise ShapeError(f"there is no latent {latent!r}", fix=closest(latent, latents))
        if items < 2:
            raise ShapeError(f"a memory holds at least two items, not {items}")
        limit = _highest_address(items, addressing)
        self.shrink = 1 / items if shrink is None else shrink
        if not 0 <= self.shrink < limit:
            raise ShapeError(
                f"shrink {self.shrink:g} would leave no address: none of {items} can be above {limit:.4g}",
                fix="null takes 1 / items",
            )
        self.latent, self.addressing, self.entropy = latent, addressing, entropy
        bound = 1 / sqrt(latents[latent].channels)
        self.items = nn.Parameter(torch.empty(items, latents[latent].channels).uniform_(-bound, bound))

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        """{name: (B, C', T', H', W')} -> the same, one of them recalled; loss `entropy`."""
        given = latents[self.latent]
        # bfloat16 would not tell addresses of about 1 / N from the threshold.
        with torch.autocast(given.device.type, enabled=False):
            queries = given.to(self.items.dtype).movedim(1, -1)  # (B, T', H', W', C')
            weights = self.address(queries)
            recalled = (weights @ self.items).movedim(-1, 1)
            entropy = -(weights * (weights + EPSILON).log()).sum(-1).mean()
        losses = {"entropy": self.entropy * entropy} if self.entropy else {}
        return BottleneckOutput({**latents, self.latent: recalled}, losses)

    def address(self, queries: Tensor) -> Tensor:
        """(..., C') -> (..., N), sparse weights that sum to 1."""
        items = self.items
        if self.addressing == "cosine":
            queries, items = functional.normalize(queries, dim=-1), functional.normalize(items, dim=-1)
        weights = (queries @ items.T).softmax(-1)
        if self.shrink:
            above = weights - self.shrink
            weights = above.relu() * weights / (above.abs() + EPSILON)
            weights = functional.normalize(weights, p=1, dim=-1)
        return weights


class MemAEDecoder(Decoder, nn.Module):
    """MemAE's decoder: four transposed 3-D convolutions, the encoder mirrored.

    Args:
        latents: what the encoder gives.
        clip: geometry of a clip.
        channels: of the first three layers.
        output: "linear" as in its code; "tanh" keeps pixels in [-1, 1].

    Raises:
        ShapeError: there is no latent `code` that can become the clip.
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        clip: ClipSpec,
        *,
        channels: tuple[int, int, int] = (256, 128, 96),
        output: Literal["linear", "tanh"] = "linear",
    ) -> None:
        super().__init__()
        refuse_empty(channels=channels)
        if "code" not in latents:
            raise ShapeError(f"needs a latent 'code'; the encoder gives {', '.join(latents)}")
        code = latents["code"]
        sizes = tuple(size * shrink for size, shrink in zip(code.shape[1:], SHRINK, strict=True))
        if sizes != (clip.target_frames, clip.height, clip.width):
            raise ShapeError(
                f"gives {sizes[0]} frames of {sizes[1]}x{sizes[2]}, but the target is {clip.target_frames} of"
                f" {clip.height}x{clip.width}",
                fix="use encoder: memae, and let the clip's target be its input",
            )
        widths = (code.channels, *channels, clip.channels)
        self.layers = nn.Sequential()
        for index, stride in enumerate(reversed(STRIDES)):
            grow = (stride[0] - 1, stride[1] - 1, stride[2] - 1)
            self.layers.append(nn.ConvTranspose3d(widths[index], widths[index + 1], 3, stride, 1, grow))
            if index < len(channels):
                self.layers.extend((nn.BatchNorm3d(widths[index + 1]), nn.LeakyReLU(SLOPE)))
        self.layers.append(nn.Tanh() if output == "tanh" else nn.Identity())

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """{code (B, C', T', H', W')} -> (B, C, T_out, H, W)."""
        return self.layers(latents["code"])


def _highest_address(items: int, addressing: str) -> float:
    """The largest weight that softmax can give one of N items: cosines lie in [-1, 1], inner products anywhere."""
    return 1.0 if addressing == "dot" else 1 / (1 + (items - 1) * exp(-2))
