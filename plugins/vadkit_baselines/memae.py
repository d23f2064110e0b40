"""MemAE: a 3-D convolutional autoencoder. Its decoder sees only combinations of memory items.

Source: Gong et al., "Memorizing normality to detect anomaly: memory-augmented deep autoencoder for unsupervised
anomaly detection", ICCV 2019, sections 3 and 4.2, and the authors' code (github.com/donggong1/memae-anomaly-detection).
Clips have 16 gray frames of 256x256. Four 3x3x3 convolutions of 96, 128, 256 and 256 channels have stride 2 in height
and width and, after the first, in time. A memory of 2000 items and a mirrored decoder follow. Every layer except the
last has batch norm and leaky ReLU of slope 0.2. There are 6,492,801 parameters.

Paper and code differ. The paper addresses by cosine similarity and shrinks at 1/N to 3/N; the code addresses by inner
product and shrinks at 0.0025. The paper scores by the squared error, the code by the absolute error. Recipe keys
choose; the default is the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import exp, sqrt
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import Bottleneck, BottleneckOutput, ClipSpec, Decoder, Encoder, LatentSpec, ShapeError, closest
from vadkit_baselines.widths import divided, needed, normed, refuse_empty

SLOPE = 0.2  # leaky ReLU
STRIDES = ((1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 2))
SHRINK = (8, 16, 16)  # product of the strides
EPSILON = 1e-12


class MemAE(Encoder, nn.Module):
    """Encoder of MemAE (Gong et al. 2019): four strided 3-D convolutions.

    Latent: `code` (channels[3], T / 8, H / 16, W / 16).

    Args:
        clip: geometry of a clip.
        channels: channels of the four convolutions.

    Raises:
        ShapeError: T is not a multiple of 8, or H or W is not a multiple of 16.

    Example:
        >>> encoder = MemAE(ClipSpec(16, 32, 32, "gray"), channels=(4, 4, 8, 8))
        >>> encoder(torch.zeros(2, 1, 16, 32, 32))["code"].shape
        torch.Size([2, 8, 2, 2, 2])
    """

    def __init__(self, clip: ClipSpec, *, channels: tuple[int, int, int, int] = (96, 128, 256, 256)) -> None:
        super().__init__()
        refuse_empty(channels=channels)
        self.layers = nn.Sequential()
        for widths, stride in zip(pairwise((clip.channels, *channels)), STRIDES, strict=True):
            self.layers.extend(normed(nn.Conv3d(*widths, 3, stride, padding=1), SLOPE))
        self.latents = {"code": LatentSpec(channels[-1], *divided(clip, SHRINK))}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> code."""
        return {"code": self.layers(clips)}


class Memory(Bottleneck, nn.Module):
    """Memory of MemAE: replaces each code by a sparse convex combination of learned items (Eq. 3 to 7).

    w = softmax(d(z, m_i)), w' = max(w - s, 0) w / (|w - s| + eps), scaled to sum 1, and z' = sum_i w'_i m_i.
    Loss `entropy`: the weighted mean of -sum_i w'_i log w'_i over all positions (Eq. 9 and 10).

    Args:
        latents: name -> shape of each latent of the encoder.
        latent: name of the latent to replace.
        items: number of memory items (N).
        shrink: addressing weights below this become 0 (s); null is 1 / N, and 0 keeps all.
        addressing: similarity d; "cosine" as in the paper, "dot" as in its code.
        entropy: weight of the loss; 0 disables it.

    Raises:
        ShapeError: the latent does not exist, or a number is out of range.

    Example:
        >>> memory = Memory({"code": LatentSpec(8, 2, 4, 4)}, items=10)
        >>> memory({"code": torch.ones(1, 8, 2, 4, 4)}).latents["code"].shape
        torch.Size([1, 8, 2, 4, 4])
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
            raise ShapeError(f"no latent is named {latent!r}", fix=closest(latent, latents))
        if items < 2:
            raise ShapeError(f"items must be at least 2, but it is {items}")
        # The largest weight that softmax can give one item. Cosines are in [-1, 1]; inner products are unbounded.
        limit = 1.0 if addressing == "dot" else 1 / (1 + (items - 1) * exp(-2))
        self.shrink = 1 / items if shrink is None else shrink
        if not 0 <= self.shrink < limit:
            what = f"shrink must be in [0, {limit:.4g}) for {items} items, but it is {self.shrink:g}"
            raise ShapeError(what, fix="set shrink: null for 1 / items")
        self.latent, self.addressing, self.entropy = latent, addressing, entropy
        bound = 1 / sqrt(latents[latent].channels)
        self.items = nn.Parameter(torch.empty(items, latents[latent].channels).uniform_(-bound, bound))

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        """Replace one latent by its combination of items, and return the loss `entropy`."""
        given = latents[self.latent]
        # In bfloat16, weights of about 1 / N would not differ from the threshold.
        with torch.autocast(given.device.type, enabled=False):
            queries = given.to(self.items.dtype).movedim(1, -1)  # (B, T', H', W', C')
            weights = self.address(queries)
            recalled = (weights @ self.items).movedim(-1, 1)
            entropy = -(weights * (weights + EPSILON).log()).sum(-1).mean()
        losses = {"entropy": self.entropy * entropy} if self.entropy else {}
        return BottleneckOutput({**latents, self.latent: recalled}, losses)

    def address(self, queries: Tensor) -> Tensor:
        """(..., C') -> (..., N), sparse addressing weights that sum to 1."""
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
    """Decoder of MemAE: four transposed 3-D convolutions, mirroring the encoder.

    Args:
        latents: name -> shape of each latent of the encoder.
        clip: geometry of a clip.
        channels: channels of the first three layers.
        output: "linear" as in its code; "tanh" limits pixels to [-1, 1].

    Raises:
        ShapeError: the latent `code` is missing or cannot become the clip.

    Example:
        >>> decoder = MemAEDecoder({"code": LatentSpec(8, 2, 2, 2)}, ClipSpec(16, 32, 32, "gray"), channels=(8, 4, 4))
        >>> decoder({"code": torch.zeros(1, 8, 2, 2, 2)}).shape
        torch.Size([1, 1, 16, 32, 32])
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
        code = needed(latents, "code")
        sizes = tuple(size * shrink for size, shrink in zip(code.shape[1:], SHRINK, strict=True))
        if sizes != (clip.target_frames, clip.height, clip.width):
            what = f"decodes to {sizes[0]} frames of {sizes[1]}x{sizes[2]}, but the target has {clip.target_frames} of "
            fix = "use encoder: memae, and set the clip's target to its input"
            raise ShapeError(f"{what}{clip.height}x{clip.width}", fix=fix)
        layers: list[nn.Module] = []
        for widths, stride in zip(pairwise((code.channels, *channels, clip.channels)), reversed(STRIDES), strict=True):
            grow = (stride[0] - 1, stride[1] - 1, stride[2] - 1)
            layers += normed(nn.ConvTranspose3d(*widths, 3, stride, 1, grow), SLOPE)
        self.layers = nn.Sequential(*layers[:-2])  # the last layer has no norm
        self.layers.append(nn.Tanh() if output == "tanh" else nn.Identity())

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """{code (B, C', T', H', W')} -> (B, C, T_out, H, W)."""
        return self.layers(latents["code"])
