"""The adversarial loss of future frame prediction, with its patch discriminator.

Source: Liu et al., CVPR 2018, and its code: least squares on the sigmoid of patch logits (Mao et al. 2017), and
a discriminator after pix2pix (Isola et al. 2017) without normalization. Each step trains the discriminator
first. The paper's code draws a new batch for the generator; here both use the same batch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vadkit.api import ClipOutputs, ClipSpec, Loss, ShapeError
from vadkit_baselines.planes import positive


class Adversarial(Loss, nn.Module):
    """Least-squares adversarial loss: mean of (D(output) - 1)^2 / 2 with a patch discriminator D.

    The loss of the discriminator (the critic) is mean of (D(target) - 1)^2 / 2 plus mean of D(output)^2 / 2. Set
    its learning rate in `model.critic`; the paper uses a tenth of the generator's.

    Args:
        clip: geometry of a clip.
        channels: channels of the discriminator's 4x4 convolutions. All except the last have stride 2. A convolution
            to one channel follows.

    Example:
        >>> loss = Adversarial(ClipSpec(5, 32, 32, target=(4, 5)), channels=(4, 8))
        >>> [layer.stride for layer in loss.discriminator if isinstance(layer, nn.Conv2d)]
        [(2, 2), (1, 1), (1, 1)]
    """

    def __init__(self, clip: ClipSpec, *, channels: Sequence[int] = (128, 256, 512, 512)) -> None:
        super().__init__()
        positive(channels, "channels")
        side = min(clip.height, clip.width)
        for _ in channels[:-1]:
            side = side // 2 + 1
        if side < 3:  # reflection padding by 2 needs at least 3 pixels
            what = f"frames of {clip.height}x{clip.width} are too small for {len(channels)} layers of the discriminator"
            raise ShapeError(what, fix="shorten the list 'channels', or use larger frames (data.clip.size)")
        layers: list[nn.Module] = []
        given = clip.channels
        for number, width in enumerate(channels, 1):
            stride = 1 if number == len(channels) else 2
            layers += [nn.ReflectionPad2d(2), nn.Conv2d(given, width, 4, stride=stride), nn.LeakyReLU(0.2)]
            given = width
        self.discriminator = nn.Sequential(*layers, nn.ReflectionPad2d(2), nn.Conv2d(given, 1, 4), nn.Sigmoid())

    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss of the generator, a scalar."""
        return least_squares(self.discriminator(_frames(out.output)), 1.0)

    def critic(self, out: ClipOutputs) -> Tensor:
        """Return the loss of the discriminator, a scalar."""
        true, generated = self.discriminator(_frames(out.target)), self.discriminator(_frames(out.output))
        return least_squares(true, 1.0) + least_squares(generated, 0.0)


def least_squares(patches: Tensor, label: float) -> Tensor:
    """Return the least-squares loss of a discriminator's outputs, a scalar."""
    return (patches - label).square().mean() / 2


def _frames(video: Tensor | None) -> Tensor:
    """(B, C, T, H, W) -> (B * T, C, H, W)."""
    if video is None:
        raise ShapeError("the adversarial loss needs the model's output", where="model.losses")
    return torch.flatten(video.float().transpose(1, 2), 0, 1)
