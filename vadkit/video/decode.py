"""Decodes a video of any source to frames, each once and in order.

PyAV decodes video files. Pillow decodes images: its JPEG and RGB values are exact, while FFmpeg's
colour conversion is off by one. For every source, gray is the ITU-R 601 luma of the RGB values, so
that a video and its extracted frames give the same gray frames.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.values import Color, VideoRef
from vadkit.video.damage import FETCH, Damages
from vadkit.video.images import images
from vadkit.video.resize import to_color
from vadkit.video.video_file import pictures, timed_pictures

_DRAWN_AT_ONCE = 64  # frames


def frame_count(video: VideoRef) -> int:
    """F of a video; decodes the file only if the data set does not know F.

    Raises:
        DataError: the file is damaged.
    """
    if video.frames is not None:
        return video.frames
    if isinstance(video.source, tuple):
        return len(video.source)
    if isinstance(video.source, Path):
        return sum(1 for _ in pictures(video.source, Damages(strict=True)))
    what, fix = "a video drawn in code needs its number of frames", "set VideoRef.frames in the data set"
    raise DataError(what, where=video.name, fix=fix)


def frame_size(video: VideoRef) -> tuple[int, int]:
    """Height and width of a video in pixels; decodes one frame.

    Raises:
        DataError: no frame can be decoded.
    """
    frames = decode(video, color="rgb", damages=Damages())
    try:
        height, width, _ = next(frames).shape
    finally:
        frames.close()
    return height, width


class TimedFrame(NamedTuple):
    """A frame and its time."""

    frame: NDArray[np.uint8]  # (H, W, C)
    # Time since the first frame: by the time stamps of a file, else by `VideoRef.fps`; None if both are missing.
    seconds: float | None


def decode(
    video: VideoRef, *, color: Color, damages: Damages | None = None
) -> Generator[NDArray[np.uint8], None, None]:
    """Frames in order, each (H, W, C) uint8; C is 1 for gray and 3 for RGB.

    A partly readable video adds its problems to `damages`; None refuses such a video.

    Raises:
        DataError: a file is missing or has no readable frame, frame sizes differ within the video, or
            the number of frames differs from that of the file's header or the data set.
    """
    for timed in decode_timed(video, color=color, damages=damages):
        yield timed.frame


def decode_timed(video: VideoRef, *, color: Color, damages: Damages | None = None) -> Generator[TimedFrame, None, None]:
    """Frames in order as in `decode`, with their times.

    Raises:
        DataError: as in `decode`.
    """
    damages = damages or Damages(strict=True)
    if isinstance(video.source, tuple):
        frames = _numbered(images(video.source, color, damages), video.fps)
    elif isinstance(video.source, Path):
        frames = (TimedFrame(to_color(frame, color), at) for frame, at in timed_pictures(video.source, damages))
    else:
        draw, total = video.source, frame_count(video)
        parts = (draw(start, min(start + _DRAWN_AT_ONCE, total)) for start in range(0, total, _DRAWN_AT_ONCE))
        frames = _numbered((to_color(frame, color) for part in parts for frame in part), video.fps)
    count, shape = 0, None
    for timed in frames:
        shape = shape or timed.frame.shape
        if timed.frame.shape != shape:
            what = f"frame {count} is {_size(timed.frame.shape)}, but earlier frames are {_size(shape)}"
            fix = "resize or remove it, so that all frames of the video have one size"
            raise DataError(what, where=_place(video, count), fix=fix)
        yield timed
        count += 1
    if video.frames is None or count == video.frames:
        return
    if damages.found and count < video.frames:
        damages.note(count, f"the video ends here, but should have {video.frames} frames", where=_place(video))
        return
    what = f"has {count} frames, but should have {video.frames}"
    fix = f"{FETCH}; it is damaged, or not the version that the labels were made for"
    raise DataError(what, where=_place(video), fix=fix)


def _numbered(frames: Iterator[NDArray[np.uint8]], fps: float | None) -> Iterator[TimedFrame]:
    for number, frame in enumerate(frames):
        yield TimedFrame(frame, number / fps if fps else None)


def _place(video: VideoRef, index: int = 0) -> str:
    images = video.source if isinstance(video.source, tuple) else ()
    return str(images[index]) if index < len(images) else video.where


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
