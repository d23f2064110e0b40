"""STCEN: predicts a frame with a 3-D encoder and a 2-D decoder. A 3-D discriminator sees the clip with that frame.

Source: Hao, Li, Wang, Wang and Gao, "Spatiotemporal consistency-enhanced network for video anomaly detection", Pattern
Recognition 121, 2022: its highlights and its abstract. They name a U shape of a 3-D convolutional encoder and a 2-D
convolutional decoder, and a latent vector that is resampled in training. A 3-D convolutional discriminator sees the
input clip with the predicted frame.

No layers and no sizes are public. Inferred: all layers and widths, and how skip connections lose their time: by a
convolution over all frames. The decoder is `unet`, and the resampling is `variational`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from vadkit.api import ClipOutputs, ClipSpec, Encoder, Loss, ShapeError
from vadkit_baselines.adversarial import least_squares
from vadkit_baselines.planes import level_shapes, positive
from vadkit_baselines.widths import normed

SLOPE = 0.2  # of the leaky ReLU


class UNet3DEncoder(Encoder, nn.Module):
    """The contracting half of a U-Net in 3-D, for the 2-D decoder `unet`.

    Each level has a 3x3x3 convolution, batch norm and leaky ReLU. Then a convolution over all frames gives the 2-D map
    of the level. Latents: `deepest`, and `skip1`, `skip2`, ... from the full size on, with one time step each.

    Args:
        clip: geometry of a clip.
        channels: channels of each level. Each level after the first halves height and width; none halves time.

    Raises:
        ShapeError: a frame cannot be halved so often.

    Example:
        >>> encoder = UNet3DEncoder(ClipSpec(5, 16, 24, input=(0, 4), target=(4, 5)), channels=(4, 8))
        >>> latents = encoder(torch.zeros(1, 3, 4, 16, 24))
        >>> {name: tuple(latent.shape) for name, latent in latents.items()}
        {'skip1': (1, 4, 1, 16, 24), 'deepest': (1, 8, 1, 8, 12)}
    """

    def __init__(self, clip: ClipSpec, *, channels: Sequence[int] = (32, 64, 128, 256, 256)) -> None:
        super().__init__()
        self.latents = level_shapes(clip, channels, "deepest")
        self.levels = nn.ModuleList(
            nn.Sequential(*normed(nn.Conv3d(*widths, 3, (1, 2, 2) if level else 1, padding=1), SLOPE))
            for level, widths in enumerate(pairwise((clip.channels, *channels)))
        )
        self.flatten = nn.ModuleList(nn.Conv3d(width, width, (clip.input_frames, 1, 1)) for width in channels)

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> maps (B, C', 1, H', W')."""
        maps, found = clips, {}
        for name, level, flatten in zip(self.latents, self.levels, self.flatten, strict=True):
            maps = level(maps)
            found[name] = flatten(maps)
        return found


class ClipAdversarial(Loss, nn.Module):
    """Least-squares adversarial loss of clips: a 3-D discriminator sees the input frames and then the target frames.

    With D of the input and the predicted frames, the loss is the mean of (D - 1)^2 / 2. The loss of the discriminator
    (the critic) is the same for the true frames, plus the mean of D^2 / 2 for the predicted ones. Set its learning rate
    in `model.critic`.

    Args:
        clip: geometry of a clip. Its target comes after its input.
        channels: channels of the discriminator's 3x4x4 convolutions. All except the last halve height and width; none
            halves time. A convolution to one channel follows.

    Raises:
        ShapeError: the target starts before the input ends, or the frames are too small for the discriminator.

    Example:
        >>> loss = ClipAdversarial(ClipSpec(5, 32, 32, input=(0, 4), target=(4, 5)), channels=(4, 8))
        >>> loss.discriminator(torch.zeros(1, 3, 5, 32, 32)).shape
        torch.Size([1, 1, 5, 14, 14])
    """

    def __init__(self, clip: ClipSpec, *, channels: Sequence[int] = (64, 128, 256, 512)) -> None:
        super().__init__()
        positive(channels, "channels")
        if clip.target[0] < clip.input[1]:
            fix = 'predict a frame, such as frames: 5, input: "0:4", target: "4:5"'
            raise ShapeError("needs target frames after the input frames", where="data.clip", fix=fix)
        if min(clip.height, clip.width) >> (len(channels) - 1) < 3:
            what = f"frames of {clip.height}x{clip.width} are too small for {len(channels)} layers of the discriminator"
            raise ShapeError(what, fix="shorten the list 'channels', or use larger frames (data.clip.size)")
        self.input = slice(*clip.input)
        layers: list[nn.Module] = []
        for number, widths in enumerate(pairwise((clip.channels, *channels)), 1):
            stride = 1 if number == len(channels) else 2
            layers += [nn.Conv3d(*widths, (3, 4, 4), (1, stride, stride), padding=1), nn.LeakyReLU(SLOPE)]
        last = nn.Conv3d(channels[-1], 1, (3, 4, 4), padding=1)
        self.discriminator = nn.Sequential(*layers, last, nn.Sigmoid())

    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss of the generator, a scalar."""
        return least_squares(self._seen(out, out.output), 1.0)

    def critic(self, out: ClipOutputs) -> Tensor:
        """Return the loss of the discriminator, a scalar."""
        return least_squares(self._seen(out, out.target), 1.0) + least_squares(self._seen(out, out.output), 0.0)

    def _seen(self, out: ClipOutputs, frames: Tensor | None) -> Tensor:
        """What the discriminator gives for the input frames and these."""
        if frames is None:
            raise ShapeError("the loss clip_adversarial needs the model's output", where="model.losses")
        return self.discriminator(torch.cat([out.clips[:, :, self.input].float(), frames.float()], dim=2))
