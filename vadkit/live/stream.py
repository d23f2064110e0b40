"""Frames of a source as they arrive: a file, a folder of images, a camera or a network stream."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.container
import av.error
import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError, join_names
from vadkit.core.files import reading
from vadkit.core.values import ClipSpec, VideoRef, natural_key
from vadkit.video.damage import Damages
from vadkit.video.decode import decode
from vadkit.video.probe import frame_rate
from vadkit.video.resize import resize, to_color
from vadkit.video.video_file import to_rgb

MUCH = 1.1  # frame rates within this factor count as equal
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
_VIDEOS = (".avi", ".mkv", ".mov", ".mp4", ".ts", ".webm")
_WAITING = 64  # largest number of frames of a live source in the queue
_TIMEOUT = 10.0  # seconds without an answer or a frame
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds between two attempts to connect


@dataclass(frozen=True, slots=True)
class Arrival:
    """One frame and its time.

    Attributes:
        frame: (H, W, C) uint8, at the clip's size.
        seconds: time since the start of the source: of a recording by its frame rate, of a live source by the clock.
    """

    frame: NDArray[np.uint8]
    seconds: float


Arrivals = Iterator[Arrival | None]
"""Frames as they arrive. None marks lost frames: later frames do not continue the earlier ones, and may arrive late."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source of frames.

    Attributes:
        name: name for messages.
        live: whether frames are lost if they are not read in time.
        fps: frames per second, from the source's metadata; None if unknown.
        taken: frames per second of `arrivals`; None if unknown.
        arrivals: iterates over the frames, only once; for a live source, until the connection is given up.
    """

    name: str
    live: bool
    fps: float | None
    taken: float | None
    arrivals: Callable[[], Arrivals]


def open_source(
    name: str, clip: ClipSpec, *, fps: float | None = None, retries: int | None = None, tell: Callable[[str], None]
) -> Source:
    """Find the type and the frame rate of a source.

    Args:
        name: a video file, a folder of images, a URL such as rtsp://..., or a camera such as /dev/video0.
        clip: colour and size of the frames.
        fps: frames per second to use; the others are skipped. None uses all frames.
        retries: attempts in a row to reconnect to a live source; None never gives up.
        tell: called with a message about damages and lost connections.

    Raises:
        DataError: the source does not exist or is not a video.
    """
    name = name.removeprefix("file://")
    path = Path(name)
    with reading(name):
        if not (_URL.match(name) or path.is_char_device()):
            return _local(path, clip, fps, tell)
    rate, recorded = _stated(name)
    if recorded:
        return Source(
            shown(name), False, rate, _least(rate, fps), lambda: paced(_downloaded(name, clip, rate), rate, fps)
        )
    line = _Line(name, clip, retries, tell)
    return Source(shown(name), True, rate, _least(rate, fps), lambda: paced(line.arrivals(), rate, fps))


def _local(path: Path, clip: ClipSpec, fps: float | None, tell: Callable[[str], None]) -> Source:
    if not path.exists():
        raise DataError("the file or folder does not exist", where=str(path), fix="give a video, a camera or a URL")
    video = _video(path)
    rate = frame_rate(path) if path.is_file() else fps

    def arrivals() -> Arrivals:
        damages = Damages()
        for number, frame in enumerate(decode(video, color=clip.color, damages=damages)):
            yield Arrival(resize(frame, clip), number / rate if rate else float(number))
        for damage in damages.found:
            tell(f"{path} is damaged; the readable frames were used: {damage}")

    return Source(str(path), False, rate, _least(rate, fps), lambda: paced(arrivals(), rate, fps))


def paced(arrivals: Arrivals, has: float | None, wanted: float | None) -> Arrivals:
    """Skip frames evenly, from `has` to `wanted` frames per second; keep all if the rates are about equal.

    It counts frames, because arrival times over a network are irregular.
    """
    if wanted is None or has is None or has <= wanted * MUCH:
        yield from arrivals
        return
    due = 1.0
    for arrival in arrivals:
        if arrival is None or due >= 1 - 1e-9:
            yield arrival
            due = 1.0 if arrival is None else due - 1
        due = due + wanted / has if arrival is not None else due


def shown(name: str) -> str:
    """The name of a source for messages, without the user and password of its URL."""
    return re.sub(r"(?<=://)[^/@]*@", "***@", name)


def _least(has: float | None, wanted: float | None) -> float | None:
    return min((one for one in (has, wanted) if one), default=None)


def _video(path: Path) -> VideoRef:
    if path.is_file():
        return VideoRef(path.name, path)
    images = sorted(
        (one for one in path.iterdir() if one.suffix.lower() in _PICTURES), key=lambda one: natural_key(one.name)
    )
    if not images and (videos := [one.name for one in sorted(path.iterdir()) if one.suffix.lower() in _VIDEOS]):
        raise DataError(
            f"contains videos, not images: {join_names(videos)}", where=str(path), fix="give one of the videos"
        )
    if not images:
        fix = "give a folder of images, the frames of a video in order"
        raise DataError("contains no images", where=str(path), fix=fix)
    return VideoRef(path.name, tuple(images))


def _open(name: str) -> av.container.InputContainer:
    """Connect to a source.

    Raises:
        DataError: there is no answer, or no video.
    """
    kind = "v4l2" if Path(name).is_char_device() else None
    try:
        container = av.open(name, format=kind, timeout=(_TIMEOUT, _TIMEOUT))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise DataError(
            f"cannot be opened: {said}", where=shown(name), fix="check the address, the user and the network"
        ) from error
    if not container.streams.video:
        container.close()
        raise DataError("has no video stream", where=shown(name), fix="give the address of a video stream")
    return container


def _stated(name: str) -> tuple[float | None, bool]:
    """The frame rate (None if unknown), and whether it is a recording, which has a duration."""
    with _open(name) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        return float(rate) if rate else None, bool(container.duration and container.duration > 0)


def _downloaded(name: str, clip: ClipSpec, rate: float | None) -> Arrivals:
    """A recording's frames, each once, as fast as they are read."""
    number = 0
    try:
        for frame in _pictures(name, clip):
            yield Arrival(frame, number / rate if rate else float(number))
            number += 1
    except (av.error.FFmpegError, OSError) as error:
        what = f"breaks off after {number} frames: {getattr(error, 'strerror', None) or error}"
        raise DataError(what, where=shown(name), fix="check the network, or download the file first") from error


