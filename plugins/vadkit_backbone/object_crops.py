"""What a frozen encoder sees of objects: the pictures inside their boxes."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from vadkit.api import ClipSpec, Encoder, Feature, FeatureSpec, Grid, LatentSpec, Samples, ShapeError

_AT_ONCE = 32  # crops in one pass: bounds the memory


class ObjectCrops(Feature, nn.Module):
    """The mean over space of what an encoder gives for the picture inside each box.

    The encoder stays frozen. It gets the input frames of the clip inside the box, resized to the clip's size. Set the
    `size` of the encoder `backbone` to the size of its training pictures, such as [224, 224]. All its latents and time
    steps are joined to one vector.

    Each clip gives one step. It describes the frame in the middle of the input. The latent `boxes` has its boxes.

    Args:
        clip: geometry of a clip.
        latents: contains `boxes` if the recipe has `data.boxes`.
        encoder: gives the latents of a crop, for example {use: backbone, ...}.
        margin: share of a box that is added at each of its sides.

    Raises:
        ShapeError: the recipe has no boxes, or `margin` is negative.

    Example:
        >>> class Mean(Encoder, nn.Module):
        ...     latents = {"mean": LatentSpec(1, 3, 1, 1)}
        ...     def forward(self, clips):
        ...         return {"mean": clips.mean((3, 4), keepdim=True)}
        >>> clips = torch.zeros(1, 1, 3, 32, 48)
        >>> clips[..., 24:] = 1.0
        >>> feature = ObjectCrops(ClipSpec(3, 32, 48, "gray"), {"boxes": LatentSpec(4, 1, 1, 2)}, encoder=Mean())
        >>> boxes = torch.tensor([[24.0, 8, 40, 24], [torch.nan] * 4]).T.reshape(1, 4, 1, 1, 2)
        >>> samples = feature(clips, {"boxes": boxes})
        >>> samples.values[0, 0, 0, 0].tolist(), samples.present.flatten().tolist()
        ([1.0, 1.0, 1.0], [True, False])
    """

    def __init__(
        self, clip: ClipSpec, latents: Mapping[str, LatentSpec], *, encoder: Encoder, margin: float = 0.0
    ) -> None:
        super().__init__()
        if "boxes" not in latents:
            what = "it needs the boxes of objects"
            raise ShapeError(what, fix="add data.boxes: {train: FILE, test: FILE} to the recipe")
        if margin < 0:
            raise ShapeError(f"margin must not be negative, but it is {margin:g}")
        self.clip, self.margin, self.encoder = clip, margin, encoder
        size = sum(spec.channels * spec.frames for spec in encoder.latents.values())
        frame = clip.middle - clip.input[0]
        grid = Grid.even(1, latents["boxes"].width, clip.height, clip.width)
        self.spec = FeatureSpec((size,), 1, grid=grid, frames=((frame, frame + 1),), objects=True)

    @torch.no_grad()
    def forward(self, clips: Tensor, latents: Mapping[str, Tensor]) -> Samples:
        """Return the samples (B, 1, 1, K, D), and which boxes exist."""
        boxes = latents["boxes"][:, :, 0, 0].transpose(1, 2)  # (B, K, 4)
        present = torch.isfinite(boxes).all(2)
        values = clips.new_zeros(*present.shape, *self.spec.shape, dtype=torch.float32)
        crops = [self._crop(clips[number], boxes[number, box]) for number, box in present.nonzero().tolist()]
        if crops:
            parts = [
                self._vectors(torch.stack(crops[first : first + _AT_ONCE])) for first in range(0, len(crops), _AT_ONCE)
            ]
            values[present] = torch.cat(parts)
        return Samples(values[:, None, None], present[:, None, None])

    def _crop(self, clip: Tensor, box: Tensor) -> Tensor:
        """(C, T, H, W) and (4,) -> the pictures inside the box, (C, T, H, W)."""
        x0, y0, x1, y1 = box.tolist()
        wide, high = self.margin * (x1 - x0), self.margin * (y1 - y0)
        rows, columns = _pixels(y0 - high, y1 + high, self.clip.height), _pixels(x0 - wide, x1 + wide, self.clip.width)
        inside = clip[:, :, rows, columns].transpose(0, 1)  # (T, C, h, w)
        size = (self.clip.height, self.clip.width)
        return functional.interpolate(inside, size, mode="bilinear", antialias=True).transpose(0, 1)

    def _vectors(self, crops: Tensor) -> Tensor:
        """(N, C, T, H, W) -> (N, D)."""
        found = self.encoder(crops)  # pyright: ignore[reportCallIssue]
        return torch.cat([found[name].float().mean((3, 4)).flatten(1) for name in self.encoder.latents], dim=1)


def _pixels(low: float, high: float, size: int) -> slice:
    """The pixels of an interval, at least one."""
    first = min(max(int(low), 0), size - 1)
    return slice(first, max(min(int(-(-high // 1)), size), first + 1))
