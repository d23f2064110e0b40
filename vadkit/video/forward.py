"""Reads single frames of a video at its full size."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.values import VideoRef
from vadkit.video.damage import Damages
from vadkit.video.decode import decode
from vadkit.video.resize import to_color


class ForwardReader:
    """Frames of a video at full size, by their numbers in rising order. A file is decoded once, at most to its end.

    Use it as a context manager. Frames have the numbers of `decode`, also in a damaged file.

    Args:
        video: of any source.
    """

    def __init__(self, video: VideoRef) -> None:
        self.video = video
        self._frames: Generator[NDArray[np.uint8], None, None] | None = None
        self._last: NDArray[np.uint8] | None = None
        self._number = -1  # of the last frame

    def frame(self, number: int) -> NDArray[np.uint8]:
        """Return the frame (H, W, 3) with this number, counted from 0, which is not below the last number.

        Raises:
            DataError: the frame cannot be decoded, or the video is shorter.
        """
        source = self.video.source
        if isinstance(source, tuple):
            [frame] = decode(VideoRef(self.video.name, source[number : number + 1]), color="rgb")
            return frame
        if not isinstance(source, Path):
            return to_color(source(number, number + 1)[0], "rgb")
        assert number >= self._number, "the reader does not go back"
        if self._frames is None:
            self._frames = decode(VideoRef(self.video.name, source), color="rgb", damages=Damages())
        while self._number < number:
            self._last = next(self._frames, None)
            self._number += 1
        if self._last is None:
            raise DataError(f"has no frame {number}", where=str(source), fix="check whether the file changed")
        return self._last

    def __enter__(self) -> ForwardReader:
        """Return the reader."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        if self._frames is not None:
            self._frames.close()
