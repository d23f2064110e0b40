"""The floor: how much a frame differs from the one before it. Nothing is learned."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from vadkit.api import ClipOutputs, Scorer, ShapeError


class FrameDifference(Scorer):
    """The largest patch mean of |I_t - I_{t-1}|, which a method that learns should beat.

    The first frame of a clip has none before it, and no score.

    Args:
        patch: side of a patch, pixels.
        step: distance of neighbouring patches, pixels.
    """

    uses_output = False

    def __init__(self, *, patch: int = 16, step: int = 4) -> None:
        if patch < 1 or step < 1:
            raise ShapeError("patch and step must be at least 1 pixel")
        self.patch, self.step = patch, step

    def __call__(self, out: ClipOutputs) -> Tensor:
        """-> (B, T)."""
        difference = self.anomaly_maps(out)
        if self.patch > min(difference.shape[-2:]):
            raise ShapeError(f"a patch of {self.patch} does not fit into frames of {tuple(difference.shape[-2:])}")
        return functional.avg_pool2d(difference, self.patch, self.step).amax((-2, -1))

    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        """-> (B, T, H, W), mean over channels of each pixel's change."""
        if out.spec.frames < 2:
            raise ShapeError("a difference needs clips of two frames", fix="set data.clip.frames: 2")
        change = out.clips.float().diff(dim=2).abs().mean(1)  # (B, T - 1, H, W)
        return functional.pad(change, (0, 0, 0, 0, 1, 0), value=torch.nan)
