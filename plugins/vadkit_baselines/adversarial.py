"""The adversarial loss of future frame prediction, with the patch discriminator that it is trained against.

Source: Liu et al., CVPR 2018, and its code: least squares on the sigmoid of patch logits (Mao et al. 2017),
a discriminator after pix2pix (Isola et al. 2017) without normalisation. In each step the discriminator is
trained first. The paper's code draws a new batch for the generator; here both see the same one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vadkit.api import ClipOutputs, ClipSpec, Loss, ShapeError
from vadkit_baselines.planes import positive


class Adversarial(Loss, nn.Module):
    """How far the output is from what the discriminator takes for real: mean of (D(output) - 1)^2 / 2.

    Its critic's loss is mean of (D(target) - 1)^2 / 2 plus mean of D(output)^2 / 2. Set the
    discriminator's learning rate in `model.critic`: the paper has a tenth of the generator's.

    Args:
        clip: geometry of a clip.
        channels: widths of the discriminator's 4x4 convolutions; all but the last have stride 2, and
            one to a single channel follows.
    """

    def __init__(self, clip: ClipSpec, *, channels: Sequence[int] = (128, 256, 512, 512)) -> None:
        super().__init__()
        positive(channels, "channels")
        side = min(clip.height, clip.width)
        for _ in channels[:-1]:
            side = side // 2 + 1
        if side < 3:  # reflection pads two pixels more than there are
            raise ShapeError(
                f"frames of {clip.height}x{clip.width} are too small for {len(channels)} layers of the discriminator",
                fix="give it fewer 'channels', or set larger frames in data.clip.size",
            )
        layers: list[nn.Module] = []
        given = clip.channels
        for number, width in enumerate(channels, 1):
            stride = 1 if number == len(channels) else 2
            layers += [nn.ReflectionPad2d(2), nn.Conv2d(given, width, 4, stride=stride), nn.LeakyReLU(0.2)]
            given = width
        self.discriminator = nn.Sequential(*layers, nn.ReflectionPad2d(2), nn.Conv2d(given, 1, 4), nn.Sigmoid())

    def forward(self, out: ClipOutputs) -> Tensor:
        """-> ()."""
        return self._far(_frames(out.output), 1.0)

    def critic(self, out: ClipOutputs) -> Tensor:
        """-> ()."""
        return self._far(_frames(out.target), 1.0) + self._far(_frames(out.output), 0.0)

    def _far(self, frames: Tensor, label: float) -> Tensor:
        return (self.discriminator(frames) - label).square().mean() / 2


def _frames(video: Tensor | None) -> Tensor:
    """(B, C, T, H, W) -> (B * T, C, H, W)."""
    if video is None:
        raise ShapeError("an adversarial loss needs the model's output", where="model.losses")
    return torch.flatten(video.float().transpose(1, 2), 0, 1)
