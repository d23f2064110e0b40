"""Converts decoded pictures to upright RGB arrays."""

from __future__ import annotations

import struct

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray


class RgbConverter:
    """Converts the pictures of one stream to (H, W, 3) uint8 RGB arrays, upright as a player shows them.

    Create one for each stream. It uses one thread. PyAV's `VideoFrame.to_ndarray(format=...)` starts one thread per
    core for every picture. For small pictures, this takes far more time than the conversion.

    Example:
        >>> import av
        >>> from vadkit.video.rgb import RgbConverter
        >>> to_rgb = RgbConverter()
        >>> to_rgb(av.VideoFrame(64, 48, "yuv420p")).shape
        (48, 64, 3)
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def __call__(self, picture: av.VideoFrame) -> NDArray[np.uint8]:
        """Convert one picture."""
        converted = self._reformatter.reformat(picture, format="rgb24", threads=1)
        frame = converted.to_ndarray().astype(np.uint8, copy=False)
        matrix = picture.side_data.get("DISPLAYMATRIX")
        if matrix is None:
            return frame
        a, b, _, c, d, *_ = struct.unpack("=9i", bytes(matrix))
        return upright(frame, (a, b, c, d))


def upright(frame: NDArray[np.uint8], matrix: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Turn a frame (H, W, C) as a player shows it, by the nearest of the eight rotations and reflections.

    `matrix` is (a, b, c, d) of the display matrix: x' = a x + c y, y' = b x + d y.
    """
    a, b, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):  # swap the axes
        frame, a, d = frame.swapaxes(0, 1), c, b
    return np.ascontiguousarray(frame[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
