"""The encoders: both pathways of SlowFast, or the slow one alone."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Encoder, LatentSpec, ShapeError
from vadkit_slowfast.blocks import LATERAL, lateral
from vadkit_slowfast.pathway import FAST_TIMES, SLOW_TIMES, pathway, widths

SHRINKS = (4, 8, 16, 32)


class SlowFast(Encoder, nn.Module):
    """SlowFast-18 or -50 without its classifier: few frames with many channels, all frames with few channels.

    The slow pathway sees every tau-th frame, the fast pathway sees all T. After the stem and each stage except
    the last, a (5, 1, 1) convolution brings the fast features to the slow rate with twice their channels, and
    they are concatenated to the slow features. The latents have the same names as ITAE's: `static`
    (8 width, T / tau, H / shrink, W / shrink) and `dynamic` (8 width / beta, T, H / shrink, W / shrink), with
    four times the channels at depth 50. There are no pretrained weights.
    Source: Table 1 of SlowFast, Table 2 of the paper. Values that were inferred say so.

    Args:
        clip: geometry of a clip.
        depth: 18 for basic blocks, 50 for bottleneck blocks.
        tau: the slow pathway sees every tau-th frame. Inferred: the value of ITAE.
        beta: channels of the slow pathway divided by those of the fast pathway, as in SlowFast.
        width: channels of the slow stem; they double from stage to stage. 64 as in SlowFast.
        shrink: frame height (width) divided by latent height (width). Inferred: 8, which res3 reaches; res4 and res5
            then keep their size, without dilation. 8 divides all the sizes in use, and SlowFast-18 then needs as much
            computation as ITAE. SlowFast's own 32 is made for one label per clip: it leaves 8x8 positions to rebuild
            a 256x256 frame from, and does not divide 240x360. 4 gives maps of ITAE's size, which flows need on
            240x360, at four times the cost.

    Raises:
        ShapeError: H or W is not a multiple of shrink, or T is not a multiple of tau.

    Example:
        >>> encoder = SlowFast(ClipSpec(4, 16, 16, "gray"), depth=18, width=8)
        >>> latents = encoder(torch.zeros(2, 1, 4, 16, 16))
        >>> {name: tuple(latent.shape) for name, latent in latents.items()}
        {'static': (2, 64, 1, 2, 2), 'dynamic': (2, 8, 4, 2, 2)}
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
        size = _latent_size(clip, tau, shrink)
        if beta < 1:
            raise ShapeError(f"beta must be at least 1, but it is {beta}", fix="set beta: 1 or more")
        narrow = width // beta
        if narrow < 1:
            raise ShapeError(f"beta must be at most width ({width}), but it is {beta}", fix="lower beta")
        slow, fast = widths(depth, width), widths(depth, narrow)
        joined = [LATERAL * channels for channels in fast[:-1]]
        self.tau = tau
        self.static = pathway(clip.channels, depth=depth, width=width, times=SLOW_TIMES, shrink=shrink, joined=joined)
        self.dynamic = pathway(clip.channels, depth=depth, width=narrow, times=FAST_TIMES, shrink=shrink)
        self.laterals = nn.ModuleList(lateral(*pair, tau) for pair in zip(fast, joined, strict=False))
        self.latents = {
            "static": LatentSpec(slow[-1], clip.input_frames // tau, *size),
            "dynamic": LatentSpec(fast[-1], clip.input_frames, *size),
        }

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> static and dynamic latents."""
        static, dynamic = self.static[0](clips[:, :, :: self.tau]), self.dynamic[0](clips)
        for join, wide, thin in zip(self.laterals, self.static[1:], self.dynamic[1:], strict=True):
            static, dynamic = wide(torch.cat([static, join(dynamic)], dim=1)), thin(dynamic)
        return {"static": static, "dynamic": dynamic}


class SlowOnly(Encoder, nn.Module):
    """The slow pathway of SlowFast-18 or -50 alone, without laterals: the one-path form of Table 2.

    Latent: `static` (8 width, T / tau, H / shrink, W / shrink), with four times the channels at depth 50. The
    paper does not name the pathway; the slow one is inferred, because ITAE's one path is the static one.

    Args:
        clip: geometry of a clip.
        depth: 18 for basic blocks, 50 for bottleneck blocks.
        tau: the pathway sees every tau-th frame. Inferred: the value of ITAE.
        width: channels of the stem; they double from stage to stage. 64 as in SlowFast.
        shrink: frame height (width) divided by latent height (width). Inferred, as for `slowfast`.

    Raises:
        ShapeError: H or W is not a multiple of shrink, or T is not a multiple of tau.

    Example:
        >>> encoder = SlowOnly(ClipSpec(8, 32, 32, "gray"), depth=18, width=8)
        >>> encoder(torch.zeros(2, 1, 8, 32, 32))["static"].shape
        torch.Size([2, 64, 2, 4, 4])
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
        size = _latent_size(clip, tau, shrink)
        if width < 1:
            raise ShapeError(f"width must be at least 1 channel, but it is {width}", fix="set width: 1 or more")
        self.tau = tau
        self.static = nn.Sequential(*pathway(clip.channels, depth=depth, width=width, times=SLOW_TIMES, shrink=shrink))
        self.latents = {"static": LatentSpec(widths(depth, width)[-1], clip.input_frames // tau, *size)}

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> the static latent."""
        return {"static": self.static(clips[:, :, :: self.tau])}


def _latent_size(clip: ClipSpec, tau: int, shrink: int) -> tuple[int, int]:
    for name, size in (("height", clip.height), ("width", clip.width)):
        if size % shrink:
            below, above = size // shrink * shrink, (size // shrink + 1) * shrink
            sizes = f"{below} or {above}" if below else str(above)
            fitting = [other for other in SHRINKS if other < shrink and not (clip.height % other or clip.width % other)]
            raise ShapeError(
                f"the frame {name} {size} is not a multiple of {shrink}, by which the encoder divides it",
                fix=f"choose {sizes} in data.clip.size" + (f", or set shrink: {fitting[-1]}" if fitting else ""),
            )
    if tau < 1 or clip.input_frames % tau:
        raise ShapeError(
            f"{clip.input_frames} input frames are not a multiple of tau {tau}",
            fix=f"choose a tau that divides {clip.input_frames}",
        )
    return clip.height // shrink, clip.width // shrink
