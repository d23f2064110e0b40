"""The generator of future frame prediction: a U-Net from four frames to the fifth.

Source: Liu, Luo, Lian and Gao, "Future frame prediction for anomaly detection - a new baseline", CVPR 2018,
and its code (StevenLiuWen/ano_pred_cvpr2018). Frames are 256x256 with three channels; the intensity, gradient,
adversarial and optical-flow losses have the weights 1, 1, 0.05 and 2. The code fixes what the paper leaves open. It has
four levels of 64 to 512 channels, no normalization, 2x2 transposed convolutions with ReLU, tanh at the end, and a
learning rate that drops to a tenth after some steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vadkit.api import ClipSpec, LatentSpec
from vadkit_baselines.planes import PlanesDecoder, PlanesEncoder, positive


class UNetEncoder(PlanesEncoder):
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
        super().__init__(clip, channels, "deepest", skips=True, norm=norm)


class UNetDecoder(PlanesDecoder):
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
        positive(channels, "channels")
        super().__init__(latents, clip, channels, "deepest", kernel=2, norm=norm)
