"""FastAno: predicts a frame from frames of which one patch is rotated or shuffled in time.

Source: Park et al., "FastAno: Fast anomaly detection via spatio-temporal patch transformation", WACV 2022, and the
authors' code (codnjsqkr/FastAno_official): five gray frames of 240x360, the layers, and the changes of the patches. The
code has neither the training nor its losses. It evaluates with instance norm, and has batch norm for larger batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from vadkit.api import Augmentation, ClipSpec, Decoder, Encoder, LatentSpec, ShapeError, TrainingClip
from vadkit_baselines.widths import needed, refuse_empty

SLOPE = 0.2  # of the leaky ReLU
STEPS = (3, 2, 1)  # time steps of the three levels, for 5 or 6 input frames


class PatchTransform(Augmentation):
    """Rotates or shuffles one patch of the input frames of a clip. The target frames do not change.

    A changed clip has one square at a random place. Either each frame's patch is rotated by a random multiple of 90
    degrees (spatial rotation), or the patches of the frames change their order at random (temporal mixing). Both are
    equally likely.

    Args:
        clip: geometry of a clip.
        side: height and width of the patch, in pixels of the clip.
        margin: rows at the upper and at the lower edge that a patch does not touch.
        probability: probability that a clip is changed.

    Raises:
        ShapeError: the patch does not fit into the frame, or the probability is not from 0 to 1.

    Example:
        >>> frames = np.arange(8, dtype=np.uint8).reshape(2, 2, 2, 1)
        >>> clip = TrainingClip(frames, lambda start, stop, step: frames[start:stop:step], start=0, length=2)
        >>> change = PatchTransform(ClipSpec(2, 2, 2, "gray", input=(0, 1), target=(1, 2)), side=2, margin=0)
        >>> change(clip, np.random.default_rng(7)).frames.reshape(2, 4).tolist()
        [[3, 2, 1, 0], [4, 5, 6, 7]]
    """

    normal = False

    def __init__(self, clip: ClipSpec, *, side: int = 90, margin: int = 30, probability: float = 1.0) -> None:
        if side < 1 or margin < 0 or side + 2 * margin > clip.height or side > clip.width:
            what = f"a patch of {side} pixels with a margin of {margin} does not fit into {clip.height}x{clip.width}"
            raise ShapeError(what, fix="set a smaller 'side' or 'margin'")
        if not 0 <= probability <= 1:
            raise ShapeError(f"probability must be from 0 to 1, but it is {probability}")
        self.clip, self.side, self.margin, self.probability = clip, side, margin, probability

    def __call__(self, clip: TrainingClip, random: np.random.Generator) -> TrainingClip:
        """Return the clip, changed or unchanged."""
        if random.random() >= self.probability:
            return clip
        top = int(random.integers(self.margin, self.clip.height - self.side - self.margin + 1))
        left = int(random.integers(0, self.clip.width - self.side + 1))
        inputs = slice(*self.clip.input)
        square = inputs, slice(top, top + self.side), slice(left, left + self.side)
        patches = clip.frames[square]  # (T, side, side, C)
        if random.random() < 0.5:
            changed = random.permutation(patches)
        else:
            turns = random.integers(0, 4, size=len(patches))
            changed = np.stack([np.rot90(patch, turn) for patch, turn in zip(patches, turns, strict=True)])
        frames = clip.frames.copy()
        frames[square] = changed
        return replace(clip, frames=frames)


def _norm(channels: int, norm: Literal["batch", "instance"]) -> nn.Module:
    return nn.BatchNorm3d(channels) if norm == "batch" else nn.InstanceNorm3d(channels)


class FastAnoEncoder(Encoder, nn.Module):
    """Three strided 3-D convolutions. Latents: `skip1` and `skip2`, from the largest map on, and `code`.

    Args:
        clip: geometry of a clip, with 5 or 6 input frames.
        channels: channels of the three levels. Each level halves height and width.
        norm: norm after the second and the third convolution.

    Raises:
        ShapeError: a clip has other input frames, or its height or width is not a multiple of 8.

    Example:
        >>> encoder = FastAnoEncoder(ClipSpec(6, 16, 24, "gray", input=(0, 5)), channels=(4, 4, 8))
        >>> {name: spec.shape for name, spec in encoder.latents.items()}
        {'skip1': (4, 3, 8, 12), 'skip2': (4, 2, 4, 6), 'code': (8, 1, 2, 3)}
    """

    def __init__(
        self,
        clip: ClipSpec,
        *,
        channels: tuple[int, int, int] = (64, 128, 256),
        norm: Literal["batch", "instance"] = "instance",
    ) -> None:
        super().__init__()
        refuse_empty(channels=channels)
        if clip.input_frames not in (5, 6):
            raise ShapeError(f"needs 5 or 6 input frames, but data.clip has {clip.input_frames}")
        if clip.height % 8 or clip.width % 8:
            what = f"frames of {clip.height}x{clip.width} cannot be halved 3 times"
            raise ShapeError(what, fix="choose multiples of 8 in data.clip.size")
        self.levels = nn.ModuleList([nn.Conv3d(clip.channels, channels[0], 3, 2, 1)])
        for given, width in pairwise(channels):
            convolution = nn.Conv3d(given, width, 3, 2, 1)
            self.levels.append(nn.Sequential(nn.LeakyReLU(SLOPE), convolution, _norm(width, norm)))
        self.latents = {
            name: LatentSpec(width, steps, clip.height >> level, clip.width >> level)
            for level, (name, width, steps) in enumerate(
                zip(("skip1", "skip2", "code"), channels, STEPS, strict=True), 1
            )
        }

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> maps (B, C', T', H', W')."""
        maps: list[Tensor] = []
        for level in self.levels:
            maps.append(level(maps[-1] if maps else clips))
        return dict(zip(self.latents, maps, strict=True))


