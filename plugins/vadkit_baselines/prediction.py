"""The generator of future frame prediction: a U-Net from four frames to the fifth.

Source: Liu, Luo, Lian and Gao, "Future frame prediction for anomaly detection - a new baseline", CVPR 2018,
and its code (StevenLiuWen/ano_pred_cvpr2018). Frames are 256x256 with three channels; intensity, gradient,
adversarial and optical-flow losses weigh 1, 1, 0.05 and 2. The paper leaves open what the code says: four
levels of 64 to 512 channels, no normalisation, transposed convolutions of 2x2 with ReLU, tanh at the end,
a tenth of the learning rate from some step on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from vadkit.api import ClipSpec, Decoder, Encoder, LatentSpec
from vadkit_baselines.planes import (
    Contracting,
    Expanding,
    positive,
    pyramid,
    skip_channels,
    skip_maps,
    stacked,
    unstacked,
    wanted,
)


class UNetEncoder(Encoder, nn.Module):
    """The contracting half of a U-Net; input frames are stacked as channels.

    The latents are `deepest`, and `skip1`, `skip2`, ... from the full size on.

    Args:
        clip: geometry of a clip.
        channels: width of each level.
        norm: batch norm; the paper has none.
    """

    def __init__(self, clip: ClipSpec, *, channels: Sequence[int] = (64, 128, 256, 512), norm: bool = False) -> None:
        super().__init__()
        *skips, deepest = pyramid(clip, channels)
        self.latents = {f"skip{number}": skip for number, skip in enumerate(skips, 1)} | {"deepest": deepest}
        self.net = Contracting(clip.channels * clip.input_frames, channels, norm=norm)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> maps (B, C', 1, H', W')."""
        return {name: level.unsqueeze(2) for name, level in zip(self.latents, self.net(stacked(clips)), strict=True)}


class UNetDecoder(Decoder, nn.Module):
    """The expanding half of a U-Net; target frames come out as channels, through tanh.

    Args:
        latents: of the encoder `unet`.
        clip: geometry of a clip.
        channels: width of each level, from the deepest up.
        norm: batch norm; the paper has none.
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        clip: ClipSpec,
        *,
        channels: Sequence[int] = (256, 128, 64),
        norm: bool = False,
    ) -> None:
        super().__init__()
        positive(channels, "channels")
        self.depth, self.color = len(channels), clip.channels
        deepest = wanted(latents, "deepest", clip, self.depth)
        skips = skip_channels(latents, self.depth)
        last = clip.channels * clip.target_frames
        self.net = Expanding(deepest.channels, channels, skips, last, kernel=2, norm=norm)

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """Maps (B, C', 1, H', W') -> (B, C, T_out, H, W)."""
        frames = self.net(latents["deepest"][:, :, 0], skip_maps(latents, self.depth))
        return unstacked(frames, self.color)
