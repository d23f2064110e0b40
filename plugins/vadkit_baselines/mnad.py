"""Memory-guided normality: the autoencoder whose queries read a small memory.

Source: Park, Noh and Ham, "Learning memory-guided normality for anomaly detection", CVPR 2020, and its code
(cvlab-yonsei/MNAD). Frames are 256x256 in colour; prediction sees four and gives the fifth, over skip
connections (15.65 M parameters); reconstruction sees one and has none. The code adds batch norm everywhere but
behind the queries, and transposed convolutions of 3x3; the paper's figure leaves both open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from vadkit.api import ClipSpec, Decoder, Encoder, LatentSpec
from vadkit_baselines.planes import (
    Contracting,
    DoubleConvolution,
    Expanding,
    positive,
    pyramid,
    skip_channels,
    skip_maps,
    stacked,
    unstacked,
    wanted,
)


class MNADEncoder(Encoder, nn.Module):
    """Input frames, stacked as channels, to queries: the map `query`, and `skip1`, `skip2`, ... beside it.

    Args:
        clip: geometry of a clip.
        channels: width of each level; the last is the queries' dimension.
        skips: whether the decoder gets the maps above too, as for prediction; not for reconstruction.
    """

    def __init__(self, clip: ClipSpec, *, channels: Sequence[int] = (64, 128, 256, 512), skips: bool = True) -> None:
        super().__init__()
        *above, query = pyramid(clip, channels)
        beside = {f"skip{number}": skip for number, skip in enumerate(above, 1)} if skips else {}
        self.latents = beside | {"query": query}
        self.net = Contracting(clip.channels * clip.input_frames, channels, norm=True, bare=True)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> maps (B, C', 1, H', W')."""
        maps = self.net(stacked(clips))[-len(self.latents) :]
        return {name: level.unsqueeze(2) for name, level in zip(self.latents, maps, strict=True)}


class MNADDecoder(Decoder, nn.Module):
    """Queries with what was read for them to the target frames, through tanh.

    Args:
        latents: of the encoder `mnad`, through `mnad_memory` or straight.
        clip: geometry of a clip.
        channels: widths from the queries' size up to the frame's.
    """

    def __init__(
        self, latents: Mapping[str, LatentSpec], clip: ClipSpec, *, channels: Sequence[int] = (512, 256, 128, 64)
    ) -> None:
        super().__init__()
        positive(channels, "channels")
        bottom, *widths = channels
        self.depth, self.color = len(widths), clip.channels
        query = wanted(latents, "query", clip, self.depth)
        skips = skip_channels(latents, self.depth)
        last = clip.channels * clip.target_frames
        self.bottom = DoubleConvolution(query.channels, bottom, norm=True)
        self.net = Expanding(bottom, widths, skips, last, kernel=3, norm=True)

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """Maps (B, C', 1, H', W') -> (B, C, T_out, H, W)."""
        frames = self.net(self.bottom(latents["query"][:, :, 0]), skip_maps(latents, self.depth))
        return unstacked(frames, self.color)
