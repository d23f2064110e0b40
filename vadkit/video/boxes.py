"""The boxes of objects in the frames of a video, from the rows of a file to the boxes of a clip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.values import ClipSpec, Split
from vadkit.video.resize import placed


@dataclass(frozen=True, slots=True)
class BoxRows:
    """The boxes of one video, as a file holds them.

    Attributes:
        where: the file, for messages.
        frames: (N,) the frame of each box, from 0.
        boxes: (N, 4) half-open boxes (x0, y0, x1, y1), pixels of the source video.
        lines: (N,) the line of each box in the file.
    """

    where: str
    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    lines: NDArray[np.int64]

    def check(self, video: str, *, size: tuple[int, int] | None, frames: int | None, most: int) -> None:
        """Compare the boxes with their video.

        Args:
            video: its name.
            size: its height and width, pixels; None does not compare them.
            frames: its number of frames, F; None if it is unknown.
            most: largest number of boxes in a frame.

        Raises:
            DataError: with the file and the line of the first box that does not fit.
        """
        if frames is not None:
            what = f"video {video!r} has no frame {{frame}}: its {frames} frames are 0 to {frames - 1}"
            self._refuse(self.frames >= frames, what, "count the frames from 0, in the videos of the recipe")
        if size is not None:
            centres = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
            outside = np.any((centres < 0) | (centres >= (size[1], size[0])), axis=1, keepdims=True)[:, 0]
            what = f"the box {{box}} is outside of the {size[1]} x {size[0]} pixels of video {video!r}"
            self._refuse(outside, what, "write x, y, w and h in pixels of the video file, before any resizing")
        _, first, counts = np.unique(self.frames, return_index=True, return_counts=True)
        crowded = np.zeros(len(self.frames), bool)
        crowded[first[counts > most]] = True
        what = f"frame {{frame}} of video {video!r} has more than {most} boxes"
        fix = f"set data.boxes.most to {counts.max(initial=0)}, or leave out boxes with a low score"
        self._refuse(crowded, what, fix)

    def _refuse(self, wrong: NDArray[np.bool_], what: str, fix: str) -> None:
        if wrong.any():
            row = int(wrong.argmax())
            x0, y0, x1, y1 = self.boxes[row]
            said = what.format(frame=self.frames[row], box=f"x {x0:g} to {x1:g}, y {y0:g} to {y1:g}")
            raise DataError(said, where=f"{self.where}, line {self.lines[row]}", fix=fix)


BoxReader = Callable[[Split, Sequence[str]], Mapping[str, BoxRows]]
"""Split and names of its videos -> the boxes of each video. Videos without boxes may be missing."""


class FrameBoxes:
    """The boxes of each frame of a video, in pixels of a clip.

    Args:
        rows: the boxes; None for a video without boxes.
        numbers: (F,) the number of each frame that the model sees, in the video.
        size: height and width of the video, pixels.
        clip: geometry of a clip.
        most: largest number of boxes in a frame, K.
    """

    def __init__(
        self, rows: BoxRows | None, numbers: NDArray[np.int64], size: tuple[int, int], clip: ClipSpec, most: int
    ) -> None:
        self._clip, self._most = clip, most
        given = np.zeros((0, 4)) if rows is None else rows.boxes
        frames = np.zeros(0, np.int64) if rows is None else rows.frames
        order = np.argsort(frames, kind="stable")
        top, left, height, width = placed(clip, size)
        scale = np.array([width / size[1], height / size[0]] * 2)
        boxes = (given[order] * scale + (left, top) * 2).clip(0, (clip.width, clip.height) * 2)
        self._boxes = boxes.astype(np.float32)
        self._first, self._stop = (np.searchsorted(frames[order], numbers, side=side) for side in ("left", "right"))

    def of(self, frames: Sequence[int]) -> NDArray[np.float32]:
        """(B,) frames that the model sees -> their boxes (B, 4, 1, 1, K), NaN where there is none."""
        found = np.full((len(frames), 4, self._most), np.nan, np.float32)
        for row, frame in enumerate(frames):
            boxes = self._boxes[self._first[frame] : self._stop[frame]]
            found[row, :, : len(boxes)] = boxes.T
        return found[:, :, None, None]