class FastAnoDecoder(Decoder, nn.Module):
    """Three transposed 3-D convolutions with skip connections, to one frame, through tanh.

    Args:
        latents: name -> shape of each latent of the encoder `fastano`.
        clip: geometry of a clip, with one target frame.
        norm: norm after the first and the second layer.

    Raises:
        ShapeError: the latents are not those of the encoder, or the target is not one frame.

    Example:
        >>> clip = ClipSpec(6, 16, 24, "gray", input=(0, 5), target=(5, 6))
        >>> encoder = FastAnoEncoder(clip, channels=(4, 4, 8))
        >>> FastAnoDecoder(encoder.latents, clip)(encoder(torch.zeros(2, 1, 5, 16, 24))).shape
        torch.Size([2, 1, 1, 16, 24])
    """

    def __init__(
        self,
        latents: Mapping[str, LatentSpec],
        clip: ClipSpec,
        *,
        norm: Literal["batch", "instance"] = "instance",
    ) -> None:
        super().__init__()
        found = [needed(latents, name, "use encoder: fastano") for name in ("skip1", "skip2", "code")]
        if tuple(latent.frames for latent in found) != STEPS or clip.target_frames != 1:
            fix = "use encoder: fastano, and one target frame: data.clip: {frames: 6, input: '0:5', target: '5:6'}"
            raise ShapeError("decodes maps of 3, 2 and 1 time steps to one target frame", fix=fix)
        first, second, code = (latent.channels for latent in found)
        self.third = nn.Sequential(nn.ReLU(), nn.ConvTranspose3d(code, second, 2, 2), _norm(second, norm))
        self.second = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose3d(2 * second, first, (3, 4, 4), 2, 1), _norm(first, norm)
        )
        last = nn.ConvTranspose3d(2 * first, clip.channels, (1, 2, 2), (1, 2, 2), (1, 0, 0))
        self.first = nn.Sequential(nn.ReLU(), last, nn.Tanh())

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """Maps (B, C', T', H', W') -> (B, C, 1, H, W)."""
        maps = self.second(torch.cat([latents["skip2"], self.third(latents["code"])], dim=1))
        return self.first(torch.cat([latents["skip1"], maps], dim=1))
