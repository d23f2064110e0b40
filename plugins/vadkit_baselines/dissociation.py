"""DissociateAE: an autoencoder of the last frame, and one of the differences of the other frames from it.

Source: Chang et al., "Clustering driven deep autoencoder for video anomaly detection", ECCV 2020, its extension in
Pattern Recognition 2022, and the code of the latter (ChangYunPeng/VideoAnomalyDetection). It has three levels of
residual blocks without biases, attention by variance, and 32 clusters. Its codes have 256 channels, which are
normalized at each place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import Bottleneck, BottleneckOutput, ClipSpec, Decoder, Encoder, LatentSpec, ShapeError
from vadkit_baselines.widths import needed, refuse_empty


def _conv(given: int, width: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(given, width, 3, stride=stride, padding=1, bias=False)


class Residual(nn.Module):
    """A residual block that halves height and width, or doubles them by a pixel shuffle."""

    def __init__(self, given: int, width: int, *, up: bool) -> None:
        super().__init__()

        def changed() -> nn.Module:
            return nn.Sequential(nn.PixelShuffle(2), _conv(given // 4, width)) if up else _conv(given, width, 2)

        self.first, self.second, self.shortcut, self.active = changed(), _conv(width, width), changed(), nn.LeakyReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H / 2, W / 2), or (N, C', 2 H, 2 W)."""
        return self.active(self.second(self.active(self.first(maps))) + self.shortcut(maps))


class VarianceAttention(nn.Module):
    """Multiplies each place by exp(a), where a is the softmax over places of the variance of its channels."""

    def __init__(self, channels: int, pool: int) -> None:
        super().__init__()
        self.project, self.pool = nn.Conv2d(channels, channels, 1, bias=False), pool

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        coarse = functional.avg_pool2d(self.project(maps), self.pool)
        variance = (coarse - coarse.mean(1, keepdim=True)).square().sum(1, keepdim=True)
        weight = variance.flatten(2).softmax(2).view_as(variance)
        return maps * functional.interpolate(weight, scale_factor=float(self.pool)).exp()


class DissociateEncoder(Encoder, nn.Module):
    """Last frame and earlier frames to one code each.

    Latents: `static` and `motion`, with an L1 norm of 1 at each place, and `skip1`, `skip2`, ... of the motion, from
    the largest map on.

    Args:
        clip: geometry of a clip. Its input has at least two frames.
        channels: channels of the first layer and of each level. Each level halves height and width.

    Raises:
        ShapeError: the clip has one input frame, or its size is not a multiple of what the levels divide it by.

    Example:
        >>> encoder = DissociateEncoder(ClipSpec(5, 16, 32, "gray"), channels=[4, 4, 8])
        >>> {name: spec.shape for name, spec in encoder.latents.items()}
        {'static': (8, 1, 4, 8), 'motion': (8, 1, 4, 8), 'skip1': (4, 1, 8, 16)}
    """

    def __init__(self, clip: ClipSpec, *, channels: Sequence[int] = (32, 64, 128, 256)) -> None:
        super().__init__()
        refuse_empty(channels=channels)
        levels = len(channels) - 1
        if levels < 1 or clip.input_frames < 2:
            raise ShapeError("needs at least one level and two input frames", fix="change 'channels' or data.clip")
        parts = 2 ** (levels + 1)  # the attention pools the deepest map once more
        if clip.height % parts or clip.width % parts:
            raise ShapeError(f"height and width of a clip must be multiples of {parts}", fix="change data.clip.size")
        self.static = nn.Sequential(_conv(clip.channels, channels[0]), nn.ReLU())
        for given, width in pairwise(channels):
            self.static.extend([nn.BatchNorm2d(given), Residual(given, width, up=False)])
        self.static.extend([_conv(channels[-1], channels[-1]), nn.ReLU()])
        self.start = nn.Sequential(_conv(clip.channels * (clip.input_frames - 1), channels[0]), nn.ReLU())
        self.motion = nn.ModuleList(
            nn.Sequential(Residual(given, width, up=False), VarianceAttention(width, 2 ** (levels - number)))
            for number, (given, width) in enumerate(pairwise(channels))
        )
        self.last = _conv(channels[-1], channels[-1])
        shapes = [
            LatentSpec(width, 1, clip.height >> level, clip.width >> level)
            for level, width in enumerate(channels[1:], 1)
        ]
        skips = {f"skip{level}": shape for level, shape in enumerate(shapes[:-1], 1)}
        self.latents = {"static": shapes[-1], "motion": shapes[-1]} | skips

    def forward(self, clips: Tensor) -> dict[str, Tensor]:
        """(B, C, T, H, W) -> maps (B, C', 1, H', W')."""
        maps = [self.start(clips[:, :, :-1].transpose(1, 2).flatten(1, 2))]
        for level in self.motion:
            maps.append(level(maps[-1]))
        codes = {"static": self.static(clips[:, :, -1]), "motion": self.last(maps[-1])}
        found = {name: functional.normalize(code.float(), p=1, dim=1) for name, code in codes.items()}
        found |= {f"skip{number}": level for number, level in enumerate(maps[1:-1], 1)}
        return {name: level.unsqueeze(2) for name, level in found.items()}


