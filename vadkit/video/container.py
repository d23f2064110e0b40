"""Frames of a video file through PyAV: each once, in the order of display, upright."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import av
import av.container
import av.error
import av.video.stream
import numpy as np
from numpy.typing import NDArray

from vadkit.errors import DataError
from vadkit.video.damage import FETCH, Damages, unreadable

# Encoders with delay announce a frame or two more than they hold.
_ANNOUNCED_SLACK = 2  # frames
_MICROSECONDS = 1_000_000


def pictures(path: Path, damages: Damages) -> Iterator[NDArray[np.uint8]]:
    """Frames (H, W, 3) RGB of the file's main video stream.

    Times of display play no part: a video of variable frame rate gives the frames that it
    holds, no more and no fewer.

    Raises:
        DataError: not a frame can be decoded; or the first damage, if `damages` is strict.
    """
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise unreadable(path, error) from error
    with container:
        stream = container.streams.best("video")
        if stream is None:
            raise DataError("holds no video stream", where=str(path), fix=f"{FETCH}, or remove it")
        assert isinstance(stream, av.video.stream.VideoStream)
        count, end = 0, 0.0
        announced = stream.frames
        packets = _Packets(container, stream)
        for picture in packets.decoded(damages, path):
            if picture.is_corrupt:
                damages.note(count, "its pixels are damaged", where=path)
            yield as_shown(picture)
            count += 1
            end = (picture.time or 0.0) + float(picture.duration * (picture.time_base or 0) if picture.duration else 0)
            packets.given = count
        if count == 0:
            raise DataError("holds no frame that can be decoded", where=str(path), fix=f"{FETCH}, or remove it")
        if packets.count + _ANNOUNCED_SLACK < announced:
            damages.note(count, f"breaks off; the file announces {announced} frames", where=path)
        elif announced == 0 and not packets.broken and _short(container, stream, end):
            seconds = _announced_seconds(container, stream)
            damages.note(count, f"breaks off after {end:.2f} s; the file announces {seconds:.2f} s", where=path)


class _Packets:
    """Decodes packet by packet, so that one that is damaged costs no more than itself."""

    def __init__(self, container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> None:
        self.container, self.stream = container, stream
        self.count = self.given = 0
        self.broken = False

    def decoded(self, damages: Damages, path: Path) -> Iterator[av.VideoFrame]:
        """Pictures in order; what cannot be decoded is noted at the frame that it happened before."""
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
            try:
                yield from self.stream.decode(packet)
            except av.error.FFmpegError as error:
                self._broken(damages, path, f"what comes here cannot be decoded: {error.strerror}")

    def _broken(self, damages: Damages, path: Path, what: str) -> None:
        self.broken = True
        damages.note(self.given, what, where=path)


def _short(container: av.container.InputContainer, stream: av.video.stream.VideoStream, end: float) -> bool:
    """Whether a file that announces a duration alone ends well before it."""
    rate = float(stream.average_rate or 0)
    return rate > 0 and end + (_ANNOUNCED_SLACK + 1) / rate < _announced_seconds(container, stream)


def _announced_seconds(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> float:
    """When the video stream should end, 0 if the file does not say; Matroska says it in a tag."""
    if tag := stream.metadata.get("DURATION"):
        hours, minutes, seconds = (float(part) for part in tag.split(":"))
        return 3600 * hours + 60 * minutes + seconds
    return (container.duration or 0) / _MICROSECONDS if len(container.streams) == 1 else 0.0


def as_shown(picture: av.VideoFrame) -> NDArray[np.uint8]:
    """(H, W, 3) RGB, upright."""
    return upright(picture.to_ndarray(format="rgb24").astype(np.uint8, copy=False), _matrix(picture))


def _matrix(picture: av.VideoFrame) -> tuple[int, int, int, int] | None:
    """How the display matrix turns the axes: x' = a x + c y, y' = b x + d y; None if upright."""
    found = picture.side_data.get("DISPLAYMATRIX")
    if found is None:
        return None
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(found))
    return a, b, c, d


def upright(frame: NDArray[np.uint8], matrix: tuple[int, int, int, int] | None) -> NDArray[np.uint8]:
    """(H, W, C) as a player shows it, by the nearest of the eight turns and mirrorings."""
    if matrix is None:
        return frame
    a, b, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):  # the axes change places
        frame, a, d = frame.swapaxes(0, 1), c, b
    return np.ascontiguousarray(frame[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])
