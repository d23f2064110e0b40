"""The encoders: both pathways, or the slow one alone."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Encoder, LatentSpec, ShapeError
from vadkit_slowfast.blocks import LATERAL, lateral
from vadkit_slowfast.pathway import FAST_TIMES, SLOW_TIMES, pathway, widths

SHRINKS = (4, 8, 16, 32)


class SlowFast(Encoder, nn.Module):
    """SlowFast-18 or -50 without its classifier: few frames with many channels, all frames with few.

    The slow pathway sees every tau-th frame, the fast one all T. After the stem and each
    stage but the last, a (5, 1, 1) convolution brings the fast features to the slow rate and
    twice their channels, and they are concatenated to the slow ones. Latents, named as ITAE's
    are: `static` (8 width, T / tau, H / shrink, W / shrink), `dynamic` (8 width / beta, T,
    H / shrink, W / shrink); four times the channels at depth 50. No pretrained weights.
    Source: Table 1 of SlowFast; Table 2 of the paper. Inferred where a key says so.

    Args:
        clip: geometry of a clip.
        depth: 18 for basic blocks, 50 for bottlenecks.
        tau: frames of the fast pathway to one of the slow; inferred to be ITAE's.
        beta: channels of the slow pathway to one of the fast, as in SlowFast.
        width: channels of the slow stem, doubled from stage to stage; 64 as in SlowFast.
        shrink: pixels of the frame to one of the latents, in height and in width. Inferred: 8,
            which res3 reaches; res4 and res5 then keep their size, undilated. It divides all
            the sizes in use, and SlowFast-18 computes as much as ITAE with it. SlowFast's 32
            suits one label a clip: it leaves 8x8 places of a frame of 256x256 to rebuild it
            from, and does not divide 240x360. 4 gives maps of ITAE's size, which flows
            need on 240x360, at four times the encoder's cost.

    Raises:
        ShapeError: H or W is not a multiple of shrink, T not one of tau.
    """

    def __init__(
        self,
        clip: ClipSpec,
        *,
        depth: Literal[18, 50],
        tau: int = 4,
        beta: int = 8,
        width: int = 64,
        shrink: Literal[4, 8, 16, 32] = 8,
    ) -> None:
        super().__init__()
        _check(clip, tau, shrink)
        if beta < 1:
            raise ShapeError(f"beta {beta} is no ratio of channels", fix="set beta: 1 or more")
        narrow = width // beta
        if narrow < 1:
            raise ShapeError(f"width {width} leaves the fast pathway no channels at beta {beta}", fix="lower beta")
        slow, fast = widths(depth, width), widths(depth, narrow)
        joined = [LATERAL * channels for channels in fast[:-1]]
        self.tau = tau
        self.static = pathway(clip.channels, depth=depth, width=width, times=SLOW_TIMES, shrink=shrink, joined=joined)
        self.dynamic = pathway(clip.channels, depth=depth, width=narrow, times=FAST_TIMES, shrink=shrink)
        self.laterals = nn.ModuleList(lateral(*pair, tau) for pair in zip(fast, joined, strict=False))
        self.latents = {
            "static": _latent(clip, slow[-1], clip.input_frames // tau, shrink),
            "dynamic": _latent(clip, fast[-1], clip.input_frames, shrink),
        }

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> static and dynamic latents."""
        static, dynamic = self.static[0](clips[:, :, :: self.tau]), self.dynamic[0](clips)
        for join, wide, thin in zip(self.laterals, self.static[1:], self.dynamic[1:], strict=True):
            static, dynamic = wide(torch.cat([static, join(dynamic)], dim=1)), thin(dynamic)
        return {"static": static, "dynamic": dynamic}


class SlowOnly(Encoder, nn.Module):
    """The slow pathway of SlowFast-18 or -50 alone, without laterals: the one-path form of Table 2.

    Latent: `static` (8 width, T / tau, H / shrink, W / shrink); four times the channels at
    depth 50. That the one path is the slow one is inferred: ITAE's one path is the static one.

    Args:
        clip: geometry of a clip.
        depth: 18 for basic blocks, 50 for bottlenecks.
        tau: the pathway sees every tau-th frame; inferred to be ITAE's.
        width: channels of the stem, doubled from stage to stage; 64 as in SlowFast.
        shrink: pixels of the frame to one of the latent; inferred, as for `slowfast`.

    Raises:
        ShapeError: H or W is not a multiple of shrink, T not one of tau.
    """

    def __init__(
        self,
        clip: ClipSpec,
        *,
        depth: Literal[18, 50],
        tau: int = 4,
        width: int = 64,
        shrink: Literal[4, 8, 16, 32] = 8,
    ) -> None:
        super().__init__()
        _check(clip, tau, shrink)
        if width < 1:
            raise ShapeError(f"width {width} leaves the stem no channels", fix="set width: 1 or more")
        self.tau = tau
        self.static = nn.Sequential(*pathway(clip.channels, depth=depth, width=width, times=SLOW_TIMES, shrink=shrink))
        self.latents = {"static": _latent(clip, widths(depth, width)[-1], clip.input_frames // tau, shrink)}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> the static latent."""
        return {"static": self.static(clips[:, :, :: self.tau])}


def _latent(clip: ClipSpec, channels: int, frames: int, shrink: int) -> LatentSpec:
    return LatentSpec(channels, frames, clip.height // shrink, clip.width // shrink)


def _check(clip: ClipSpec, tau: int, shrink: int) -> None:
    for name, size in (("height", clip.height), ("width", clip.width)):
        if size % shrink:
            raise ShapeError(
                f"the frames' {name} {size} is not a multiple of {shrink}, by which the encoder divides it",
                fix=_ways_out(clip, size, shrink),
            )
    if tau < 1 or clip.input_frames % tau:
        raise ShapeError(
            f"{clip.input_frames} input frames are not a multiple of tau {tau}",
            fix="choose tau so that it divides them",
        )


def _ways_out(clip: ClipSpec, size: int, shrink: int) -> str:
    below, above = size // shrink * shrink, (size // shrink + 1) * shrink
    sizes = f"{below} or {above}" if below else str(above)
    fitting = [other for other in SHRINKS if other < shrink and clip.height % other == clip.width % other == 0]
    other = f", or set shrink: {fitting[-1]}" if fitting else ""
    return f"choose {sizes} in data.clip.size{other}"
