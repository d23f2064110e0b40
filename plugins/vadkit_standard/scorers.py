"""Scorers: model outputs to one score per frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from vadkit.api import ClipOutputs, ClipSpec, Scorer, ShapeError

Norm = Literal["l1", "l2"]
Part = Literal["all", "reconstructed", "predicted"]


def pixel_error(out: ClipOutputs, norm: str) -> Tensor:
    """Per-pixel error, mean over channels (B, T_out, H, W)."""
    if out.output is None:
        raise ShapeError("the scorer needs the output of a model", fix="add 'model:' to the recipe")
    difference = out.output.float() - out.target
    return (difference.abs() if norm == "l1" else difference.square()).mean(1)


def _scored(spec: ClipSpec, part: Part) -> list[int]:
    """The scored frames of the clip: all target frames, or those inside or outside the input."""
    seen = range(*spec.input)
    frames = [frame for frame in range(*spec.target) if part == "all" or (frame in seen) == (part == "reconstructed")]
    if not frames:
        raise ShapeError(
            f"no frame of the target {spec.target[0]}:{spec.target[1]} is {part};"
            f" the input is {spec.input[0]}:{spec.input[1]}",
            fix="set part: all, or change data.clip",
        )
    return frames


def over_clip(out: ClipOutputs, values: Tensor, frames: Sequence[int]) -> Tensor:
    """Values of some frames (B, len(frames), ...) -> values of all T frames, NaN for the other frames."""
    full = values.new_full((values.shape[0], out.spec.frames, *values.shape[2:]), torch.nan)
    full[:, list(frames)] = values
    return full


class _OfPixels(Scorer):
    """A score of the pixel errors of the target, or of the part of it that the encoder saw or did not see."""

    def __init__(self, norm: str, part: Part) -> None:
        self.norm = norm
        self.part: Part = part

    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        """Return the error of each pixel (B, T, H, W); the squared error for "rms"."""
        return self._over_clip(out, pixel_error(out, self.norm))

    def _over_clip(self, out: ClipOutputs, values: Tensor) -> Tensor:
        frames = _scored(out.spec, self.part)
        return over_clip(out, values[:, [frame - out.spec.target[0] for frame in frames]], frames)


class PatchError(_OfPixels):
    """Patch error: the maximum over all patches of a frame of their mean error (Eq. 12).

    Args:
        patch: side N of a patch, pixels.
        step: distance between neighbouring patches, pixels.
        norm: "l1" for the absolute error, as in the paper; "l2" for the squared error.
        part: scored frames of the target: "all", "reconstructed" (those that the encoder saw) or "predicted" (those
            that it did not see).

    Example:
        >>> clips = torch.zeros(1, 3, 2, 8, 8)
        >>> output = clips.clone()
        >>> output[:, :, 1, :4, :4] = 0.5
        >>> PatchError(patch=4, step=4)(ClipOutputs(ClipSpec(2, 8, 8), clips, clips, output))
        tensor([[0.0000, 0.5000]])
    """

    def __init__(self, *, patch: int = 16, step: int = 4, norm: Norm = "l1", part: Part = "all") -> None:
        if patch < 1 or step < 1:
            raise ShapeError("patch and step must be at least 1 pixel")
        super().__init__(norm, part)
        self.patch, self.step = patch, step

    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return scores (B, T)."""
        error = pixel_error(out, self.norm)
        if self.patch > min(error.shape[-2:]):
            raise ShapeError(f"a patch of {self.patch} pixels is larger than the frames {tuple(error.shape[-2:])}")
        return self._over_clip(out, functional.avg_pool2d(error, self.patch, self.step).amax((-2, -1)))


class FrameError(_OfPixels):
    """Frame error: the mean error of a frame.

    Args:
        norm: "l1" for the absolute error, "l2" for the squared error, "rms" for the root of the mean squared error,
            which is the Euclidean distance of the frames up to a constant factor.
        part: scored frames of the target: "all", "reconstructed" (those that the encoder saw) or "predicted" (those
            that it did not see).

    Example:
        >>> clips = torch.zeros(1, 3, 2, 8, 8)
        >>> FrameError(norm="l2")(ClipOutputs(ClipSpec(2, 8, 8), clips, clips, clips + 0.5))
        tensor([[0.2500, 0.2500]])
    """

    def __init__(self, *, norm: Literal["l1", "l2", "rms"] = "l1", part: Part = "all") -> None:
        super().__init__(norm, part)

    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return scores (B, T)."""
        error = pixel_error(out, self.norm).mean((-2, -1))
        return self._over_clip(out, error.sqrt() if self.norm == "rms" else error)


class ClipError(_OfPixels):
    """Clip error: the mean error of a clip, as the score of one of its frames or of all.

    Args:
        at: the frame that gets the score, from 0; null is the middle frame (the later of two), "all" is every frame of
            the clip. The other frames have no score.
        norm: "l1" for the absolute error, "l2" for the squared error.
        part: averaged frames of the target: "all", "reconstructed" (those that the encoder saw) or "predicted" (those
            that it did not see).

    Example:
        >>> clips = torch.zeros(1, 3, 3, 8, 8)
        >>> ClipError()(ClipOutputs(ClipSpec(3, 8, 8), clips, clips, clips + 0.5))
        tensor([[   nan, 0.5000,    nan]])
    """

    def __init__(self, *, at: int | Literal["all"] | None = None, norm: Norm = "l1", part: Part = "all") -> None:
        super().__init__(norm, part)
        self.at = at

    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return scores (B, T)."""
        frames = out.spec.frames
        error = self._over_clip(out, pixel_error(out, self.norm).mean((-2, -1))).nanmean(1, keepdim=True)
        if isinstance(self.at, str):
            return error.expand(-1, frames)
        at = frames // 2 if self.at is None else self.at
        if not 0 <= at < frames:
            raise ShapeError(f"frame {at} is not in a clip of {frames} frames", fix=f"set at: 0 to {frames - 1}")
        return over_clip(out, error, [at])


class NLL(Scorer):
    """Negative log-likelihood: the sum over densities, nats (the argument of norm() in Eq. 13).

    A density with T' samples per clip assigns each sample's value to the T / T' input frames that it covers.

    Args:
        densities: names of entries of `densities`.

    Example:
        >>> clips = torch.zeros(1, 3, 4, 8, 8)
        >>> out = ClipOutputs(ClipSpec(4, 8, 8), clips, clips, nll={"static": torch.tensor([[1.0, 2.0]])})
        >>> NLL(densities=["static"])(out)
        tensor([[1., 1., 2., 2.]])
    """

    uses_output = False
    nats = True

    def __init__(self, *, densities: Sequence[str]) -> None:
        if not densities:
            raise ShapeError("'densities' is empty, but nll needs at least one")
        self._densities = tuple(densities)

    def densities(self) -> Sequence[str]:
        """Names of the densities that it reads."""
        return self._densities

    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return scores (B, T)."""
        start, stop = out.spec.input
        total = sum(
            out.nll[name].repeat_interleave((stop - start) // out.nll[name].shape[1], dim=1) for name in self._densities
        )
        return over_clip(out, torch.as_tensor(total), range(start, stop))
