"""The decoder of residual layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Decoder, LatentSpec, ShapeError
from vadkit_slowfast.blocks import LATERAL, ONE, basic, enlarging, lateral


class SlowFastDecoder(Decoder, nn.Module):
    """Residual decoder: decodes the `static` latent, fused with `dynamic` if the encoder returns one.

    One stage doubles height and width. Its first block enlarges: a transposed 3x3x3 convolution and a 3x3x3
    convolution, with a shortcut of a 1x1x1 convolution and nearest-neighbour upsampling. The last stages also
    double time as often as needed. A (5, 1, 1) convolution, like SlowFast's laterals, brings the dynamic
    latent to T / tau steps, and it is concatenated. There are no skip connections from the encoder.
    The paper says "a decoder with residual layers" (section 4.3.1); everything else is inferred.

    Args:
        latents: name -> shape of each latent of the encoder.
        clip: geometry of a clip.
        width: channels at full frame size; they double each time the size halves, as in a ResNet. Inferred: 32, half
            of SlowFast's stem, which works at half the frame size.
        blocks: residual blocks in each stage. Inferred: 1, the minimum.
        fusion: channels of the dynamic latent after the lateral convolution, before it is concatenated. Inferred: twice
            as many as it has, SlowFast's rule for laterals.
        output: "tanh" limits pixels to [-1, 1]; "linear" does not.

    Raises:
        ShapeError: the latent `static` is missing, its sizes cannot become the clip's, or `blocks`, `width` or `fusion`
            is below 1.

    Example:
        >>> latents = {"static": LatentSpec(8, 4, 4, 6)}
        >>> decoder = SlowFastDecoder(latents, ClipSpec(16, 32, 48, "gray"), width=2)
        >>> decoder({"static": torch.zeros(1, 8, 4, 4, 6)}).shape
        torch.Size([1, 1, 16, 32, 48])
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        clip: ClipSpec,
        *,
        width: int = 32,
        blocks: int = 1,
        fusion: int | None = None,
        output: Literal["tanh", "linear"] = "tanh",
    ) -> None:
        super().__init__()
        if "static" not in latents:
            raise ShapeError(f"needs a latent 'static', but the encoder returns {', '.join(latents)}")
        if blocks < 1:
            raise ShapeError(f"blocks must be at least 1 per stage, but it is {blocks}", fix="set blocks: 1 or more")
        if min(width, 1 if fusion is None else fusion) < 1:
            raise ShapeError("width and fusion must be at least 1 channel", fix="set them to 1 or more")
        static = latents["static"]
        stages = _doublings(static, clip)
        times = _times(static, clip, stages)
        inputs = static.channels
        self.fusion = None
        if "dynamic" in latents:
            dynamic = latents["dynamic"]
            joined = fusion or LATERAL * dynamic.channels
            self.fusion = lateral(dynamic.channels, joined, _rate(static, dynamic))
            inputs += joined
        layers: list[nn.Module] = []
        for stage, time in enumerate(times):
            outputs = width * 2 ** (stages - 1 - stage)
            layers.append(enlarging(inputs, outputs, (time, 2, 2)))
            layers += [basic(outputs, outputs, 3, ONE) for _ in range(blocks - 1)]
            inputs = outputs
        last = nn.Conv3d(inputs, clip.channels, 3, padding=1)
        self.layers = nn.Sequential(*layers, last, nn.Tanh() if output == "tanh" else nn.Identity())

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """{static (B, C', T', H', W'), dynamic} -> (B, C, T_out, H, W)."""
        static = latents["static"]
        if self.fusion is not None:
            static = torch.cat([static, self.fusion(latents["dynamic"])], dim=1)
        return self.layers(static)


def _doublings(static: LatentSpec, clip: ClipSpec) -> int:
    grow = clip.height // static.height
    doublings = grow.bit_length() - 1
    if doublings < 1 or (static.height << doublings, static.width << doublings) != (clip.height, clip.width):
        raise ShapeError(
            f"doubles sizes, so {static.height}x{static.width} cannot become {clip.height}x{clip.width}",
            fix="use an encoder that divides height and width by one of 2, 4, 8, 16, 32",
        )
    return doublings


def _times(static: LatentSpec, clip: ClipSpec, stages: int) -> list[int]:
    grow, rest = divmod(clip.target_frames, static.frames)
    doublings = grow.bit_length() - 1
    if rest or grow != 2**doublings:
        raise ShapeError(
            f"{static.frames} latent steps cannot become {clip.target_frames} target frames",
            fix="the ratio must be a power of two: change tau or data.clip.target",
        )
    each, more = divmod(doublings, stages)
    return [2 ** (each + (stage >= stages - more)) for stage in range(stages)]


def _rate(static: LatentSpec, dynamic: LatentSpec) -> int:
    tau, rest = divmod(dynamic.frames, static.frames)
    if rest or (dynamic.height, dynamic.width) != (static.height, static.width):
        raise ShapeError(
            f"cannot bring the dynamic latent {dynamic.shape} to the shape of the static latent {static.shape}",
            fix="use an encoder with latents of equal height and width, and static steps that divide the dynamic steps",
        )
    return tau
