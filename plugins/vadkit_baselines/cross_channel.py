"""Abnormal GAN: two conditional GANs, from a frame to its optical flow and from the flow to the frame.

Source: Ravanbakhsh et al., "Abnormal event detection in videos using generative adversarial nets", ICIP 2017.
Generators and discriminators are those of pix2pix (Isola et al., CVPR 2017). Only the last input frame of a clip is
used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipOutputs, ClipSpec, Decoder, Encoder, LatentSpec, Loss, Scorer, ShapeError
from vadkit_baselines.widths import needed, refuse_empty

PARTS = ("frame", "flow")


def _with_flow(clip: ClipSpec) -> None:
    if not clip.flow:
        raise ShapeError("needs clips with optical flow", fix="set data.clip.flow, such as flow: 4")


def _down(given: int, width: int, *, norm: bool, stride: int = 2, bias: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(given, width, 4, stride=stride, padding=1, bias=bias)]
    return nn.Sequential(*layers, *([nn.BatchNorm2d(width)] if norm else []), nn.LeakyReLU(0.2))


class CrossEncoder(Encoder, nn.Module):
    """The contracting halves of both U-Nets: one sees the frame, the other its optical flow.

    Latents: `frame1`, `frame2`, ... and `flow1`, `flow2`, ..., from the largest map down.

    Args:
        clip: geometry of a clip, with `flow`.
        channels: channels of each level. Each level halves height and width.

    Raises:
        ShapeError: the clip has no flow, or its size cannot be halved so often.

    Example:
        >>> encoder = CrossEncoder(ClipSpec(2, 16, 32, "gray", flow=4.0), channels=[4, 8])
        >>> {name: spec.shape for name, spec in encoder.latents.items()}
        {'frame1': (4, 1, 8, 16), 'frame2': (8, 1, 4, 8), 'flow1': (4, 1, 8, 16), 'flow2': (8, 1, 4, 8)}
    """

    def __init__(self, clip: ClipSpec, *, channels: Sequence[int] = (64, 128, 256, 512, 512, 512, 512, 512)) -> None:
        super().__init__()
        _with_flow(clip)
        refuse_empty(channels=channels)
        parts = 2 ** len(channels)
        if clip.height % parts or clip.width % parts:
            what = f"frames of {clip.height}x{clip.width} cannot be halved {len(channels)} times"
            raise ShapeError(what, fix=f"choose multiples of {parts} in data.clip.size, or shorten the list 'channels'")
        self.colors, last = clip.colors, len(channels) - 1
        self.levels = nn.ModuleDict(
            {
                part: nn.ModuleList(
                    _down(given, width, norm=0 < number < last)
                    for number, (given, width) in enumerate(pairwise((first, *channels)))
                )
                for part, first in zip(PARTS, (clip.colors, clip.channels - clip.colors), strict=True)
            }
        )
        self.latents = {
            f"{part}{level}": LatentSpec(width, 1, clip.height >> level, clip.width >> level)
            for part in PARTS
            for level, width in enumerate(channels, 1)
        }

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> maps (B, C', 1, H', W')."""
        found: dict[str, Tensor] = {}
        for part, maps in zip(
            PARTS, clips[:, :, -1].split((self.colors, clips.shape[1] - self.colors), 1), strict=True
        ):
            for level, layer in enumerate(self.levels[part], 1):  # pyright: ignore[reportArgumentType]
                maps = layer(maps)
                found[f"{part}{level}"] = maps.unsqueeze(2)
        return found


