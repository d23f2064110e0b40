"""Draws an anomaly map and a box over a frame, and writes pictures as JPEG. All heat maps of vadkit come from here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from vadkit.core.files import atomic_write
from vadkit.core.values import ClipSpec
from vadkit.video.resize import placed

RED = (255, 48, 32)
_QUALITY = 88  # of JPEG
_OPACITY = 0.75  # of the highest values of a map
# Colours of the map's values 0, 1/3, 2/3 and 1, similar to matplotlib's "inferno".
_COLORS = np.array([(0, 0, 20), (130, 25, 110), (240, 95, 25), (252, 255, 165)], np.float32)
_LEVELS = np.linspace(0, 1, 256)
_TABLE = np.stack([np.interp(_LEVELS, np.linspace(0, 1, 4), _COLORS[:, channel]) for channel in range(3)], axis=-1)


def heat(anomaly_map: NDArray[np.floating[Any]], clip: ClipSpec, size: tuple[int, int]) -> NDArray[np.float32]:
    """The map at the size of the video, (H, W), from 0 for its lowest value to 1 for its highest.

    All values are 0 if the map is constant or not finite.

    Args:
        anomaly_map: (h, w), of a frame at the clip's size.
        clip: geometry of the clip.
        size: height and width of the video.
    """
    low, high = float(anomaly_map.min()), float(anomaly_map.max())
    if not np.isfinite(low + high) or low == high:
        return np.zeros(size, np.float32)
    h, w = anomaly_map.shape
    rows, columns = -(-clip.height // h), -(-clip.width // w)  # pixels of a cell; the last one may be smaller
    top, left, height, width = placed(clip, size)
    # The picture in cells of the map.
    region = (left / columns, top / rows, min((left + width) / columns, w), min((top + height) / rows, h))
    values = Image.fromarray(((anomaly_map - low) / (high - low)).astype(np.float32))
    return np.asarray(values.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=region)).clip(0, 1)


def overlay(frame: NDArray[np.uint8], values: NDArray[np.float32], strength: float = 1.0) -> NDArray[np.uint8]:
    """The frame (H, W, 3) under a heat map.

    Args:
        frame: RGB.
        values: (H, W) from 0 to 1, see `heat`. Low values are transparent.
        strength: factor of the opacity, from 0 to 1.
    """
    levels = (255 * values).round().astype(np.uint8)
    opacity = (_OPACITY * strength * _LEVELS).astype(np.float32)[:, None]
    colored, rest = (_TABLE * opacity).astype(np.float32), 1 - opacity
    return (frame * rest[levels] + colored[levels]).round().astype(np.uint8)


def draw_heat_map(
    picture: NDArray[np.uint8], anomaly_map: NDArray[np.floating[Any]], *, low: float, high: float
) -> NDArray[np.uint8]:
    """The picture (H, W, 3) under the heat map of an anomaly map (h, w) that covers it.

    Values up to `low` and NaN are transparent, and values from `high` on have the brightest colour.
    """
    if not high > low:
        return picture.copy()
    values = np.nan_to_num((anomaly_map - low) / (high - low), nan=0.0).clip(0, 1).astype(np.float32)
    size = picture.shape[1], picture.shape[0]
    return overlay(picture, np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR)).clip(0, 1))


def outline(frame: NDArray[np.uint8], box: tuple[int, int, int, int], color: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The frame (H, W, 3) with a line around the box (x0, y0, x1, y1); the pixels at x1 and y1 are outside."""
    image = Image.fromarray(frame)
    x0, y0, x1, y1 = box
    thickness = max(1, round(min(image.size) / 120))
    ends = (max(x0 - thickness, 0), max(y0 - thickness, 0))
    stops = (min(x1 - 1 + thickness, image.width - 1), min(y1 - 1 + thickness, image.height - 1))
    ImageDraw.Draw(image).rectangle((ends, stops), outline=color, width=thickness)
    return np.asarray(image)


def fit(frame: NDArray[np.uint8], widths: tuple[int, int]) -> NDArray[np.uint8]:
    """The frame (H, W, 3), enlarged by a whole factor to the least width, or reduced to the largest width."""
    least, most = widths
    if frame.shape[1] <= most:
        factor = -(-least // frame.shape[1])
        return frame.repeat(factor, axis=0).repeat(factor, axis=1)
    size = (most, max(1, round(frame.shape[0] * most / frame.shape[1])))
    return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))


def write_jpeg(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture (H, W, 3).

    Raises:
        RunFolderError: the folder cannot be written.
    """
    with atomic_write(path) as temporary:
        Image.fromarray(picture).save(temporary, "JPEG", quality=_QUALITY)
