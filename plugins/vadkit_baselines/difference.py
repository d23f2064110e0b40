"""A baseline without learning: how much a frame differs from the one before it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vadkit.api import ClipOutputs, Scorer, ShapeError


class FrameDifference(Scorer):
    """Frame difference: the largest patch mean of |I_t - I_{t-1}|. It learns nothing; other methods should beat it.

    The first frame of a clip gets NaN, because no frame comes before it.

    Args:
        patch: side of a patch, pixels.
        step: distance between neighbouring patches, pixels.

    Example:
        >>> from vadkit.api import ClipSpec
        >>> spec = ClipSpec(3, 8, 8)
        >>> clips = torch.zeros(1, 3, 3, 8, 8)
        >>> clips[:, :, 2] = 0.5
        >>> FrameDifference(patch=4, step=2)(ClipOutputs(spec, clips, clips))
        tensor([[   nan, 0.0000, 0.5000]])
    """

    uses_output = False

    def __init__(self, *, patch: int = 16, step: int = 4) -> None:
        if patch < 1 or step < 1:
            raise ShapeError("patch and step must be at least 1 pixel")
        self.patch, self.step = patch, step

    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return scores (B, T)."""
        difference = self.anomaly_maps(out)
        if self.patch > min(difference.shape[-2:]):
            raise ShapeError(f"a patch of {self.patch} pixels is larger than the frames {tuple(difference.shape[-2:])}")
        return functional.avg_pool2d(difference, self.patch, self.step).amax((-2, -1))

    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        """Return the change of each pixel, mean over channels (B, T, H, W)."""
        if out.spec.frames < 2:
            raise ShapeError("frame_difference needs clips of at least two frames", fix="set data.clip.frames: 2")
        change = out.clips[:, : out.spec.colors].float().diff(dim=2).abs().mean(1)  # (B, T - 1, H, W)
        return functional.pad(change, (0, 0, 0, 0, 1, 0), value=torch.nan)