class CrossDecoder(Decoder, nn.Module):
    """The expanding halves: the flow from the maps of the frame, and the frame from the maps of the flow.

    Args:
        latents: name -> shape of each latent of the encoder `cross_channel`.
        clip: geometry of a clip. Its target is the last input frame.
        dropout: share of values that are left out in the three deepest levels, in training only.

    Raises:
        ShapeError: the latents are not those of the encoder, or the target is another frame.

    Example:
        >>> clip = ClipSpec(2, 16, 32, "gray", target=(1, 2), flow=4.0)
        >>> encoder = CrossEncoder(clip, channels=[4, 8])
        >>> CrossDecoder(encoder.latents, clip)(encoder(torch.zeros(2, 3, 2, 16, 32))).shape
        torch.Size([2, 3, 1, 16, 32])
    """

    def __init__(self, latents: Mapping[str, LatentSpec], clip: ClipSpec, *, dropout: float = 0.5) -> None:
        super().__init__()
        _with_flow(clip)
        if clip.target != (clip.input[1] - 1, clip.input[1]):
            at = f"{clip.input[1] - 1}:{clip.input[1]}"
            raise ShapeError("gives the last input frame, but the target is another one", fix=f'set target: "{at}"')
        needed(latents, "flow1", "use the encoder cross_channel")
        widths = [spec.channels for name, spec in latents.items() if name.startswith("frame")]
        self.count = len(widths)
        self.levels = nn.ModuleDict()
        for part, last in zip(PARTS, (clip.channels - clip.colors, clip.colors), strict=True):
            levels, given = nn.ModuleList(), widths[-1]
            for depth, width in enumerate([*widths[-2::-1], last]):
                up = nn.ConvTranspose2d(given, width, 4, stride=2, padding=1, bias=depth == self.count - 1)
                end = [nn.BatchNorm2d(width), nn.Dropout(dropout if depth < 3 else 0.0), nn.ReLU()]
                levels.append(nn.Sequential(up, *(end if depth < self.count - 1 else [nn.Tanh()])))
                given = 2 * width
            self.levels[part] = levels

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """Maps (B, C', 1, H', W') -> colours and flow (B, C, 1, H, W)."""
        flow, frame = (self._expand(latents, part) for part in PARTS)
        return torch.cat([frame, flow], dim=1).unsqueeze(2)

    def _expand(self, latents: Mapping[str, Tensor], part: str) -> Tensor:
        found = latents[f"{part}{self.count}"][:, :, 0]
        for depth, layer in enumerate(self.levels[part]):  # pyright: ignore[reportArgumentType]
            skip = [latents[f"{part}{self.count - depth}"][:, :, 0]] if depth else []
            found = layer(torch.cat([found, *skip], dim=1))
        return found


class CrossAdversarial(Loss, nn.Module):
    """Both conditional adversarial losses of pix2pix, and the absolute error.

    A discriminator sees a frame and a flow, of which one is generated. Its loss (the critic) is the cross entropy of
    true and generated pairs. Set its learning rate in `model.critic`.

    Args:
        clip: geometry of a clip, with `flow`.
        channels: channels of a discriminator's 4x4 convolutions. All except the last have stride 2. A convolution to
            one channel follows.
        absolute: weight of the absolute error, mean over pixels.

    Raises:
        ShapeError: the clip has no flow, or its frames are too small for the discriminators.

    Example:
        >>> loss = CrossAdversarial(ClipSpec(2, 32, 32, "gray", target=(1, 2), flow=4.0), channels=[4, 8])
        >>> loss.critics["flow"](torch.zeros(1, 3, 32, 32)).shape
        torch.Size([1, 1, 14, 14])
    """

    def __init__(
        self, clip: ClipSpec, *, channels: Sequence[int] = (64, 128, 256, 512), absolute: float = 100.0
    ) -> None:
        super().__init__()
        _with_flow(clip)
        refuse_empty(channels=channels)
        if min(clip.height, clip.width) >> (len(channels) - 1) < 3:
            what = f"frames of {clip.height}x{clip.width} are too small for {len(channels)} layers of a discriminator"
            raise ShapeError(what, fix="shorten the list 'channels', or use larger frames (data.clip.size)")
        self.colors, self.absolute = clip.colors, absolute
        self.critics = nn.ModuleDict()
        for part in PARTS:
            layers = [
                _down(given, width, norm=number > 0, stride=1 if number == len(channels) - 1 else 2, bias=not number)
                for number, (given, width) in enumerate(pairwise((clip.channels, *channels)))
            ]
            self.critics[part] = nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, 4, padding=1))

    def forward(self, out: ClipOutputs) -> Tensor:
        """Return the loss of both generators, a scalar."""
        true, generated = _pictures(out)
        losses = [_entropy(self.critics[part](pair), 1.0) for part, pair in self._pairs(true, generated)]
        return torch.stack(losses).sum() + self.absolute * (generated - true).abs().mean()

    def critic(self, out: ClipOutputs) -> Tensor:
        """Return the loss of both discriminators, a scalar."""
        true, generated = _pictures(out)
        losses = [
            (_entropy(self.critics[part](true), 1.0) + _entropy(self.critics[part](pair), 0.0)) / 2
            for part, pair in self._pairs(true, generated)
        ]
        return torch.stack(losses).sum()

    def _pairs(self, true: Tensor, generated: Tensor) -> list[tuple[str, Tensor]]:
        """The generated frame with its true flow, and the generated flow with its true frame."""
        split = self.colors
        frame = torch.cat([generated[:, :split], true[:, split:]], dim=1)
        return [("frame", frame), ("flow", torch.cat([true[:, :split], generated[:, split:]], dim=1))]


