"""Decodes a video of any source to frames, each once and in order.

Video files go through PyAV, images through Pillow, whose JPEG and RGB values are exact
where FFmpeg's colour conversion is off by one. Gray is the ITU-R 601 luma of the RGB
values, whatever the source, so that a video and its extracted frames look the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import av.container
import av.error
import av.video.stream
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vadkit.errors import DataError
from vadkit.values import Color, VideoRef

_EIGHT_BIT = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_DRAWN_AT_ONCE = 64  # frames
# Encoders with delay announce a frame or two more than they hold.
_ANNOUNCED_SLACK = 2  # frames


def frame_count(video: VideoRef) -> int:
    """F of a video, decoding the file only where the data set does not know.

    Raises:
        DataError: the file cannot be decoded.
    """
    if video.frames is not None:
        return video.frames
    if isinstance(video.source, tuple):
        return len(video.source)
    if isinstance(video.source, Path):
        return sum(1 for _ in _pictures(video.source))
    raise _unknown_length(video)


def decode(video: VideoRef, *, color: Color) -> Iterator[NDArray[np.uint8]]:
    """Frames in order, each (H, W, C) uint8; C is 1 for gray and 3 for RGB.

    Raises:
        DataError: a file is missing or undecodable, the sizes differ within the video, or
            there are fewer or more frames than the file or the data set announces.
    """
    if isinstance(video.source, tuple):
        frames = _from_images(video.source, color)
    elif isinstance(video.source, Path):
        frames = (_colored(_rgb(picture), color) for picture in _pictures(video.source))
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
    if video.frames is not None and count != video.frames:
        raise DataError(
            f"{count} frames came out, {video.frames} were expected",
            where=_place(video),
            fix="the video is damaged, or is another version than the labels were made for: fetch it again",
        )


def _pictures(path: Path) -> Iterator[av.VideoFrame]:
    count = 0
    try:
        with av.open(str(path)) as container:
            stream = _video_stream(container, path)
            for picture in container.decode(stream):
                yield picture
                count += 1
            announced = stream.frames
    except (av.error.FFmpegError, OSError) as error:
        raise _undecodable(path, count, error) from error
    if count == 0:
        raise DataError("holds no frame", where=str(path), fix="fetch the file again or remove it")
    if count + _ANNOUNCED_SLACK < announced:
        raise DataError(
            f"breaks off at frame {count} of the {announced} that it announces",
            where=str(path),
            fix="the file is truncated: fetch it again",
        )


def _video_stream(container: av.container.InputContainer, path: Path) -> av.video.stream.VideoStream:
    if not container.streams.video:
        raise DataError("holds no video stream", where=str(path), fix="fetch the file again or remove it")
    return container.streams.video[0]


def _from_images(paths: tuple[Path, ...], color: Color) -> Iterator[NDArray[np.uint8]]:
    for index, path in enumerate(paths):
        # Pillow's decoders report damage with SyntaxError and ValueError as well.
        try:
            with Image.open(path) as image:
                pixels = _eight_bit(image, color, where=path, index=index)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise _undecodable(path, index, error) from error
        yield pixels.reshape(*pixels.shape[:2], -1)  # (H, W, C)


def _eight_bit(image: Image.Image, color: Color, *, where: Path, index: int) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3)."""
    if image.mode not in _EIGHT_BIT:
        raise DataError(
            f"frame {index} has pixels of mode {image.mode!r}, not 8 bits a channel",
            where=str(where),
            fix="convert the images to 8 bits; how to scale them is not vadkit's to guess",
        )
    return np.asarray(image.convert("L" if color == "gray" else "RGB"))


def _from_function(
    video: VideoRef, draw: Callable[[int, int], NDArray[np.uint8]], color: Color
) -> Iterator[NDArray[np.uint8]]:
    if video.frames is None:
        raise _unknown_length(video)
    for start in range(0, video.frames, _DRAWN_AT_ONCE):
        for frame in draw(start, min(start + _DRAWN_AT_ONCE, video.frames)):
            yield _colored(frame, color)


def _rgb(picture: av.VideoFrame) -> NDArray[np.uint8]:
    return picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def _colored(frame: NDArray[np.uint8], color: Color) -> NDArray[np.uint8]:
    """(H, W, 1 or 3) -> (H, W, C) in the colour wanted."""
    channels = 1 if color == "gray" else 3
    if frame.shape[2] == channels:
        return frame
    if color == "rgb":
        return np.repeat(frame, 3, axis=2)
    return np.asarray(Image.fromarray(frame).convert("L"))[..., None]


def _undecodable(path: Path, index: int, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError("no such file", where=str(path), fix="restore it, or correct the data set's folder")
    with contextlib.suppress(OSError):
        if path.stat().st_size == 0:
            return DataError("the file is empty (0 bytes)", where=str(path), fix="fetch it again")
    return DataError(
        f"cannot be decoded at frame {index}: {error}",
        where=str(path),
        fix="the file is damaged or is no video or image: fetch it again or remove it",
    )


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
