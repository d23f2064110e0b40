"""The generator of future frame prediction: a U-Net from four frames to the fifth.

Source: Liu, Luo, Lian and Gao, "Future frame prediction for anomaly detection - a new baseline", CVPR 2018,
and its code (StevenLiuWen/ano_pred_cvpr2018). Frames are 256x256 with three channels; the intensity, gradient,
adversarial and optical-flow losses have the weights 1, 1, 0.05 and 2. The code fixes what the paper leaves open: four
levels of 64 to 512 channels, no normalization, 2x2 transposed convolutions with ReLU, tanh at the end, and
a learning rate that drops to a tenth after some steps.
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
    """The contracting half of a U-Net; the input frames are stacked as channels.

    Latents: `deepest`, and `skip1`, `skip2`, ... from the full size on.

    Args:
        clip: geometry of a clip.
        channels: channels of each level.
        norm: batch norm after each convolution; the paper has none.

    Example:
        >>> import torch
        >>> encoder = UNetEncoder(ClipSpec(5, 16, 16, input=(0, 4), target=(4, 5)), channels=(4, 8))
        >>> latents = encoder(torch.zeros(1, 3, 4, 16, 16))
        >>> {name: tuple(latent.shape) for name, latent in latents.items()}
        {'skip1': (1, 4, 1, 16, 16), 'deepest': (1, 8, 1, 8, 8)}
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
    """The expanding half of a U-Net; the output channels are the target frames, through tanh.

    Args:
        latents: name -> shape of each latent of the encoder `unet`.
        clip: geometry of a clip.
        channels: channels of each level, from the deepest up.
        norm: batch norm after each convolution; the paper has none.

    Example:
        >>> import torch
        >>> clip = ClipSpec(5, 16, 16, input=(0, 4), target=(4, 5))
        >>> encoder = UNetEncoder(clip, channels=(4, 8, 8))
        >>> decoder = UNetDecoder(encoder.latents, clip, channels=(8, 4))
        >>> decoder(encoder(torch.zeros(1, 3, 4, 16, 16))).shape
        torch.Size([1, 3, 1, 16, 16])
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
