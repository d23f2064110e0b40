"""The decoder of Table 1, which fuses both paths and returns frames."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Decoder, LatentSpec, ShapeError
from vadkit_itae.blocks import Triple, check_widths, deconv, lateral

TIME_STRIDES: Mapping[int, tuple[int, int]] = {1: (1, 1), 2: (1, 2), 4: (2, 2), 8: (2, 4)}


class ITAEDecoder(Decoder, nn.Module):
    """Decoder of ITAE: decodes the `static` latent, fused with `dynamic` if the encoder returns one.

    A (5, 1, 1) convolution brings the dynamic latent to T / tau steps. It is then concatenated to the static
    latent. There are no skip connections. Source: section 3.2, Table 1.

    Args:
        latents: name -> shape of each latent of the encoder.
        clip: geometry of a clip.
        channels: channels of the first three layers.
        fusion: channels of the dynamic latent after the lateral convolution, before it is concatenated. Default: as
            many as the static latent has (256).
        output: "tanh" limits pixels to [-1, 1]; "linear" does not.
        norm: batch norm after each hidden layer.

    Raises:
        ShapeError: the latent `static` is missing, its sizes cannot become the clip's, or a layer has no channels.

    Example:
        >>> latents = {"static": LatentSpec(8, 4, 8, 12), "dynamic": LatentSpec(2, 16, 8, 12)}
        >>> decoder = ITAEDecoder(latents, ClipSpec(16, 32, 48, "gray"), channels=(8, 8, 4))
        >>> decoder({"static": torch.zeros(1, 8, 4, 8, 12), "dynamic": torch.zeros(1, 2, 16, 8, 12)}).shape
        torch.Size([1, 1, 16, 32, 48])
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        clip: ClipSpec,
        *,
        channels: tuple[int, int, int] = (256, 128, 96),
        fusion: int | None = None,
        output: Literal["tanh", "linear"] = "tanh",
        norm: bool = True,
    ) -> None:
        super().__init__()
        if "static" not in latents:
            raise ShapeError(f"needs a latent 'static', but the encoder returns {', '.join(latents)}")
        check_widths(channels=channels, fusion=[] if fusion is None else [fusion])
        static = latents["static"]
        first, second = _time_strides(static, clip)
        inputs = static.channels
        self.fusion = None
        if "dynamic" in latents:
            dynamic = latents["dynamic"]
            width = fusion or static.channels
            self.fusion = lateral(dynamic.channels, width, dynamic.frames // static.frames, norm=norm)
            inputs += width
        strides: tuple[Triple, ...] = ((1, 1, 1), (first, 2, 2), (second, 2, 2))
        widths = pairwise((inputs, *channels))
        self.layers = nn.Sequential(
            *(deconv(*pair, stride, norm=norm) for pair, stride in zip(widths, strides, strict=True)),
            nn.ConvTranspose3d(channels[-1], clip.channels, 3, 1, 1),
            nn.Tanh() if output == "tanh" else nn.Identity(),
        )

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """{static (B, C', T', H', W'), dynamic} -> (B, C, T_out, H, W)."""
        static = latents["static"]
        if self.fusion is not None:
            static = torch.cat([static, self.fusion(latents["dynamic"])], dim=1)
        return self.layers(static)


def _time_strides(static: LatentSpec, clip: ClipSpec) -> tuple[int, int]:
    if (static.height * 4, static.width * 4) != (clip.height, clip.width):
        raise ShapeError(
            f"enlarges by 4, so {static.height}x{static.width} cannot become {clip.height}x{clip.width}",
            fix="use an encoder with latents of a quarter of the frame, or another decoder",
        )
    grow, rest = divmod(clip.target_frames, static.frames)
    if rest or grow not in TIME_STRIDES:
        raise ShapeError(
            f"{static.frames} latent steps cannot become {clip.target_frames} target frames",
            fix=f"the ratio must be one of {', '.join(map(str, TIME_STRIDES))}: change tau or data.clip.target",
        )
    return TIME_STRIDES[grow]
