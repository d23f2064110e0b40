"""The static and dynamic encoders of Table 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Encoder, LatentSpec, ShapeError
from vadkit_itae.blocks import Triple, check_widths, conv, lateral

KERNELS_STATIC: tuple[Triple, ...] = ((1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3))
KERNELS_DYNAMIC: tuple[Triple, ...] = ((5, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))
STRIDES: tuple[Triple, ...] = ((1, 2, 2), (1, 2, 2), (1, 1, 1), (1, 1, 1))
LAYERS = ("conv1", "conv2", "conv3")
SHRINK = 4  # pixels of the frame to one of the latent, in height and in width


class ITAE(Encoder, nn.Module):
    """Implicit two-path encoder: few frames with many channels, all frames with few.

    The static path sees every tau-th frame, the dynamic path all T. Laterals bring dynamic
    features to the static path's rate and are concatenated to its input of the next layer.
    Latents: `static` (channels[3], T / tau, H / 4, W / 4) and `dynamic`
    (channels[3] / beta, T, H / 4, W / 4). Source: section 3.2 and Table 1.

    Args:
        clip: geometry of a clip.
        tau: frames of the dynamic path to one of the static path.
        channels: of the static path's four layers.
        beta: channels of the static path to one of the dynamic path.
        laterals: layer ("conv1", "conv2", "conv3") -> channels of the lateral after it.
            Default: one after conv1, as wide as conv1, the plan that gives the paper's
            7.74 M parameters. "slowfast": twice the dynamic channels after each (combine
            with the decoder's `fusion: 64`).
        norm: batch norm after each convolution.

    Raises:
        ShapeError: H or W is not a multiple of 4, T not one of tau, or a layer has no channels.
    """

    def __init__(
        self,
        clip: ClipSpec,
        *,
        tau: int = 4,
        channels: tuple[int, int, int, int] = (96, 128, 256, 256),
        beta: int = 8,
        laterals: Mapping[str, int] | Literal["slowfast"] | None = None,
        norm: bool = True,
    ) -> None:
        super().__init__()
        _check(clip, tau)
        check_widths(channels=channels, beta=[beta])
        narrow = [width // beta for width in channels]
        if min(narrow) < 1:
            raise ShapeError(f"channels {list(channels)} leave the dynamic path none at beta {beta}", fix="lower beta")
        plan = _plan(laterals, channels[0], narrow)
        check_widths(laterals=plan.values())
        self.tau = tau
        self.static = nn.ModuleList()
        self.dynamic = nn.ModuleList()
        self.laterals = nn.ModuleDict()
        wide, thin = clip.channels, clip.channels
        for index, (width, slim) in enumerate(zip(channels, narrow, strict=True)):
            self.static.append(conv(wide, width, KERNELS_STATIC[index], STRIDES[index], norm=norm))
            self.dynamic.append(conv(thin, slim, KERNELS_DYNAMIC[index], STRIDES[index], norm=norm))
            wide, thin = width, slim
            name = f"conv{index + 1}"
            if name in plan:
                self.laterals[name] = lateral(slim, plan[name], tau, norm=norm)
                wide += plan[name]
        height, width = clip.height // SHRINK, clip.width // SHRINK
        self.latents = {
            "static": LatentSpec(channels[-1], clip.input_frames // tau, height, width),
            "dynamic": LatentSpec(narrow[-1], clip.input_frames, height, width),
        }

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> static and dynamic latents."""
        static, dynamic = clips[:, :, :: self.tau], clips
        for index, (wide, thin) in enumerate(zip(self.static, self.dynamic, strict=True)):
            static, dynamic = wide(static), thin(dynamic)
            name = f"conv{index + 1}"
            if name in self.laterals:
                static = torch.cat([static, self.laterals[name](dynamic)], dim=1)
        return {"static": static, "dynamic": dynamic}


class OnePath(Encoder, nn.Module):
    """The static path alone: the one-path autoencoder of Tables 2 and 4.

    Latent: `static` (channels[3], T / tau, H / 4, W / 4).

    Args:
        clip: geometry of a clip.
        tau: the path sees every tau-th frame.
        channels: of the four layers.
        norm: batch norm after each convolution.

    Raises:
        ShapeError: H or W is not a multiple of 4, T not one of tau, or a layer has no channels.
    """

    def __init__(
        self,
        clip: ClipSpec,
        *,
        tau: int = 4,
        channels: tuple[int, int, int, int] = (96, 128, 256, 256),
        norm: bool = True,
    ) -> None:
        super().__init__()
        _check(clip, tau)
        check_widths(channels=channels)
        self.tau = tau
        widths = (clip.channels, *channels)
        self.static = nn.Sequential(
            *(
                conv(widths[index], widths[index + 1], KERNELS_STATIC[index], STRIDES[index], norm=norm)
                for index in range(len(channels))
            )
        )
        frames = clip.input_frames // tau
        self.latents = {"static": LatentSpec(channels[-1], frames, clip.height // SHRINK, clip.width // SHRINK)}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> the static latent."""
        return {"static": self.static(clips[:, :, :: self.tau])}


def _check(clip: ClipSpec, tau: int) -> None:
    for name, size in (("height", clip.height), ("width", clip.width)):
        if size % SHRINK:
            raise ShapeError(
                f"the frames' {name} {size} is not a multiple of {SHRINK}, by which the encoder divides it",
                fix=f"choose {size // SHRINK * SHRINK} or {(size // SHRINK + 1) * SHRINK} in data.clip.size",
            )
    if tau < 1 or clip.input_frames % tau:
        raise ShapeError(
            f"{clip.input_frames} input frames are not a multiple of tau {tau}",
            fix="choose tau so that it divides them",
        )


def _plan(laterals: Mapping[str, int] | Literal["slowfast"] | None, first: int, narrow: list[int]) -> dict[str, int]:
    if laterals is None:
        return {"conv1": first}
    if laterals == "slowfast":
        return {name: 2 * narrow[index] for index, name in enumerate(LAYERS)}
    strangers = sorted(set(laterals) - set(LAYERS))
    if strangers:
        raise ShapeError(
            f"there can be no lateral after {strangers[0]!r}",
            fix=f"choose among {', '.join(LAYERS)}; the fusion after conv4 is the decoder's key 'fusion'",
        )
    return dict(laterals)
