"""Video sources for live scoring: a file, a folder of images, a camera or a network stream."""

from __future__ import annotations

import contextlib
import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
import av.container
import av.error
import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError, join_names
from vadkit.core.files import reading
from vadkit.core.folders import is_image, is_video, list_folder
from vadkit.core.values import ClipSpec, VideoRef
from vadkit.video.damage import Damages
from vadkit.video.decode import decode
from vadkit.video.resize import resize, to_color
from vadkit.video.rgb import RgbConverter
from vadkit.video.video_file import frame_rate

FPS_TOLERANCE = 1.1  # frame rates that differ by at most this factor count as equal
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_QUEUE_SIZE = 64  # frames of a live source that may wait for the model
_TIMEOUT = 10.0  # seconds without an answer or a frame
_END = object()
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds between two attempts to connect


@dataclass(frozen=True, slots=True)
class SourceFrame:
    """One frame of a source."""

    frame: NDArray[np.uint8]  # (H, W, C) uint8, at the clip's size
    # time since the start of the source: frame number / frame rate for a recording, the clock for a live source
    seconds: float


SourceFrames = Iterator[SourceFrame | None]
"""The frames of a source. None marks a gap: frames were lost, and the next frame may take long."""


@dataclass(frozen=True, slots=True)
class Source:
    """An opened video source."""

    name: str  # the name that the user gave, without a password
    live: bool  # whether the source drops frames that are not read in time
    fps: float | None  # of the source; None if unknown
    used_fps: float | None  # frames per second that `frames` gives; None if unknown
    # gives the frames; call it once. A live source ends when its connection is lost for good
    frames: Callable[[], SourceFrames]


def open_source(
    name: str, clip: ClipSpec, *, fps: float | None = None, retries: int | None = None, tell: Callable[[str], None]
) -> Source:
    """Open a source and find its kind and its frame rate.

    The source is a video file, a folder of images, a URL such as rtsp://..., or a camera such as /dev/video0. The
    frames have the colour and size of `clip`. If the source has more than `fps` frames per second, some are skipped.
    `retries` is the number of tries in a row to reconnect to a live source; None never gives up. `tell` receives
    messages about damage and lost connections.

    Raises:
        DataError: the source does not exist or has no video.
    """
    name = name.removeprefix("file://")
    path = Path(name)
    with reading(name):
        if not (_URL.match(name) or path.is_char_device()):
            return _local(path, clip, fps, tell)
    rate, recorded = _probe(name)
    read = partial(_read_remote, name, clip, rate) if recorded else _LiveConnection(name, clip, retries, tell).frames
    return Source(redacted(name), not recorded, rate, _lower(rate, fps), lambda: limit_fps(read(), rate, fps))


def _local(path: Path, clip: ClipSpec, fps: float | None, tell: Callable[[str], None]) -> Source:
    if not path.exists():
        raise DataError("does not exist", where=str(path), fix="give a video, a camera or a URL")
    video = recorded(path)
    rate = frame_rate(path) if path.is_file() else fps

    def frames() -> SourceFrames:
        damages = Damages()
        for number, frame in enumerate(decode(video, color=clip.color, damages=damages)):
            yield SourceFrame(resize(frame, clip), number / rate if rate else float(number))
        if damages.found:
            tell(f"{path} is damaged; the readable frames were used: {join_names(damages.found, most=3)}")

    return Source(str(path), False, rate, _lower(rate, fps), lambda: limit_fps(frames(), rate, fps))


def limit_fps(frames: SourceFrames, source_fps: float | None, fps: float | None) -> SourceFrames:
    """Skip frames evenly, so that `fps` frames per second remain.

    All frames remain if one of the rates is None, or if `source_fps` is at most `FPS_TOLERANCE` times `fps`.
    The function counts frames, because the times at which frames arrive over a network are not reliable.
    """
    if fps is None or source_fps is None or source_fps <= fps * FPS_TOLERANCE:
        yield from frames
        return
    due = 1.0
    for frame in frames:
        if frame is None or due >= 1 - 1e-9:
            yield frame
            due = 1.0 if frame is None else due - 1
        due = due + fps / source_fps if frame is not None else due


def redacted(name: str) -> str:
    """Name of a source for messages: without the password in its URL."""
    return re.sub(r"(?<=://)[^/@]*@", "***@", name)


def _lower(source_fps: float | None, fps: float | None) -> float | None:
    return min((rate for rate in (source_fps, fps) if rate), default=None)


def recorded(path: Path) -> VideoRef:
    """A video file, or a folder of images, as a video.

    Raises:
        DataError: it is a folder without images.
    """
    if path.is_file():
        return VideoRef(path.name, path)
    files = list_folder(path)
    if images := tuple(file for file in files if is_image(file)):
        return VideoRef(path.name, images)
    if videos := [file.name for file in files if is_video(file)]:
        raise DataError(f"holds videos: {join_names(videos)}", where=str(path), fix="give one of them")
    raise DataError("holds no images", where=str(path), fix="give a folder of images that are the frames in order")


