"""The peak signal-to-noise ratio of frames, as methods that predict them score."""

from __future__ import annotations

import torch
from torch import Tensor

from vadkit.api import ClipOutputs, Scorer, ShapeError


class PSNR(Scorer):
    """Peak signal-to-noise ratio of a frame, dB, with its sign changed: higher = more anomalous.

    Source: Mathieu et al. 2016, as Liu et al. 2018 and Park et al. 2020 score frames. Pixels are
    taken as [0, 1], and the peak is 1, as in both methods' code: -PSNR = 10 log10(MSE). Scaled to
    [0, 1] within a video it is one minus their regular score. An error of zero counts as 100 dB.
    """

    def __call__(self, out: ClipOutputs) -> Tensor:
        """-> (B, T)."""
        error = self._squared(out).mean((-2, -1))  # (B, T_out)
        scores = error.new_full((len(error), out.spec.frames), torch.nan)
        scores[:, out.spec.target[0] : out.spec.target[1]] = 10 * error.clamp_min(1e-10).log10()
        return scores

    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        """-> (B, T, H, W), the squared error of each pixel."""
        error = self._squared(out)
        maps = error.new_full((len(error), out.spec.frames, *error.shape[2:]), torch.nan)
        maps[:, out.spec.target[0] : out.spec.target[1]] = error
        return maps

    def _squared(self, out: ClipOutputs) -> Tensor:
        """(B, T_out, H, W), of pixels in [0, 1]."""
        if out.output is None:
            raise ShapeError("PSNR needs a model's output", fix="add 'model:' to the recipe")
        return ((out.output.float() - out.target) / 2).square().mean(1)
