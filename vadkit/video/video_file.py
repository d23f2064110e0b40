"""Decodes a video file with PyAV: each frame once, in display order, upright."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import av.container
import av.error
import av.video.stream
import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.video.damage import FETCH, Damages, unreadable
from vadkit.video.media import open_media
from vadkit.video.rgb import RgbConverter
from vadkit.video.times import Timeline, frame_times, mean_rate, plausible_rate, untimed
from vadkit.video.truncation import missing_bytes

# Files of encoders with delay announce up to two frames more than they contain.
_ANNOUNCED_SLACK = 2  # frames
_MICROSECONDS = 1_000_000


class TimedPicture(NamedTuple):
    """A decoded frame and its time."""

    frame: NDArray[np.uint8]  # (H, W, 3) RGB
    seconds: float  # presentation time since the first frame, see `Timeline`


def pictures(path: Path, damages: Damages) -> Iterator[NDArray[np.uint8]]:
    """Frames (H, W, 3) RGB of the file's main video stream.

    A video with a variable frame rate gives each of its frames once; `timed_pictures` adds their times.

    Raises:
        DataError: no frame can be decoded; or the first damage, if `damages` is strict.
    """
    return (picture.frame for picture in timed_pictures(path, damages))


def timed_pictures(path: Path, damages: Damages) -> Iterator[TimedPicture]:
    """Frames of the file's main video stream with their presentation times.

    Raises:
        DataError: no frame can be decoded; or the first damage, if `damages` is strict.
    """
    try:
        container = open_media(path)
    except (av.error.FFmpegError, OSError) as error:
        raise unreadable(path, error) from error
    with container:
        stream = container.streams.best("video")
        if stream is None:
            raise DataError("has no video stream", where=str(path), fix=f"{FETCH}, or remove it")
        assert isinstance(stream, av.video.stream.VideoStream)
        count, end = 0, 0.0
        packets, to_rgb = _Packets(container, stream), RgbConverter()
        timeline = Timeline(float(stream.average_rate or stream.guessed_rate or 0))
        for picture in packets.decoded(damages, path):
            if picture.is_corrupt:
                damages.note(count, "its pixels are damaged", where=path)
            yield TimedPicture(to_rgb(picture), timeline.at(packets.stamp(picture)))
            count += 1
            end = (picture.time or 0.0) + float(picture.duration * (picture.time_base or 0) if picture.duration else 0)
            packets.given = count
        if count == 0:
            raise DataError("has no frame that can be decoded", where=str(path), fix=f"{FETCH}, or remove it")
        if packets.gap is not None and not damages.found:  # else the decoder has reported it already
            damages.note(min(packets.gap, count - 1), "a part of the stream is missing near here", where=path)
        if why := _broken_off(path, packets, end):
            damages.note(count, f"breaks off{why}", where=path)


def frame_rate(path: Path) -> float | None:
    """Average frames per second of a video file; None if unknown or if the file is unreadable.

    The file's metadata state it. If they state a rate that no camera has, such as 90000, the time stamps give it.
    """
    try:
        with open_media(path) as container:
            rates = [stream.average_rate or stream.guessed_rate for stream in container.streams.video]
        stated = float(rates[0]) if rates and rates[0] else None
        return plausible_rate(stated) or (mean_rate(frame_times(path)) if stated else None)
    except (av.error.FFmpegError, OSError, DataError):
        return None  # decoding the file reports the error


def announced_frames(path: Path) -> int:
    """The number of frames that the file's metadata announces, for progress only; 0 if unknown or unreadable."""
    try:
        with open_media(path) as container:
            stream = container.streams.best("video")
            if not isinstance(stream, av.video.stream.VideoStream):
                return 0
            seconds = (container.duration or 0) / _MICROSECONDS
            return max(0, stream.frames or round(seconds * float(stream.average_rate or 0)))
    except (av.error.FFmpegError, OSError, DataError):
        return 0  # decoding the file reports the error


class _Packets:
    """Decodes packet by packet, so that a damaged packet does not affect the others."""

    def __init__(self, container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> None:
        self.container, self.stream = container, stream
        self.count = self.given = 0
        self.gap: int | None = None  # the frame after a missing part of the stream
        self.broken = False
        self._base = float(stream.time_base or 0)
        # Decoding time stamps of packets without presentation time stamps: the times of the frames, in display order.
        self._stamps: deque[float] = deque()

    def stamp(self, picture: av.VideoFrame) -> float | None:
        """Time stamp of the next frame in seconds; None if it has none."""
        return self._stamps.popleft() if self._stamps else picture.time

    def decoded(self, damages: Damages, path: Path) -> Iterator[av.VideoFrame]:
        """Frames in order; a decoding error is recorded at the next frame."""
        demuxed = self.container.demux(self.stream)
        while True:
            try:
                packet = next(demuxed)
            except StopIteration:
                return
            except (av.error.FFmpegError, OSError) as error:
                self._broken(damages, path, f"cannot be read further: {error.strerror}")
                return
            self.count += packet.size > 0
            if packet.size and packet.dts is not None and (packet.pts is None or untimed(self.container)):
                self._stamps.append(packet.dts * self._base)
            if packet.is_corrupt and self.gap is None:
                self.gap = self.given
            try:
                yield from self.stream.decode(packet)
            except av.error.FFmpegError as error:
                if self._stamps:  # of the frame that is lost
                    self._stamps.popleft()
                self._broken(damages, path, f"data here cannot be decoded: {error.strerror}")

    def _broken(self, damages: Damages, path: Path, what: str) -> None:
        self.broken = True
        damages.note(self.given, what, where=path)


def _broken_off(path: Path, packets: _Packets, end: float) -> str:
    """The evidence, in the file's own metadata, that its end is missing; empty if there is none.

    `end` is the end of the last decoded frame in seconds.
    """
    announced, rate = packets.stream.frames, float(packets.stream.average_rate or 0)
    # If all frames were decoded, only an index is missing.
    lacking = missing_bytes(path) if packets.count < announced or announced == 0 else 0
    miscounted = packets.container.format.name == "avi" and not lacking  # the header of some cameras' AVI files
    if packets.count + _ANNOUNCED_SLACK < announced and not miscounted:
        return f"; the file announces {announced} frames"
    if announced == 0 and rate > 0 and not packets.broken:
        seconds = _announced_seconds(packets.container, packets.stream)
        if end + (_ANNOUNCED_SLACK + 1) / rate < seconds:
            return f" after {end:.2f} s; the file announces {seconds:.2f} s"
    return f"; at least {lacking} bytes are missing at the file's end" if lacking else ""


def _announced_seconds(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> float:
    """Announced end of the video stream in seconds, in Matroska from a tag; 0 if unknown."""
    if tag := stream.metadata.get("DURATION"):
        hours, minutes, seconds = (float(part) for part in tag.split(":"))
        return 3600 * hours + 60 * minutes + seconds
    return (container.duration or 0) / _MICROSECONDS if len(container.streams) == 1 else 0.0
