"""Frames of a source as they come: a file, a folder of images, a camera, a stream of the network."""

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

from vadkit.errors import DataError
from vadkit.values import ClipSpec, VideoRef, natural
from vadkit.video.container import as_shown
from vadkit.video.damage import Damages
from vadkit.video.decode import decode
from vadkit.video.probe import frame_rate
from vadkit.video.sizing import at_size, colored

_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
_WAITING = 64  # frames that a live source may be ahead
_TIMEOUT = 10.0  # seconds without an answer or a frame
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0  # seconds between two tries to connect


@dataclass(frozen=True, slots=True)
class Arrival:
    """One frame.

    Attributes:
        frame: (H, W, C) uint8, at the clip's size.
        seconds: since the source began; of a file by its frame rate, of a live source by the clock.
        gap: frames before this one were lost, so that it begins anew.
    """

    frame: NDArray[np.uint8]
    seconds: float
    gap: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where frames come from.

    Attributes:
        name: as the user wrote it.
        live: whether frames are lost if nobody takes them in time.
        fps: frames a second, as the source states it; None if it does not.
        taken: frames a second that `arrivals` gives; None if unknown.
        arrivals: gives the frames, once; a live source's until it is lost for good.
    """

    name: str
    live: bool
    fps: float | None
    taken: float | None
    arrivals: Callable[[], Iterator[Arrival]]


def open_source(
    name: str, clip: ClipSpec, *, fps: float | None = None, retries: int | None = None, tell: Callable[[str], None]
) -> Source:
    """Find out what a source is, and its frame rate.

    Args:
        name: a video file, a folder of images, a URL such as rtsp://..., or a camera such as /dev/video0.
        clip: colour and size of the frames.
        fps: frames to take a second; leaves some out where the source has more. None takes all.
        retries: tries in a row to connect to a live source again; None never gives up.
        tell: is told of damages and lost connections.

    Raises:
        DataError: there is no such source, or it gives no video.
    """
    path = Path(name)
    if _URL.match(name) or path.is_char_device():
        rate = _stated_rate(name)
        lines = _Line(name, clip, retries, tell)
        return Source(name, True, rate, _least(rate, fps), lambda: paced(lines.arrivals(), rate, fps))
    if not path.exists():
        raise DataError("there is no such file or folder", where=name, fix="give a video, a camera or a URL")
    video = _video(path)
    rate = frame_rate(path) if path.is_file() else fps

    def arrivals() -> Iterator[Arrival]:
        damages = Damages()
        for number, frame in enumerate(decode(video, color=clip.color, damages=damages)):
            yield Arrival(at_size(frame, clip), number / rate if rate else float(number))
        for damage in damages.found:
            tell(f"{name} is damaged, the rest was used: {damage}")

    return Source(name, False, rate, _least(rate, fps), lambda: paced(arrivals(), rate, fps))


def paced(arrivals: Iterator[Arrival], has: float | None, wanted: float | None) -> Iterator[Arrival]:
    """Leave frames out, so that no more than `wanted` a second are left; all, if `has` is not more than that."""
    if wanted is None or has is None or has <= wanted:
        yield from arrivals
        return
    taken, gap = None, False
    for arrival in arrivals:
        gap = gap or arrival.gap
        turn = int(arrival.seconds * wanted + 1e-6)
        if turn != taken or arrival.gap:
            yield Arrival(arrival.frame, arrival.seconds, gap)
            taken, gap = turn, False


def _least(has: float | None, wanted: float | None) -> float | None:
    return min((one for one in (has, wanted) if one), default=None)


def _video(path: Path) -> VideoRef:
    if path.is_file():
        return VideoRef(path.name, path)
    images = sorted(
        (one for one in path.iterdir() if one.suffix.lower() in _PICTURES), key=lambda one: natural(one.name)
    )
    if not images:
        raise DataError("holds no images", where=str(path), fix="give a folder whose images are the frames in order")
    return VideoRef(path.name, tuple(images))


def _open(name: str) -> av.container.InputContainer:
    """Connect.

    Raises:
        DataError: nobody answers, or there is no video.
    """
    kind = "v4l2" if Path(name).is_char_device() else None
    try:
        container = av.open(name, format=kind, timeout=(_TIMEOUT, _TIMEOUT))
    except (av.error.FFmpegError, OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or error
        raise DataError(f"cannot be opened: {said}", where=name, fix="check address, user and network") from error
    if not container.streams.video:
        container.close()
        raise DataError("holds no video stream", where=name, fix="give the address of a video stream")
    return container


def _stated_rate(name: str) -> float | None:
    with _open(name) as container:
        stream = container.streams.video[0]
        rate = stream.average_rate or stream.guessed_rate
        return float(rate) if rate else None


class _Line:
    """A connection to a live source, made again when it breaks; frames that nobody takes in time are lost.

    Args:
        name: the source.
        clip: colour and size of the frames.
        retries: tries in a row before it is given up.
        tell: is told of losses.
    """

    def __init__(self, name: str, clip: ClipSpec, retries: int | None, tell: Callable[[str], None]) -> None:
        self.name, self.clip, self.retries, self.tell = name, clip, retries, tell
        self._waiting: queue.Queue[Arrival | DataError | None] = queue.Queue(_WAITING)
        self._stopped = threading.Event()
        self._began = time.monotonic()
        self._gap = False

    def arrivals(self) -> Iterator[Arrival]:
        """Frames until the source is given up.

        Raises:
            DataError: it never gave a frame, or could not be reached again.
        """
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()
        try:
            while (found := self._waiting.get()) is not None:
                if isinstance(found, DataError):
                    raise found
                yield found
        finally:
            self._stopped.set()

    def _read(self) -> None:
        failed, pause = 0, _FIRST_PAUSE
        while not self._stopped.is_set():
            given, trouble = False, None
            try:
                for frame in self._pictures():
                    self._offer(frame)
                    given, failed, pause = True, 0, _FIRST_PAUSE
                what = "ended"
            except DataError as error:
                what, trouble = error.what, error
            except (av.error.FFmpegError, OSError) as error:
                what = f"was lost: {getattr(error, 'strerror', None) or error}"
            if self.retries is not None and failed >= self.retries:
                self._waiting.put(trouble if not given else None)
                return
            failed += 1
            self._gap = True
            self.tell(f"{self.name}: {what}; connecting again in {pause:.3g} s")
            self._stopped.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _pictures(self) -> Iterator[NDArray[np.uint8]]:
        with _open(self.name) as container:
            for picture in container.decode(video=0):
                if self._stopped.is_set():
                    return
                yield at_size(colored(as_shown(picture), self.clip.color), self.clip)

    def _offer(self, frame: NDArray[np.uint8]) -> None:
        arrival = Arrival(frame, time.monotonic() - self._began, self._gap)
        self._gap = False
        try:
            self._waiting.put_nowait(arrival)
        except queue.Full:
            lost = 1
            while True:  # a fresh start costs less than one that lags ever more
                try:
                    self._waiting.get_nowait()
                    lost += 1
                except queue.Empty:
                    break
            self._gap = True
            self.tell(f"{self.name}: the model is slower than the source; {lost} frames were lost")
