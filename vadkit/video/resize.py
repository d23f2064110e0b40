"""Converts decoded frames to the clip's colour and size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vadkit.core.values import ClipSpec, Color


def to_color(frame: NDArray[np.uint8], color: Color) -> NDArray[np.uint8]:
    """(H, W, 1 or 3) -> (H, W, C) in the given colour."""
    channels = 1 if color == "gray" else 3
    if frame.shape[2] == channels:
        return frame
    if color == "rgb":
        return np.repeat(frame, 3, axis=2)
    return np.asarray(Image.fromarray(frame).convert("L"))[..., None]


def placed(clip: ClipSpec, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Where the picture is in a clip's frame: first row, first column, height and width, in pixels of the frame.

    Args:
        clip: geometry of the clip.
        size: height and width of the video.
    """
    if clip.resize == "stretch":
        return 0, 0, clip.height, clip.width
    scale = min(clip.height / size[0], clip.width / size[1])
    height, width = (max(1, round(scale * side)) for side in size)
    return (clip.height - height) // 2, (clip.width - width) // 2, height, width


def shrink(frame: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Resize (H, W, C) so that its longer side has at most this number of pixels; a smaller frame does not change."""
    height, width, channels = frame.shape
    scale = longest / max(height, width)
    if scale >= 1:
        return frame
    size = max(1, round(scale * width)), max(1, round(scale * height))
    image = Image.fromarray(frame[..., 0] if channels == 1 else frame)
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)).reshape(size[1], size[0], -1)


def resize(frame: NDArray[np.uint8], clip: ClipSpec) -> NDArray[np.uint8]:
    """Resize (H, W, C) to the clip's size; letterbox keeps the aspect ratio and adds black bars."""
    image = Image.fromarray(frame[..., 0] if clip.colors == 1 else frame)
    # Pillow's bilinear filter is antialiased: it averages pixels instead of skipping them.
    bilinear = Image.Resampling.BILINEAR
    if clip.resize == "stretch":
        fitted = image.resize((clip.width, clip.height), bilinear)
    else:
        fitted = Image.new(image.mode, (clip.width, clip.height))
        top, left, height, width = placed(clip, (image.height, image.width))
        fitted.paste(image.resize((width, height), bilinear), (left, top))
    return np.asarray(fitted).reshape(clip.height, clip.width, clip.colors)
