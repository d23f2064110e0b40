"""Model outputs to one score a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from vadkit.api import ClipOutputs, ClipSpec, Scorer, ShapeError

Norm = Literal["l1", "l2"]
Part = Literal["all", "reconstructed", "predicted"]


def _error(out: ClipOutputs, norm: str) -> Tensor:
    """Per-pixel error, mean over channels, (B, T_out, H, W)."""
    if out.output is None:
        raise ShapeError("a reconstruction scorer needs a model", fix="add 'model:' to the recipe")
    difference = out.output.float() - out.target
    return (difference.abs() if norm == "l1" else difference.square()).mean(1)


def _scored(spec: ClipSpec, part: Part) -> list[int]:
    """The frames of the clip that are scored: all of the target, or those that went in, or those that did not."""
    seen = range(*spec.input)
    frames = [frame for frame in range(*spec.target) if part == "all" or (frame in seen) == (part == "reconstructed")]
    if not frames:
        raise ShapeError(
            f"no frame of the target {spec.target[0]}:{spec.target[1]} is {part}:"
            f" {spec.input[0]}:{spec.input[1]} went in",
            fix="set part: all, or change data.clip",
        )
    return frames


def _of_part(out: ClipOutputs, values: Tensor, part: Part) -> Tensor:
    """Values of the target frames (B, T_out, ...) -> of all T frames, NaN for those that are not scored."""
    frames = _scored(out.spec, part)
    full = values.new_full((values.shape[0], out.spec.frames, *values.shape[2:]), torch.nan)
    full[:, frames] = values[:, [frame - out.spec.target[0] for frame in frames]]
    return full


def _over_clip(out: ClipOutputs, values: Tensor, frames: tuple[int, int]) -> Tensor:
    """Values of a range of frames -> of all T frames, NaN outside."""
    full = values.new_full((values.shape[0], out.spec.frames, *values.shape[2:]), torch.nan)
    full[:, frames[0] : frames[1]] = values
    return full


class PatchError(Scorer):
    """The worst of all patches of a frame: max over patches of their mean error (Eq. 12).

    Args:
        patch: side N of a patch, pixels.
        step: distance of neighbouring patches, pixels.
        norm: "l1" is the paper's absolute error, "l2" the squared one.
        part: which frames of the target: "all", the "reconstructed" ones, which the encoder saw, or the
            "predicted" ones, which it did not.
    """

    def __init__(
        self,
        *,
        patch: int = 16,
        step: int = 4,
        norm: Literal["l1", "l2"] = "l1",
        part: Literal["all", "reconstructed", "predicted"] = "all",
    ) -> None:
        if patch < 1 or step < 1:
            raise ShapeError("patch and step must be at least 1 pixel")
        self.patch, self.step = patch, step
        self.norm: Norm = norm
        self.part: Part = part

    def __call__(self, out: ClipOutputs) -> Tensor:
        """-> (B, T)."""
        error = _error(out, self.norm)
        if self.patch > min(error.shape[-2:]):
            raise ShapeError(f"a patch of {self.patch} does not fit into frames of {tuple(error.shape[-2:])}")
        worst = functional.avg_pool2d(error, self.patch, self.step).amax((-2, -1))
        return _of_part(out, worst, self.part)

    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        """-> (B, T, H, W), the error of each pixel."""
        return _of_part(out, _error(out, self.norm), self.part)


class FrameError(Scorer):
    """The mean error of a whole frame.

    Args:
        norm: "l1" for the absolute error, "l2" for the squared one, "rms" for the root of its mean:
            the Euclidean distance of the frames but for a factor.
        part: which frames of the target: "all", the "reconstructed" ones, which the encoder saw, or the
            "predicted" ones, which it did not.
    """

    def __init__(
        self,
        *,
        norm: Literal["l1", "l2", "rms"] = "l1",
        part: Literal["all", "reconstructed", "predicted"] = "all",
    ) -> None:
        self.norm = norm
        self.part: Part = part

    def __call__(self, out: ClipOutputs) -> Tensor:
        """-> (B, T)."""
        error = _error(out, self.norm).mean((-2, -1))
        return _of_part(out, error.sqrt() if self.norm == "rms" else error, self.part)

    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        """-> (B, T, H, W), the error of each pixel; squared for "rms"."""
        return _of_part(out, _error(out, self.norm), self.part)


class ClipError(Scorer):
    """The mean error of a whole clip, given to one frame of it, the others having no score, or to all.

    Args:
        at: the frame that gets it, counted from the clip's first; null takes the middle, the later of two,
            "all" every frame of the clip.
        norm: "l1" for the absolute error, "l2" for the squared one.
        part: which frames of the target: "all", the "reconstructed" ones, which the encoder saw, or the
            "predicted" ones, which it did not.
    """

    def __init__(
        self,
        *,
        at: int | Literal["all"] | None = None,
        norm: Literal["l1", "l2"] = "l1",
        part: Literal["all", "reconstructed", "predicted"] = "all",
    ) -> None:
        self.at, self.norm = at, norm
        self.part: Part = part

    def __call__(self, out: ClipOutputs) -> Tensor:
        """-> (B, T)."""
        frames = out.spec.frames
        error = _of_part(out, _error(out, self.norm).mean((-2, -1)), self.part).nanmean(1, keepdim=True)
        if isinstance(self.at, str):
            return error.expand(-1, frames)
        at = frames // 2 if self.at is None else self.at
        if not 0 <= at < frames:
            raise ShapeError(f"there is no frame {at} in a clip of {frames}", fix=f"choose at from 0 to {frames - 1}")
        return _over_clip(out, error, (at, at + 1))

    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        """-> (B, T, H, W), the error of each pixel."""
        return _of_part(out, _error(out, self.norm), self.part)


class NLL(Scorer):
    """Sum of negative log-likelihoods (the argument of norm() in Eq. 13), nats.

    A density with T' samples a clip gives each of them to the T / T' input frames that it
    covers.

    Args:
        densities: names of entries of `densities:`.
    """

    uses_output = False
    nats = True

    def __init__(self, *, densities: Sequence[str]) -> None:
        if not densities:
            raise ShapeError("'densities' is empty: there is no likelihood to read")
        self._densities = tuple(densities)

    def densities(self) -> Sequence[str]:
        """Names of the densities that it reads."""
        return self._densities

    def __call__(self, out: ClipOutputs) -> Tensor:
        """-> (B, T)."""
        start, stop = out.spec.input
        total = sum(
            out.nll[name].repeat_interleave((stop - start) // out.nll[name].shape[1], dim=1) for name in self._densities
        )
        return _over_clip(out, torch.as_tensor(total), (start, stop))