class DissociateDecoder(Decoder, nn.Module):
    """Codes to the last frame, and to each earlier frame as the last one plus a difference.

    Args:
        latents: name -> shape of each latent of the encoder `dissociate`.
        clip: geometry of a clip. Its target is its input.

    Raises:
        ShapeError: the latents are not those of the encoder, or the target is not the input.

    Example:
        >>> clip = ClipSpec(5, 16, 32, "gray")
        >>> encoder = DissociateEncoder(clip, channels=[4, 4, 8])
        >>> DissociateDecoder(encoder.latents, clip)(encoder(torch.zeros(2, 1, 5, 16, 32))).shape
        torch.Size([2, 1, 5, 16, 32])
    """

    def __init__(self, latents: Mapping[str, LatentSpec], clip: ClipSpec) -> None:
        super().__init__()
        if clip.target != clip.input:
            raise ShapeError("reconstructs its input", fix="remove data.clip.target, or make it equal to 'input'")
        deepest = needed(latents, "static", "use the encoder dissociate").channels
        names = sorted((name for name in latents if name.startswith("skip")), reverse=True)  # from the deepest up
        skips = [latents[name].channels for name in names]
        if deepest % 4 or any(width % 4 for width in skips):
            raise ShapeError("the channels of each level of the encoder must be multiples of 4")
        self.skips, self.color, last = names, clip.channels, (deepest, *skips)[-1]
        widths = (deepest, deepest, *skips)
        self.static = nn.Sequential(*(Residual(given, width, up=True) for given, width in pairwise(widths)))
        self.static.append(_conv(widths[-1], clip.channels))
        given = [deepest, *(2 * width for width in skips)]
        self.motion = nn.ModuleList(
            Residual(before, width, up=True) for before, width in zip(given, (*skips, last), strict=True)
        )
        self.last = _conv(last, clip.channels * (clip.input_frames - 1))

    def forward(self, latents: Mapping[str, Tensor]) -> Tensor:
        """Maps (B, C', 1, H', W') -> (B, C, T, H, W)."""
        planes = {name: latent[:, :, 0] for name, latent in latents.items()}
        frame = self.static(planes["static"]).unsqueeze(2)
        found = self.motion[0](planes["motion"])
        for level, skip in zip(self.motion[1:], self.skips, strict=True):
            found = level(torch.cat([found, planes[skip]], dim=1))
        differences = self.last(found).unflatten(1, (-1, self.color)).transpose(1, 2)
        return torch.cat([frame + differences, frame], dim=2)


class Clusters(Bottleneck, nn.Module):
    """Soft k-means of the codes of both autoencoders; the latents pass unchanged.

    Each place has a vector: its codes, one after another, with a length of 1. Loss: `clusters`, the distances from the
    centres, weighted by their soft assignment, mean over centres and places. Score: `distance`, the same for each clip.

    Args:
        latents: name -> shape of each latent; needs `static` and `motion`.
        count: number of clusters.
        sharpness: factor of the negative distances in the softmax of the assignment.
        weight: weight of the loss.

    Example:
        >>> shape = LatentSpec(4, 1, 2, 3)
        >>> clusters = Clusters({"static": shape, "motion": shape}, count=3)
        >>> clusters({name: torch.rand(5, 4, 1, 2, 3) for name in ("static", "motion")}).scores["distance"].shape
        torch.Size([5, 1])
    """

    def __init__(
        self, latents: Mapping[str, LatentSpec], *, count: int = 32, sharpness: float = 25.0, weight: float = 0.1
    ) -> None:
        super().__init__()
        if count < 1:
            raise ShapeError(f"count must be at least 1, but it is {count}")
        size = sum(needed(latents, name, "use the encoder dissociate").channels for name in ("static", "motion"))
        self.sharpness, self.weight = sharpness, weight
        self.centres = nn.Parameter(functional.normalize(torch.rand(count, size), dim=1))

    def forward(self, latents: Mapping[str, Tensor]) -> BottleneckOutput:
        """`static` and `motion` (B, C', 1, H', W') -> all latents, with loss and score."""
        with torch.autocast(latents["static"].device.type, enabled=False):
            codes = torch.cat([latents["static"], latents["motion"]], dim=1).to(self.centres.dtype)
            vectors = functional.normalize(codes, dim=1).flatten(2).transpose(1, 2)  # (B, H' * W', 2 C')
            distances = torch.cdist(vectors, self.centres.expand(len(vectors), -1, -1))
            each = (distances * (-self.sharpness * distances).softmax(2)).mean((1, 2))  # (B,)
        losses = {"clusters": self.weight * each.mean()} if self.training else {}
        return BottleneckOutput(dict(latents), losses, {"distance": each.detach().unsqueeze(1)})
