"""Optical flow between the frames of a clip, and its sums over the windows of a grid."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vadkit.api import Grid, ShapeError, optical_flow

DIRECTIONS = 8
_SMALLEST = 12  # side of a frame, pixels; OpenCV stops with an error below
_LUMA = (0.299, 0.587, 0.114)  # ITU-R 601
_REMEMBERED = 2**27  # bytes of sums
_Preset = Literal["ultrafast", "fast", "balanced", "medium"]
_Flow = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float32]]
_Settings = tuple[Grid, float, str, bool]  # windows, gate, preset, with directions
_KEPT: OrderedDict[tuple[int, int, _Settings], NDArray[np.float32]] = OrderedDict()  # two frames -> their sums


class WindowSums:
    """Sums of the optical flow between the frames of a clip, over the windows of a grid.

    The flow is that of DIS (Kroeger et al., ECCV 2016), computed by OpenCV on the CPU with one thread. The process
    keeps the sums of the latest pairs of frames, because neighbouring clips and several features share them.

    Args:
        frames: number of frames of a clip, T.
        height: H, pixels.
        width: W, pixels.
        gap: distance between the two frames of a pair, in frames of the clip.
        window: side of a window, pixels.
        stride: distance between neighbouring windows, pixels.
        gate: a pixel moves if its displacement between the two frames of a pair is larger, pixels.
        preset: "ultrafast", "fast" or "medium" of OpenCV, or "balanced": as medium, without refinement.

    Raises:
        ShapeError: the settings do not fit the clip, or each other.

    Attributes:
        grid: the windows.
        pairs: number of pairs of frames in a clip.
        pixels: number of pixels in a window.
    """

    def __init__(
        self,
        frames: int,
        height: int,
        width: int,
        *,
        gap: int,
        window: int,
        stride: int,
        gate: float,
        preset: _Preset,
    ) -> None:
        for name, value in (("gap", gap), ("window", window), ("stride", stride)):
            if value < 1:
                raise ShapeError(f"{name} must be at least 1, but it is {value}")
        if gate < 0:
            raise ShapeError(f"gate must not be negative, but it is {gate:g}")
        if gap >= frames:
            raise ShapeError(
                f"gap is {gap}, but a clip has {frames} input frames",
                fix=f"set data.clip.frames to at least {gap + 1}, or a smaller gap",
            )
        if window > min(height, width):
            raise ShapeError(
                f"a window of {window} pixels is larger than the frame of {height} x {width}",
                fix="set a smaller window, or a larger data.clip.size",
            )
        if min(height, width) < _SMALLEST:
            raise ShapeError(
                f"the frame of {height} x {width} is too small for optical flow",
                fix=f"set data.clip.size to at least {_SMALLEST} x {_SMALLEST} pixels",
            )
        rows, columns = (height - window) // stride + 1, (width - window) // stride + 1
        self.grid = Grid(rows, columns, (window, window), (stride, stride))
        self.gap, self.gate, self.pairs, self.pixels = gap, gate, frames - gap, window**2
        self.preset: _Preset = preset

    def compute(self, clips: Tensor, *, directions: bool = False) -> Tensor:
        """Clips (B, C, T, H, W) in [-1, 1] -> the sums of their pairs, (B, pairs, rows, columns, K).

        The K values are the number of moving pixels, and the sums over the moving pixels of their
        displacement, its part to the right, and its part downwards. With `directions`, 8 more values divide
        the displacement by direction: to the right first, then clockwise. Displacements are in pixels
        between the two frames of a pair.
        """
        settings = self.grid, self.gate, self.preset, directions
        with optical_flow(self.preset) as flow:
            sums = [self._of_clip(flow, frames, settings) for frames in _gray(clips)]
        return torch.from_numpy(np.stack(sums)).to(clips.device)

    def _of_clip(self, flow: _Flow, frames: NDArray[np.uint8], settings: _Settings) -> NDArray[np.float32]:
        marks = [hash(frame.tobytes()) for frame in frames]
        found: list[NDArray[np.float32]] = []
        for first in range(self.pairs):
            key = marks[first], marks[first + self.gap], settings
            if key not in _KEPT:
                moved = flow(frames[first], frames[first + self.gap])
                _KEPT[key] = self._sum(moved, settings[-1])
            _KEPT.move_to_end(key)
            found.append(_KEPT[key])
        while len(_KEPT) > max(_REMEMBERED // found[0].nbytes, self.pairs):
            _KEPT.popitem(last=False)
        return np.stack(found)

    def _sum(self, flow: NDArray[np.float32], directions: bool) -> NDArray[np.float32]:
        """(H, W, 2) flow -> (rows, columns, K)."""
        import cv2  # here, because listing components must be fast

        right, down = (np.ascontiguousarray(flow[..., axis]) for axis in (0, 1))
        length = cv2.magnitude(right, down)
        moving = (length > self.gate).astype(np.float32)
        length = length * moving
        planes = [moving, length, right * moving, down * moving]
        if directions:
            step = 360 / DIRECTIONS
            sector = np.floor(cv2.phase(right, down, angleInDegrees=True) / step + 0.5) % DIRECTIONS
            planes += [length * (sector == number) for number in range(DIRECTIONS)]
        return np.stack([self._windows(plane) for plane in planes], axis=-1)

    def _windows(self, plane: NDArray[np.float32]) -> NDArray[np.float32]:
        """(H, W) -> the sums over all windows (rows, columns)."""
        import cv2

        size, step = int(self.grid.window[0]), int(self.grid.stride[0])
        if size % step == 0:  # windows consist of blocks: far fewer numbers to add up
            height, width = (count + size // step - 1 for count in (self.grid.rows, self.grid.columns))
            cropped = plane[: height * step, : width * step]
            plane = cv2.resize(cropped, (width, height), interpolation=cv2.INTER_AREA) * step**2
            size, step = size // step, 1
        integral = cv2.integral(plane, sdepth=cv2.CV_64F)
        low, high = integral[:-size:step], integral[size::step]
        total = high[:, size::step] - high[:, :-size:step] - low[:, size::step] + low[:, :-size:step]
        return total.astype(np.float32)


def _gray(clips: Tensor) -> NDArray[np.uint8]:
    """(B, C, T, H, W) in [-1, 1] -> (B, T, H, W), 8-bit gray."""
    frames = clips.detach().float().cpu()
    if frames.shape[1] == 3:
        frames = (frames * torch.tensor(_LUMA).reshape(1, 3, 1, 1, 1)).sum(1, keepdim=True)
    return frames[:, 0].mul(127.5).add_(128).clamp_(0, 255).byte().numpy()  # byte() rounds down