def _open(name: str) -> av.container.InputContainer:
    """Connect to a camera or a URL. Raises DataError if there is no answer, or no video."""
    kind = "v4l2" if Path(name).is_char_device() else None
    try:
        container = av.open(name, format=kind, timeout=(_TIMEOUT, _TIMEOUT))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        what = f"cannot be opened: {getattr(error, 'strerror', None) or error}"
        raise DataError(what, where=redacted(name), fix="check address, user and network") from error
    if not container.streams.video:
        container.close()
        raise DataError("holds no video stream", where=redacted(name), fix="give the address of a video stream")
    return container


def _probe(name: str) -> tuple[float | None, bool]:
    """Frame rate (None if unknown), and whether the source is a recording: it then has a duration."""
    with _open(name) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        return float(rate) if rate else None, bool(container.duration and container.duration > 0)


def _read_remote(name: str, clip: ClipSpec, rate: float | None) -> SourceFrames:
    """Frames of a recording on the network, as fast as the caller reads them."""
    number = 0
    try:
        for frame in _decode(name, clip):
            yield SourceFrame(frame, number / rate if rate else float(number))
            number += 1
    except (av.error.FFmpegError, OSError) as error:
        what = f"breaks off after {number} frames: {getattr(error, 'strerror', None) or error}"
        raise DataError(what, where=redacted(name), fix="check the network, or download the file first") from error


def _decode(name: str, clip: ClipSpec) -> Iterator[NDArray[np.uint8]]:
    """Frames of one connection, at the clip's size."""
    to_rgb = RgbConverter()
    with _open(name) as container:
        for frame in container.decode(video=0):
            yield resize(to_color(to_rgb(frame), clip.color), clip)


class _LiveConnection:
    """A connection to a live source. It reconnects after a loss, and drops frames that are not read in time."""

    def __init__(self, name: str, clip: ClipSpec, retries: int | None, tell: Callable[[str], None]) -> None:
        self.name, self.clip, self.retries, self.tell = name, clip, retries, tell
        self._queue: queue.Queue[Any] = queue.Queue(_QUEUE_SIZE)  # frames, None for a gap, and `_END`
        self._error: BaseException | None = None  # why the source ended; None for a normal end
        self._stopped = threading.Event()
        self._began = time.monotonic()

    def frames(self) -> SourceFrames:
        """Frames until the connection is lost for good.

        Raises:
            DataError: the source gave no frame, reconnecting failed, or the frames were read before.
        """
        if self._stopped.is_set():
            raise DataError("was read already", where=redacted(self.name), fix="open it again")
        threading.Thread(target=self._run, daemon=True).start()
        try:
            while (item := self._queue.get()) is not _END:
                yield item
            if self._error is not None:
                raise self._error
        finally:
            self._stopped.set()

    def _run(self) -> None:
        try:
            self._error = self._read()
        except BaseException as exception:  # the reader of the queue must not wait forever
            self._error = exception
        self._put(_END)

    def _put(self, item: object) -> None:
        """Put an item into the queue when there is room, unless the reader has stopped."""
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def _read(self) -> DataError | None:
        """Read frames, and reconnect after a loss. The result is the error of the last try, None if it gave frames."""
        failed, pause = 0, _FIRST_PAUSE
        while not self._stopped.is_set():
            has_frames, error = False, None
            try:
                for frame in _decode(self.name, self.clip):
                    if self._stopped.is_set():
                        return None
                    self._offer(SourceFrame(frame, time.monotonic() - self._began))
                    has_frames, failed, pause = True, 0, _FIRST_PAUSE
                what = "ended"
            except DataError as exception:
                what, error = exception.what, exception
            except (av.error.FFmpegError, OSError) as exception:
                what = f"was lost: {getattr(exception, 'strerror', None) or exception}"
            if self.retries is not None and failed >= self.retries:
                return None if has_frames else error
            failed += 1
            if has_frames:
                self._put(None)  # the earlier frames get their scores now, not after the reconnection
            self.tell(f"{redacted(self.name)}: {what}; connecting again in {pause:.3g} s")
            self._stopped.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return None

    def _offer(self, frame: SourceFrame) -> None:
        """Put a frame into the queue. If the queue is full, drop this frame and all frames in the queue."""
        try:
            self._queue.put_nowait(frame)
            return
        except queue.Full:
            lost = 1
        with contextlib.suppress(queue.Empty):  # dropping all frames once is better than a delay that grows
            while True:
                lost += self._queue.get_nowait() is not None
        self._queue.put_nowait(None)
        self.tell(f"{redacted(self.name)}: the model is slower than the source; {lost} frames were lost")
