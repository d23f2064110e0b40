"""Writes frames to image files or a video file; a partial file never has its final name."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from uuid import uuid4

import av
import av.error
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vadkit.core.errors import DataError
from vadkit.core.files import atomic_write, explain
from vadkit.core.folders import IMAGE_FORMATS
from vadkit.core.values import VideoRef
from vadkit.video.decode import decode, frame_count
from vadkit.video.media import media_url, open_media

_JPEG = frozenset({".jpg", ".jpeg"})
_QUALITY = 95
_FPS = 25.0  # for video files with an unknown frame rate


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """Size and colour of written frames."""

    size: tuple[int, int] | None  # height and width; None for those of each video
    gray: bool  # one channel instead of three


def frame_writer(video: VideoRef, folder: Path, form: FrameFormat) -> int:
    """Write a video as `folder/000.jpg` and so on, unless the folder exists, which is then complete. Returns F.

    Raises:
        DataError: the video cannot be decoded, or has no frames.
        RunFolderError: it cannot be written.
    """
    if folder.is_dir():
        return len(list(folder.glob("*.jpg")))
    aside = folder.with_name(f".{folder.name}.{uuid4().hex[:8]}.part")
    try:
        aside.mkdir(parents=True)
        count = _copy(video, aside) if _is_jpeg(video, form) else _draw(video, aside, form)
        if count == 0:
            raise DataError("the video has no frames", where=video.where)
        aside.replace(folder)
    except OSError as error:
        raise explain(error, folder) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return count


def _is_jpeg(video: VideoRef, form: FrameFormat) -> bool:
    """Whether the frames are JPEG files that can be copied; encoding them again would lose quality."""
    untouched = form.size is None and not form.gray
    return untouched and isinstance(video.source, tuple) and all(path.suffix.lower() in _JPEG for path in video.source)


def _copy(video: VideoRef, folder: Path) -> int:
    assert isinstance(video.source, tuple)
    digits = _digits(len(video.source))
    for index, _ in enumerate(decode(video, color="gray")):  # decoding refuses a damaged file
        shutil.copyfile(video.source[index], folder / f"{index:0{digits}}.jpg")
    return len(video.source)


def _draw(video: VideoRef, folder: Path, form: FrameFormat) -> int:
    digits, index = _digits(frame_count(video)), -1
    for index, frame in enumerate(_frames(video, form)):
        _image(frame).save(folder / f"{index:0{digits}}.jpg", quality=_QUALITY, subsampling=0)
    return index + 1


def _digits(frames: int) -> int:
    """Number of digits of all file names, for code that sorts them as text."""
    return max(3, len(str(frames - 1)))


def _image(frame: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame)


def video_writer(video: VideoRef, path: Path, form: FrameFormat) -> int:
    """Write a video as one lossless FFV1 file, unless the file exists, which is then complete. Returns F.

    Raises:
        DataError: the video cannot be decoded, or has no frames.
        RunFolderError: it cannot be written.
    """
    if path.is_file():
        return frame_count(VideoRef(video.name, path))
    frames = _frames(video, form)
    if (first := next(frames, None)) is None:
        raise DataError("the video has no frames", where=video.where)
    height, width, channels = first.shape
    gray, count = channels == 1, 0
    with atomic_write(path) as aside, av.open(media_url(aside), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(video.fps or _FPS).limit_denominator(1001))
        # Stored as RGB: a conversion to YUV would round.
        stream.width, stream.height, stream.pix_fmt = width, height, "gray" if gray else "bgr0"
        for frame in chain((first,), frames):
            picture = np.ascontiguousarray(frame[..., 0] if gray else frame)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray" if gray else "rgb24")))
            count += 1
        container.mux(stream.encode())
    return count


def _frames(video: VideoRef, form: FrameFormat) -> Iterator[NDArray[np.uint8]]:
    """Frames (H, W, C) in the colour and size of the format; a gray video stays gray."""
    for frame in decode(video, color="gray" if form.gray or _stored_gray(video) else "rgb"):
        if form.size is None or frame.shape[:2] == form.size:
            yield frame
            continue
        small = np.asarray(_image(frame).resize((form.size[1], form.size[0]), Image.Resampling.BILINEAR))
        yield small.reshape(*form.size, -1)


def _stored_gray(video: VideoRef) -> bool:
    """Whether the source is stored as gray; False if it cannot be read, because decoding it reports the error."""
    source = video.source
    with contextlib.suppress(av.error.FFmpegError, OSError, IndexError):
        if isinstance(source, Path):
            with open_media(source) as container:
                return bool(container.streams.video) and (container.streams.video[0].pix_fmt or "").startswith("gray")
        if isinstance(source, tuple):
            with Image.open(source[0], formats=IMAGE_FORMATS) as image:
                return image.mode in {"1", "L"}
    return callable(source) and source(0, 1).shape[3] == 1


def resized_masks(masks: NDArray[np.bool_], size: tuple[int, int] | None) -> NDArray[np.bool_]:
    """(F, H, W) at another size; a pixel is abnormal if any abnormal source pixel overlaps it."""
    if size is None or masks.shape[1:] == size:
        return masks
    images = (Image.fromarray(mask.astype(np.float32)) for mask in masks)
    return np.stack([np.asarray(image.resize((size[1], size[0]), Image.Resampling.BOX)) > 0 for image in images])
