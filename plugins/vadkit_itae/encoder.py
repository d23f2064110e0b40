"""The static and dynamic encoders of Table 1."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Encoder, LatentSpec, ShapeError
from vadkit_itae.blocks import Triple, check_widths, conv, lateral

KERNELS_STATIC: tuple[Triple, ...] = ((1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3))
KERNELS_DYNAMIC: tuple[Triple, ...] = ((5, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))
STRIDES: tuple[Triple, ...] = ((1, 2, 2), (1, 2, 2), (1, 1, 1), (1, 1, 1))
LAYERS = ("conv1", "conv2", "conv3")
SHRINK = 4  # frame height (width) / latent height (width)


class ITAE(Encoder, nn.Module):
    """Two-path encoder of ITAE: few frames with many channels, and all frames with few channels.

    The static path sees every tau-th frame, the dynamic path sees all T. Laterals bring dynamic features to
    the frame rate of the static path, where they are concatenated to the input of the next layer.
    Latents: `static` (channels[3], T / tau, H / 4, W / 4) and `dynamic` (channels[3] / beta, T, H / 4, W / 4).
    Source: section 3.2 and Table 1.

    Args:
        clip: geometry of a clip.
        tau: the static path sees every tau-th frame.
        channels: channels of the four layers of the static path.
        beta: channels of the static path divided by those of the dynamic path.
        laterals: layer ("conv1", "conv2", "conv3") -> channels of the lateral after it. Default: one lateral after
            conv1, as wide as conv1, which gives the paper's 7.74 M parameters. "slowfast": twice the dynamic channels
            after each layer (combine with the decoder's `fusion: 64`).
        norm: batch norm after each convolution.

    Raises:
        ShapeError: H or W is not a multiple of 4, T is not a multiple of tau, or a layer has no channels.

    Example:
        >>> encoder = ITAE(ClipSpec(16, 32, 48, "gray"), channels=(8, 8, 16, 16), beta=4)
        >>> latents = encoder(torch.zeros(1, 1, 16, 32, 48))
        >>> {name: tuple(latent.shape) for name, latent in latents.items()}
        {'static': (1, 16, 4, 8, 12), 'dynamic': (1, 4, 16, 8, 12)}
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
        size = _latent_size(clip, tau)
        check_widths(channels=channels, beta=[beta])
        narrow = [width // beta for width in channels]
        if min(narrow) < 1:
            raise ShapeError(f"beta {beta} is larger than one of the channels {list(channels)}", fix="lower beta")
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
        self.latents = {
            "static": LatentSpec(channels[-1], clip.input_frames // tau, *size),
            "dynamic": LatentSpec(narrow[-1], clip.input_frames, *size),
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
    """One-path encoder: the static path of ITAE alone, as in Tables 2 and 4.

    Latent: `static` (channels[3], T / tau, H / 4, W / 4).

    Args:
        clip: geometry of a clip.
        tau: the path sees every tau-th frame.
        channels: channels of the four layers.
        norm: batch norm after each convolution.

    Raises:
        ShapeError: H or W is not a multiple of 4, T is not a multiple of tau, or a layer has no channels.

    Example:
        >>> encoder = OnePath(ClipSpec(16, 32, 48, "gray"), channels=(8, 8, 16, 16))
        >>> encoder(torch.zeros(1, 1, 16, 32, 48))["static"].shape
        torch.Size([1, 16, 4, 8, 12])
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
        size = _latent_size(clip, tau)
        check_widths(channels=channels)
        self.tau = tau
        layers = zip(pairwise((clip.channels, *channels)), KERNELS_STATIC, STRIDES, strict=True)
        self.static = nn.Sequential(*(conv(*widths, kernel, stride, norm=norm) for widths, kernel, stride in layers))
        self.latents = {"static": LatentSpec(channels[-1], clip.input_frames // tau, *size)}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> the static latent."""
        return {"static": self.static(clips[:, :, :: self.tau])}


def _latent_size(clip: ClipSpec, tau: int) -> tuple[int, int]:
    for name, size in (("height", clip.height), ("width", clip.width)):
        if size % SHRINK:
            raise ShapeError(
                f"the frame {name} {size} is not a multiple of {SHRINK}, by which the encoder divides it",
                fix=f"choose {size // SHRINK * SHRINK} or {(size // SHRINK + 1) * SHRINK} in data.clip.size",
            )
    if tau < 1 or clip.input_frames % tau:
        raise ShapeError(
            f"{clip.input_frames} input frames are not a multiple of tau {tau}",
            fix=f"choose a tau that divides {clip.input_frames}",
        )
    return clip.height // SHRINK, clip.width // SHRINK


def _plan(laterals: Mapping[str, int] | Literal["slowfast"] | None, first: int, narrow: list[int]) -> dict[str, int]:
    if laterals is None:
        return {"conv1": first}
    if laterals == "slowfast":
        return {name: 2 * narrow[index] for index, name in enumerate(LAYERS)}
    unknown = sorted(set(laterals) - set(LAYERS))
    if unknown:
        raise ShapeError(
            f"unknown layer {unknown[0]!r} in 'laterals'",
            fix=f"choose among {', '.join(LAYERS)}, and set the fusion after conv4 by the decoder's key 'fusion'",
        )
    return dict(laterals)
