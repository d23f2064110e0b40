"""A score of motion that needs no training."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from vadkit.api import ClipOutputs, Scorer, ShapeError
from vadkit_motion.windows import WindowSums


class MotionEnergy(Scorer):
    """Motion of the windows with the most motion: the mean of the `top` highest windows. It learns nothing.

    All frames of a clip get the same score, in pixels per frame. See the feature `optical_flow` for the flow.

    Args:
        top: number of windows; all windows if a frame has fewer.
        statistic: "energy" is the mean speed of all pixels of a window, "speed" that of its moving pixels.
        gap: distance between the two frames of a pair, frames of the clip.
        window: side of a window, pixels.
        stride: distance between neighbouring windows, pixels.
        gate: largest displacement of a still pixel between the two frames of a pair, pixels.
        preset: preset of DIS, as for `optical_flow`.

    Raises:
        ShapeError: `top` is below 1, or the settings do not fit the clip.

    Example:
        >>> from vadkit.api import ClipSpec
        >>> clips = torch.zeros(1, 1, 3, 48, 72)
        >>> MotionEnergy(top=4)(ClipOutputs(ClipSpec(3, 48, 72, "gray"), clips, clips))
        tensor([[0., 0., 0.]])
    """

    uses_output = False

    def __init__(
        self,
        *,
        top: int = 20,
        statistic: Literal["energy", "speed"] = "energy",
        gap: int = 2,
        window: int = 24,
        stride: int = 6,
        gate: float = 0.5,
        preset: Literal["ultrafast", "fast", "balanced", "medium"] = "medium",
    ) -> None:
        if top < 1:
            raise ShapeError(f"top must be at least 1, but it is {top}")
        self.top, self.statistic = top, statistic
        self.gap, self.window, self.stride, self.gate = gap, window, stride, gate
        self.preset: Literal["ultrafast", "fast", "balanced", "medium"] = preset
        self._sums: dict[tuple[int, ...], WindowSums] = {}

    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return scores (B, T)."""
        values = self._values(out).flatten(1)
        scores = values.topk(min(self.top, values.shape[1]), dim=1).values.mean(1, keepdim=True)
        return scores.repeat(1, out.spec.frames)

    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        """Return the motion of the windows, interpolated to the pixels (B, T, H, W)."""
        pixels = self._of(out).grid.to_pixels(self._values(out), out.spec.height, out.spec.width)
        return pixels[:, None].repeat(1, out.spec.frames, 1, 1)

    def _values(self, out: ClipOutputs) -> Tensor:
        """The motion of each window (B, rows, columns), pixels per frame."""
        sums = self._of(out)
        total = sums.compute(out.clips[:, : out.spec.colors]).sum(1)
        pixels = sums.pairs * sums.pixels if self.statistic == "energy" else total[..., 0].clamp_min(1)
        return torch.as_tensor(total[..., 1] / pixels / self.gap)

    def _of(self, out: ClipOutputs) -> WindowSums:
        spec = out.spec
        size = (spec.frames, spec.height, spec.width)
        if size not in self._sums:
            self._sums[size] = WindowSums(
                *size, gap=self.gap, window=self.window, stride=self.stride, gate=self.gate, preset=self.preset
            )
        return self._sums[size]
