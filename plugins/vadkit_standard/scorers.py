"""Model outputs to one score a frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from vadkit.api import ClipOutputs, Scorer, ShapeError

Norm = Literal["l1", "l2"]


def _error(out: ClipOutputs, norm: Norm) -> Tensor:
    """Per-pixel error, mean over channels, (B, T_out, H, W)."""
    if out.output is None:
        raise ShapeError("a reconstruction scorer needs a model", fix="add 'model:' to the recipe")
    difference = out.output.float() - out.target
    return (difference.abs() if norm == "l1" else difference.square()).mean(1)


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
    """

    def __init__(self, *, patch: int = 16, step: int = 4, norm: Norm = "l1") -> None:
        if patch < 1 or step < 1:
            raise ShapeError("patch and step must be at least 1 pixel")
        self.patch, self.step = patch, step
        self.norm: Norm = norm

    def __call__(self, out: ClipOutputs) -> Tensor:
        """-> (B, T)."""
        error = _error(out, self.norm)
        if self.patch > min(error.shape[-2:]):
            raise ShapeError(f"a patch of {self.patch} does not fit into frames of {tuple(error.shape[-2:])}")
        worst = functional.avg_pool2d(error, self.patch, self.step).amax((-2, -1))
        return _over_clip(out, worst, out.spec.target)

    def maps(self, out: ClipOutputs) -> Tensor:
        """-> (B, T, H, W), the error of each pixel."""
        return _over_clip(out, _error(out, self.norm), out.spec.target)


class FrameError(Scorer):
    """The mean error of a whole frame.

    Args:
        norm: "l1" for the absolute error, "l2" for the squared one.
    """

    def __init__(self, *, norm: Norm = "l1") -> None:
        self.norm: Norm = norm

    def __call__(self, out: ClipOutputs) -> Tensor:
        """-> (B, T)."""
        return _over_clip(out, _error(out, self.norm).mean((-2, -1)), out.spec.target)

    def maps(self, out: ClipOutputs) -> Tensor:
        """-> (B, T, H, W), the error of each pixel."""
        return _over_clip(out, _error(out, self.norm), out.spec.target)


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
