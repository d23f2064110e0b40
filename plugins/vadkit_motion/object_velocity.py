"""The motion inside the boxes of objects, as samples of a density."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from vadkit.api import ClipSpec, Feature, FeatureSpec, Grid, LatentSpec, Samples, ShapeError


class ObjectVelocity(Feature, nn.Module):
    """The velocity of each object: a histogram of the optical flow inside its box.

    A bin is the mean over the pixels of the box of the speed |right| + |down|, where pixels of other directions count
    as 0. Speeds are in pixels per frame of the clip. The first bin begins with the direction to the right, and bins
    follow clockwise. Source: Reiss and Hoshen, "Attribute-based Representations for Accurate and Interpretable Video
    Anomaly Detection", 2022, and its published code. The paper uses one bin for UCSD Ped2, and eight for Avenue and
    ShanghaiTech.

    Each clip gives one step. It describes the frame in the middle of the input. The latent `boxes` has its boxes. The
    flow is that of the clip's channels, from the frame before.

    Args:
        clip: geometry of a clip, with `flow`.
        latents: contains `boxes` if the recipe has `data.boxes`.
        bins: number of directions.

    Raises:
        ShapeError: the clip has no flow, the recipe has no boxes, or `bins` is below 1.

    Example:
        An object that moves by 2 pixels to the right, and no second one:

        >>> feature = ObjectVelocity(ClipSpec(2, 48, 72, "gray", flow=8.0), {"boxes": LatentSpec(4, 1, 1, 2)}, bins=4)
        >>> clips = torch.zeros(1, 3, 2, 48, 72)
        >>> clips[:, 1] = 2 / 8
        >>> boxes = torch.tensor([[10.0, 10, 20, 30], [torch.nan] * 4]).T.reshape(1, 4, 1, 1, 2)
        >>> samples = feature(clips, {"boxes": boxes})
        >>> samples.values[0, 0, 0, 0].tolist(), samples.present.flatten().tolist()
        ([2.0, 0.0, 0.0, 0.0], [True, False])
    """

    def __init__(self, clip: ClipSpec, latents: Mapping[str, LatentSpec], *, bins: int = 8) -> None:
        super().__init__()
        if "boxes" not in latents:
            what = "it needs the boxes of objects"
            raise ShapeError(what, fix="add data.boxes: {train: FILE, test: FILE} to the recipe")
        if not clip.flow:
            fix = "set data.clip.flow to the fastest motion between two frames, such as 16 pixels"
            raise ShapeError("it needs clips with optical flow", fix=fix)
        if bins < 1:
            raise ShapeError(f"bins must be at least 1, but it is {bins}")
        self.clip, self.bins = clip, bins
        self.frame = clip.middle - clip.input[0]
        grid = Grid.even(1, latents["boxes"].width, clip.height, clip.width)
        self.spec = FeatureSpec((bins,), 1, grid=grid, frames=((self.frame, self.frame + 1),), objects=True)

    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Samples:
        """Return the samples (B, 1, 1, K, bins), and which boxes exist."""
        boxes = latents["boxes"][:, :, 0, 0]  # (B, 4, K)
        present = torch.isfinite(boxes).all(1)
        right, down = clips[:, self.clip.colors :, self.frame].float().mul(self.clip.flow).unbind(1)  # (B, H, W) each
        speed, turn = right.abs() + down.abs(), torch.atan2(down, right) / (2 * math.pi) % 1.0
        bins = (turn * self.bins).long().clamp(max=self.bins - 1)
        planes = torch.stack([speed * (bins == number) for number in range(self.bins)], dim=1)  # (B, bins, H, W)
        sums = torch.nn.functional.pad(planes.double().cumsum(2).cumsum(3), (1, 0, 1, 0))
        x0, x1 = _edges(boxes[:, 0], boxes[:, 2], self.clip.width)
        y0, y1 = _edges(boxes[:, 1], boxes[:, 3], self.clip.height)
        batch = torch.arange(len(clips), device=clips.device)[:, None]

        def corner(row: Tensor, column: Tensor) -> Tensor:
            return sums[batch, :, row, column]  # (B, K, bins)

        total = corner(y1, x1) - corner(y0, x1) - corner(y1, x0) + corner(y0, x0)
        means = total / ((x1 - x0) * (y1 - y0))[..., None]
        return Samples(means.float()[:, None, None], present[:, None, None])


def _edges(low: Tensor, high: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The first pixel of each box and the one after its last, at least one pixel apart; any for NaN."""
    first = low.nan_to_num(0).floor().long().clamp(0, size - 1)
    return first, torch.maximum(high.nan_to_num(0).ceil().long().clamp(max=size), first + 1)
