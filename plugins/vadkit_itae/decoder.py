"""The single decoder of Table 1, which fuses both paths and gives frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Decoder, LatentSpec, ShapeError
from vadkit_itae.blocks import Triple, check_widths, deconv, lateral

TIME_STRIDES: Mapping[int, tuple[int, int]] = {1: (1, 1), 2: (1, 2), 4: (2, 2), 8: (2, 4)}


class ITAEDecoder(Decoder, nn.Module):
    """Decodes the `static` latent, fused with `dynamic` where the encoder gives one.

    The dynamic latent passes a (5, 1, 1) convolution that brings it to T / tau and is
    concatenated to the static one. No skip connections. Source: section 3.2, Table 1.

    Args:
        latents: what the encoder gives.
        clip: geometry of a clip.
        channels: of the first three layers.
        fusion: channels that the dynamic latent is brought to before it is concatenated;
            default as many as the static latent has (256).
        output: "tanh" keeps pixels in [-1, 1], "linear" does not.
        norm: batch norm after each hidden layer.

    Raises:
        ShapeError: there is no `static` latent, its sizes cannot become the clip's, or a layer has no channels.
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
            raise ShapeError(f"needs a latent 'static'; the encoder gives {', '.join(latents)}")
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
        widths = (inputs, *channels)
        self.layers = nn.Sequential(
            *(deconv(widths[i], widths[i + 1], stride, norm=norm) for i, stride in enumerate(strides)),
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
            f"enlarges by 4: {static.height}x{static.width} cannot become {clip.height}x{clip.width}",
            fix="use an encoder whose latent is a quarter of the frame, or another decoder",
        )
    grow, rest = divmod(clip.target_frames, static.frames)
    if rest or grow not in TIME_STRIDES:
        raise ShapeError(
            f"{static.frames} latent steps cannot become {clip.target_frames} target frames",
            fix=f"the ratio must be one of {', '.join(map(str, TIME_STRIDES))}: change tau or data.clip.target",
        )
    return TIME_STRIDES[grow]