class CrossError(Scorer):
    """Patch error of the generated frame or of the generated flow: the largest mean absolute error of all patches.

    Args:
        part: "frame" or "flow".
        patch: side of a patch, pixels.
        step: distance between neighbouring patches, pixels.

    Raises:
        ShapeError: a patch is larger than a frame, or the clips have no flow.

    Example:
        >>> spec = ClipSpec(2, 12, 12, "gray", target=(1, 2), flow=4.0)
        >>> clips = torch.zeros(1, 3, 2, 12, 12)
        >>> output = clips[:, :, 1:] + torch.tensor([0.0, 0.5, 0.5]).reshape(1, 3, 1, 1, 1)
        >>> CrossError(part="flow", patch=4)(ClipOutputs(spec, clips, clips[:, :, 1:], output))
        tensor([[   nan, 0.5000]])
    """

    def __init__(self, *, part: Literal["frame", "flow"], patch: int = 16, step: int = 4) -> None:
        if patch < 1 or step < 1:
            raise ShapeError("patch and step must be at least 1 pixel")
        self.part, self.patch, self.step = part, patch, step

    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return scores (B, T)."""
        error = self._errors(out)
        if self.patch > min(error.shape[-2:]):
            raise ShapeError(f"a patch of {self.patch} pixels is larger than the frames {tuple(error.shape[-2:])}")
        return _over_clip(out, functional.avg_pool2d(error, self.patch, self.step).amax((-2, -1)))

    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        """Return the error of each pixel (B, T, H, W)."""
        return _over_clip(out, self._errors(out))

    def _errors(self, out: ClipOutputs) -> Tensor:
        _with_flow(out.spec)
        true, generated = _pictures(out)
        chosen = slice(out.spec.colors) if self.part == "frame" else slice(out.spec.colors, None)
        return (generated[:, chosen] - true[:, chosen]).abs().mean(1)


def _pictures(out: ClipOutputs) -> tuple[Tensor, Tensor]:
    """The last target frame with its flow, and the generated one, (B, C, H, W) each."""
    if out.output is None:
        raise ShapeError("needs the model's output", fix="add 'model:' to the recipe")
    return out.target[:, :, -1].float(), out.output[:, :, -1].float()


def _over_clip(out: ClipOutputs, values: Tensor) -> Tensor:
    """Values of the last target frame (B, ...) -> values of all frames (B, T, ...), NaN for the others."""
    full = values.new_full((len(values), out.spec.frames, *values.shape[1:]), torch.nan)
    full[:, out.spec.target[1] - 1] = values
    return full


def _entropy(logits: Tensor, label: float) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))
