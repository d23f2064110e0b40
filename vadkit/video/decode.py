"""Decodes a video of any source to frames, each once and in order.

Video files go through PyAV, images through Pillow, whose JPEG and RGB values are exact
where FFmpeg's colour conversion is off by one. Gray is the ITU-R 601 luma of the RGB
values, whatever the source, so that a video and its extracted frames look the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.values import Color, VideoRef
from vadkit.video.damage import FETCH, Damages
from vadkit.video.images import images
from vadkit.video.resize import colored
from vadkit.video.video_file import pictures

_DRAWN_AT_ONCE = 64  # frames


def frame_count(video: VideoRef) -> int:
    """F of a video, decoding the file only where the data set does not know.

    Raises:
        DataError: the file is damaged.
    """
    if video.frames is not None:
        return video.frames
    if isinstance(video.source, tuple):
        return len(video.source)
    if isinstance(video.source, Path):
        return sum(1 for _ in pictures(video.source, Damages(strict=True)))
    raise _unknown_length(video)


def decode(video: VideoRef, *, color: Color, damages: Damages | None = None) -> Iterator[NDArray[np.uint8]]:
    """Frames in order, each (H, W, C) uint8; C is 1 for gray and 3 for RGB.

    Args:
        video: what to decode.
        color: "gray" or "rgb".
        damages: takes what is wrong with a video that can be read in part; None refuses it.

    Raises:
        DataError: a file is missing or gives no frame, the sizes differ within the video, or
            there are fewer or more frames than the file or the data set announces.
    """
    damages = damages or Damages(strict=True)
    if isinstance(video.source, tuple):
        frames = images(video.source, color, damages)
    elif isinstance(video.source, Path):
        frames = (colored(frame, color) for frame in pictures(video.source, damages))
    else:
        frames = _from_function(video, video.source, color)
    count, shape = 0, None
    for frame in frames:
        shape = shape or frame.shape
        if frame.shape != shape:
            raise DataError(
                f"frame {count} is {_size(frame.shape)}, those before it are {_size(shape)}",
                where=_place(video, count),
                fix="every frame of a video must have the same size; mend or remove this one",
            )
        yield frame
        count += 1
    if video.frames is None or count == video.frames:
        return
    if damages.found and count < video.frames:
        damages.note(count, f"the last; {video.frames} frames were expected", where=_place(video))
        return
    raise DataError(
        f"{count} frames came out, {video.frames} were expected",
        where=_place(video),
        fix=f"the video is damaged, or is another version than the labels were made for: {FETCH}",
    )


def _from_function(
    video: VideoRef, draw: Callable[[int, int], NDArray[np.uint8]], color: Color
) -> Iterator[NDArray[np.uint8]]:
    if video.frames is None:
        raise _unknown_length(video)
    for start in range(0, video.frames, _DRAWN_AT_ONCE):
        for frame in draw(start, min(start + _DRAWN_AT_ONCE, video.frames)):
            yield colored(frame, color)


def _unknown_length(video: VideoRef) -> DataError:
    return DataError(
        "a drawn video must say how many frames it has",
        where=video.name,
        fix="set VideoRef.frames in the data set",
    )


def _place(video: VideoRef, index: int = 0) -> str:
    if isinstance(video.source, Path):
        return str(video.source)
    if isinstance(video.source, tuple):
        return str(video.source[index] if index < len(video.source) else video.name)
    return video.name


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