def _pictures(name: str, clip: ClipSpec) -> Iterator[NDArray[np.uint8]]:
    """Frames of one connection, at the clip's size."""
    with _open(name) as container:
        for picture in container.decode(video=0):
            yield resize(to_color(to_rgb(picture), clip.color), clip)


class _Line:
    """A connection to a live source that reconnects; frames that are not read in time are lost.

    Args:
        name: the source.
        clip: colour and size of the frames.
        retries: attempts in a row to reconnect before it gives up; None never gives up.
        tell: called with a message about lost frames and connections.
    """

    def __init__(self, name: str, clip: ClipSpec, retries: int | None, tell: Callable[[str], None]) -> None:
        self.name, self.clip, self.retries, self.tell = name, clip, retries, tell
        self._waiting: queue.Queue[Arrival | _End | None] = queue.Queue(_WAITING)
        self._stopped = threading.Event()
        self._began = time.monotonic()

    def arrivals(self) -> Arrivals:
        """Frames until all attempts to reconnect have failed.

        Raises:
            DataError: no frame arrived, or reconnecting failed, or the source was read before.
        """
        if self._stopped.is_set():
            raise DataError("was read already", where=shown(self.name), fix="open it again")
        threading.Thread(target=self._run, daemon=True).start()
        try:
            while not isinstance(found := self._waiting.get(), _End):
                yield found
            if found.trouble is not None:
                raise found.trouble
        finally:
            self._stopped.set()

    def _run(self) -> None:
        trouble: BaseException | None = None
        try:
            trouble = self._read()
        except BaseException as error:  # the reader of the queue must not wait for ever
            trouble = error
        self._put(_End(trouble))

    def _put(self, mark: _End | None) -> None:
        """Add to the queue when it has room; give up when the reader has stopped."""
        while not self._stopped.is_set():
            try:
                self._waiting.put(mark, timeout=0.2)
            except queue.Full:
                continue
            return

    def _read(self) -> DataError | None:
        """Read and reconnect; returns the error of the last attempt, None if it gave frames."""
        failed, pause = 0, _FIRST_PAUSE
        while not self._stopped.is_set():
            given, trouble = False, None
            try:
                for frame in _pictures(self.name, self.clip):
                    if self._stopped.is_set():
                        return None
                    self._offer(Arrival(frame, time.monotonic() - self._began))
                    given, failed, pause = True, 0, _FIRST_PAUSE
                what = "ended"
            except DataError as error:
                what, trouble = error.what, error
            except (av.error.FFmpegError, OSError) as error:
                what = f"was lost: {getattr(error, 'strerror', None) or error}"
            if self.retries is not None and failed >= self.retries:
                return None if given else trouble
            failed += 1
            if given:
                self._put(None)  # so that the frames so far are scored now, not after the reconnection
            self.tell(f"{shown(self.name)}: {what}; connecting again in {pause:.3g} s")
            self._stopped.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        return None

    def _offer(self, arrival: Arrival) -> None:
        """Add a frame to the queue; if the queue is full, drop all of its frames."""
        try:
            self._waiting.put_nowait(arrival)
            return
        except queue.Full:
            pass
        lost = 1
        while True:  # an empty queue is better than a growing delay
            try:
                lost += self._waiting.get_nowait() is not None
            except queue.Empty:
                break
        self._waiting.put_nowait(None)
        self.tell(f"{shown(self.name)}: the model is slower than the source; {lost} frames were lost")


@dataclass(frozen=True, slots=True)
class _End:
    """The end of the stream, with the error that caused it, if any."""

    trouble: BaseException | None
