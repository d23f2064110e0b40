"""The peak signal-to-noise ratio of frames, as in prediction methods."""

from __future__ import annotations

from torch import Tensor

from vadkit.api import ClipOutputs, Scorer, ShapeError
from vadkit_standard.scorers import over_clip, pixel_error


class PSNR(Scorer):
    """Negative peak signal-to-noise ratio of a frame, dB; higher = more anomalous.

    Source: Mathieu et al. 2016, as used for scores by Liu et al. 2018 and Park et al. 2020. Pixels are scaled to [0, 1]
    and the peak is 1, as in the code of both: -PSNR = 10 log10(MSE). Scaled to [0, 1] within a video, it is one minus
    their regular score. An error of zero counts as 100 dB.

    Args:
        at: the only frame of a clip that gets a score, from 0. Null scores every target frame.

    Raises:
        ShapeError: `at` is not a target frame.

    Example:
        >>> import torch
        >>> from vadkit.api import ClipSpec
        >>> clips = torch.zeros(1, 3, 2, 8, 8)
        >>> PSNR()(ClipOutputs(ClipSpec(2, 8, 8), clips, clips, clips + 0.2))
        tensor([[-20., -20.]])
    """

    def __init__(self, *, at: int | None = None) -> None:
        self.at = at

    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return scores (B, T)."""
        start, stop = out.spec.target
        error = _squared(out).mean((-2, -1))  # (B, T_out)
        score = 10 * error.clamp_min(1e-10).log10()
        if self.at is None:
            return over_clip(out, score, range(start, stop))
        if not start <= self.at < stop:
            what = f"frame {self.at} is not in the target {start}:{stop}"
            raise ShapeError(what, fix=f"set at: {start} to {stop - 1}")
        return over_clip(out, score[:, [self.at - start]], [self.at])

    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        """Return the squared error of each pixel (B, T, H, W)."""
        return over_clip(out, _squared(out), range(*out.spec.target))


def _squared(out: ClipOutputs) -> Tensor:
    """(B, T_out, H, W), for pixels in [0, 1]."""
    return pixel_error(out, "l2") / 4
