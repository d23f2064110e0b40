"""Scorers: model outputs to one score per frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from vadkit.api import ClipOutputs, ClipSpec, Grid, Scorer, ShapeError

Norm = Literal["l1", "l2"]
Part = Literal["all", "reconstructed", "predicted"]


def pixel_error(out: ClipOutputs, norm: str) -> Tensor:
    """Per-pixel error, mean over channels (B, T_out, H, W)."""
    if out.output is None:
        raise ShapeError("the scorer needs the output of a model", fix="add 'model:' to the recipe")
    difference = out.output.float() - out.target
    return (difference.abs() if norm == "l1" else difference.square()).mean(1)


def _contrast(frames: Tensor) -> Tensor:
    """(B, C, T, H, W) -> differences to the pixel below and to the right, mean over channels (B, T, H, W)."""
    picture = frames.mean(1)
    below = functional.pad(picture.diff(dim=-2), (0, 0, 0, 1)).abs()
    return below + functional.pad(picture.diff(dim=-1), (0, 1)).abs()


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
        top: the score is the mean of the k patches with the largest errors; 1 is the paper's maximum.
        contrast: divide the error of a patch by its contrast plus this number. The contrast is the mean absolute
            difference of neighbouring pixels of the target: of rows plus of columns. An autoencoder has larger
            errors where there is more texture, such as in crowds. Null divides by nothing, as in the paper.

    Raises:
        ShapeError: a number is too small.

    Example:
        >>> clips = torch.zeros(1, 3, 2, 8, 8)
        >>> output = clips.clone()
        >>> output[:, :, 1, :4, :4] = 0.5
        >>> PatchError(patch=4, step=4)(ClipOutputs(ClipSpec(2, 8, 8), clips, clips, output))
        tensor([[0.0000, 0.5000]])
    """

    def __init__(
        self,
        *,
        patch: int = 16,
        step: int = 4,
        norm: Norm = "l1",
        part: Part = "all",
        top: int = 1,
        contrast: float | None = None,
    ) -> None:
        if patch < 1 or step < 1:
            raise ShapeError("patch and step must be at least 1 pixel")
        if top < 1:
            raise ShapeError(f"top is {top}, but at least one patch counts")
        if contrast is not None and contrast <= 0:
            raise ShapeError(f"contrast is {contrast}", fix="set a number above 0, such as 0.1, or null")
        super().__init__(norm, part)
        self.patch, self.step, self.top, self.contrast = patch, step, top, contrast

    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return scores (B, T)."""
        error = pixel_error(out, self.norm)
        if self.patch > min(error.shape[-2:]):
            raise ShapeError(f"a patch of {self.patch} pixels is larger than the frames {tuple(error.shape[-2:])}")
        patches = functional.avg_pool2d(error, self.patch, self.step)
        if self.contrast is not None:
            patches = patches / (functional.avg_pool2d(_contrast(out.target), self.patch, self.step) + self.contrast)
        patches = patches.flatten(-2)  # (B, T_out, patches)
        if self.top == 1:
            return self._over_clip(out, patches.amax(-1))
        return self._over_clip(out, patches.topk(min(self.top, patches.shape[-1])).values.mean(-1))

    def anomaly_maps(self, out: ClipOutputs) -> Tensor:
        """Return the error of each pixel (B, T, H, W), relative to the contrast around it if `contrast` is set."""
        error = pixel_error(out, self.norm)
        if self.contrast is None:
            return self._over_clip(out, error)
        around = functional.avg_pool2d(_contrast(out.target), self.patch, 1, self.patch // 2, count_include_pad=False)[
            ..., : error.shape[-2], : error.shape[-1]
        ]  # one more row and column if the patch is even
        return self._over_clip(out, error / (around + self.contrast))


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


Pool = Literal["sum", "mean", "max"]


class NLL(Scorer):
    """Negative log-likelihood: the sum over densities, nats (the argument of norm() in Eq. 13).

    A density gives a value for each time step of a clip, which counts for the input frames that the step
    describes. With samples at places, a step has a value for each place, and `pool` combines them. `pool` can also
    combine the places of a map, for a density such as glow that divides its likelihood among them. A place
    without a sample has the density's quiet value.

    Anomaly maps are the likelihoods by place, interpolated to the frame. With objects as places, a pixel has the
    highest value of the boxes that contain it, and the lowest value of the clip outside of all boxes.

    Args:
        densities: names of entries of `densities`.
        pool: how the places of a step are combined: "sum", "mean", "max", {top: k} for the mean of the k highest
            places, or {patch: n} for the highest mean of n x n neighbouring places.

    Raises:
        ShapeError: there are no densities, or `pool` is not one of these.

    Example:
        >>> clips = torch.zeros(1, 3, 4, 8, 8)
        >>> out = ClipOutputs(ClipSpec(4, 8, 8), clips, clips, nll={"static": torch.tensor([[1.0, 2.0]])})
        >>> NLL(densities=["static"])(out)
        tensor([[1., 1., 2., 2.]])

        The mean of the two most unlikely of four places:

        >>> speed = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        >>> out = ClipOutputs(ClipSpec(2, 8, 8), clips, clips, nll={"speed": speed})
        >>> NLL(densities=["speed"], pool={"top": 2})(out)
        tensor([[3.5000, 3.5000]])
    """

    uses_output = False

    def __init__(self, *, densities: Sequence[str], pool: Pool | Mapping[str, int] = "sum") -> None:
        if not densities:
            raise ShapeError("'densities' is empty, but nll needs at least one")
        if not isinstance(pool, str) and (len(pool) != 1 or not {*pool} <= {"top", "patch"} or min(pool.values()) < 1):
            raise ShapeError(
                f"pool is {_written(pool)}, which is not a way to combine places",
                fix="set pool: sum, mean, max, {top: k} or {patch: n}",
            )
        self._densities = tuple(densities)
        self.pool = pool
        self.nats = pool == "sum"
        self.needs_nll_maps = pool != "sum"

    def densities(self) -> Sequence[str]:
        """Names of the densities that it reads."""
        return self._densities

    def __call__(self, out: ClipOutputs) -> Tensor:
        """Return scores (B, T)."""
        total = sum(_per_frame(out, name, self._pooled(out, name)) for name in self._densities)
        return torch.as_tensor(total)

    def anomaly_maps(self, out: ClipOutputs) -> Tensor | None:
        """Return the negative log-likelihood at each pixel (B, T, H, W); None without likelihoods by place."""
        total = None
        for name in self._densities:
            nll = _by_place(out, name)
            if nll is None:
                return None
            pixels = _per_frame(out, name, _to_pixels(out, name, nll))
            total = pixels if total is None else total + pixels
        return total

    def _pooled(self, out: ClipOutputs, name: str) -> Tensor:
        """Return one value for each step, (B, T')."""
        if self.pool == "sum":
            return out.nll[name].flatten(2).sum(2) if out.nll[name].dim() > 2 else out.nll[name]
        nll = _by_place(out, name)
        if nll is None:
            raise ShapeError(
                f"pool is {_written(self.pool)}, but the density {name!r} gives one likelihood for the complete frame",
                fix="set pool: sum, or choose a feature with samples at places",
            )
        rows, columns = nll.shape[2:]
        if isinstance(self.pool, str):
            return nll.mean((2, 3)) if self.pool == "mean" else nll.amax((2, 3))
        ((way, size),) = self.pool.items()
        if size > (rows * columns if way == "top" else min(rows, columns)):
            raise ShapeError(
                f"pool is {_written(self.pool)}, but the density {name!r} has {rows} x {columns} places",
                fix=f"set a smaller {way}",
            )
        if way == "top":
            return nll.flatten(2).topk(size).values.mean(2)
        return functional.avg_pool2d(nll, size, 1).amax((2, 3))


def _by_place(out: ClipOutputs, name: str) -> Tensor | None:
    """Likelihoods (B, T', rows, columns): those of samples at places, or the map of a density."""
    return out.nll[name] if out.nll[name].dim() == 4 else out.nll_maps.get(name)


def _to_pixels(out: ClipOutputs, name: str, nll: Tensor) -> Tensor:
    """Likelihoods (B, T', rows, columns) -> those of pixels (B, T', H, W)."""
    height, width, spec = out.spec.height, out.spec.width, out.features.get(name)
    if spec is None or not spec.objects:
        grid = (spec.grid if spec is not None else None) or Grid.even(nll.shape[2], nll.shape[3], height, width)
        return grid.to_pixels(nll, height, width)
    x0, y0, x1, y1 = (
        out.latents["boxes"].float()[..., 0, 0, :, None].unbind(1)
    )  # (B, K, 1); comparisons with NaN: False
    rows, columns = torch.arange(height, device=nll.device) + 0.5, torch.arange(width, device=nll.device) + 0.5
    down, across = (rows >= y0) & (rows < y1), (columns >= x0) & (columns < x1)  # (B, K, H) and (B, K, W)
    lowest = nll.amin((2, 3), keepdim=True)
    pixels = lowest.expand(-1, -1, height, width).clone()
    for box in torch.isfinite(x0).any(0).flatten().nonzero().flatten().tolist():
        inside = (down[:, box, :, None] & across[:, box, None])[:, None]
        pixels = torch.where(inside, torch.maximum(pixels, nll[..., box : box + 1]), pixels)
    return pixels


def _per_frame(out: ClipOutputs, name: str, values: Tensor) -> Tensor:
    """Values of the steps (B, T', ...) -> values of all frames (B, T, ...), NaN for frames that no step describes.

    A frame that several steps describe gets their mean.
    """
    start, stop = out.spec.input
    spec = out.features.get(name)
    if spec is None or spec.frames is None:
        return over_clip(out, values.repeat_interleave((stop - start) // values.shape[1], dim=1), range(start, stop))
    weights = values.new_zeros(out.spec.frames, values.shape[1])
    for step, (first, last) in enumerate(spec.frames):
        weights[start + first : start + last, step] = 1
    return torch.einsum("ft,bt...->bf...", weights / weights.sum(1, keepdim=True), values)


def _written(pool: str | Mapping[str, int]) -> str:
    return pool if isinstance(pool, str) else "{" + ", ".join(f"{way}: {size}" for way, size in pool.items()) + "}"
