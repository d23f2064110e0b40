"""One connection to a camera, a stream or a recording on the network."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
import av.container
import av.error
import av.video.stream

from vadkit.core.errors import DataError
from vadkit.video.times import plausible_rate

TIMEOUT = 10.0  # seconds without an answer or a frame
_LONGEST_DAMAGE = 10.0  # seconds; some streams have no key frames, and their pictures repair themselves in this time
_MOST_UNREADABLE = 100  # errors in a row, after which a connection counts as lost
_CAMERA = "/dev/"
_URL = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)

_CORRECT = "correct the address: use the address of the video stream from the manual or the web page of the camera"
# Errors that a new attempt cannot repair, and their fix.
_FINAL: tuple[tuple[type[Exception], str], ...] = (
    (av.error.HTTPUnauthorizedError, "correct user and password in the address"),
    (av.error.HTTPForbiddenError, "correct user and password in the address"),
    (av.error.HTTPBadRequestError, _CORRECT),
    (av.error.ProtocolNotFoundError, "correct the start of the address, such as rtsp://"),
    (av.error.DemuxerNotFoundError, _CORRECT),
    (PermissionError, "allow reading of the camera, for example as a member of the group 'video'"),
)
_CAUSES: tuple[tuple[type[Exception], str], ...] = (
    (av.error.ExitError, f"no data for {TIMEOUT:g} s"),  # "Immediate exit requested": PyAV's timeout
    (TimeoutError, f"no data for {TIMEOUT:g} s"),
    (av.error.EOFError, "the source ended the stream"),
    (ConnectionRefusedError, "no server answers at this address and port (connection refused)"),
    (ConnectionResetError, "the source closed the connection"),
    (BrokenPipeError, "the source closed the connection"),
    (FileNotFoundError, "there is no device of this name"),
    (av.error.HTTPUnauthorizedError, "the source refuses the user or the password (401)"),
    (av.error.HTTPForbiddenError, "the source refuses access (403)"),
    (av.error.HTTPNotFoundError, "the server does not know this stream (404)"),
    (av.error.HTTPServerError, "the server reports an error (5xx)"),
    (av.error.ProtocolNotFoundError, "the start of the address is unknown"),
    (av.error.InvalidDataError, "the source sends data that are not video"),
)


class ConnectingError(DataError):
    """There is no answer, or no video. `final` is True if a new attempt cannot help."""

    def __init__(self, what: str, *, where: str = "", fix: str = "", final: bool = False) -> None:
        super().__init__(what, where=where, fix=fix)
        self.final = final


class Picture(NamedTuple):
    """A picture of a connection."""

    picture: av.VideoFrame | None  # None if it cannot be decoded
    damaged: bool  # its pixels are wrong, or depend on data that is lost


def redacted(name: str) -> str:
    """Name of a source for messages: a URL without user and password, and without the values of its query.

    Numbers of one or two digits stay: some recorders choose the camera with them.

    Example:
        >>> redacted("rtsp://admin:p@ss@camera/door?channel=1&password=b")
        'rtsp://***@camera/door?channel=1&password=***'
    """
    if not _URL.match(name):
        return name
    address, question, query = name.partition("?")
    address = re.sub(r"(?<=://)[^/#]*@", "***@", address, count=1)  # up to the last "@", as FFmpeg reads it
    return address + question + "&".join(map(_masked, query.split("&")))


def _masked(pair: str) -> str:
    """A key of a query with its value, if it is not a secret."""
    key, equals, value = pair.partition("=")
    if not pair or (equals and re.fullmatch(r"\d{1,2}", value)):
        return pair
    return f"{key}=***" if equals else "***"


def cause(error: Exception, *, opening: bool = False) -> str:
    """The cause of a lost connection, or of one that could not be opened, in words."""
    for kind, words in _CAUSES:
        if isinstance(error, kind):
            return words
    message = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, OSError) and error.errno == 5:  # EIO, which FFmpeg also gives at the end of a stream
        return "host not found, or no answer" if opening else "the source ended the stream"
    return str(message)


def connect(name: str, transport: str = "tcp") -> Connection:
    """Connect to a camera or a URL.

    Args:
        name: a device such as /dev/video0, or a URL.
        transport: the transport of RTSP, "tcp" or "udp". Over TCP, no packet is lost.

    Raises:
        ConnectingError: there is no answer, or no video.
    """
    try:
        container = av.open(
            name,
            format="v4l2" if name.startswith(_CAMERA) else None,
            options=_options(name, transport),
            timeout=(TIMEOUT, TIMEOUT),
        )
    except (av.error.FFmpegError, OSError, ValueError) as error:
        what, fix = f"cannot be opened: {cause(error, opening=True)}", _final_fix(error, name)
        fix, final = fix or "check address and network", bool(fix)
        raise ConnectingError(what, where=redacted(name), fix=fix, final=final) from error
    if not container.streams.video:
        container.close()
        fix = "give the address of a video stream"
        raise ConnectingError("holds no video stream", where=redacted(name), fix=fix, final=True)
    return Connection(name, container)


def _options(name: str, transport: str) -> dict[str, str]:
    """The options of FFmpeg for the protocol of the address."""
    scheme = name.partition("://")[0]
    options = {"rtsp_transport": transport} if scheme in ("rtsp", "rtsps") else {}
    if scheme == "udp":
        options["overrun_nonfatal"] = "1"  # a full buffer is damage, not the end
    if scheme in ("rtsp", "rtsps", "rtp", "udp"):
        options["fpsprobesize"] = "0"  # `RateMeter` measures the rate; FFmpeg would wait for frames to guess it
    return options


def _final_fix(error: Exception, name: str) -> str:
    """The fix, if a new attempt cannot help. Empty if it may help."""
    if not isinstance(error, (av.error.FFmpegError, OSError)):  # such as a character that no address has
        return _CORRECT
    if isinstance(error, av.error.HTTPNotFoundError) and name.startswith("http"):
        return _CORRECT  # an RTSP server may not know a camera that is off
    return next((fix for kind, fix in _FINAL if isinstance(error, kind)), "")


class Connection:
    """A connection that gives pictures. Close it after use."""

    def __init__(self, name: str, container: av.container.InputContainer) -> None:
        self.name = name
        self._container = container
        stream = container.streams.best("video")
        assert isinstance(stream, av.video.stream.VideoStream)
        self._stream = stream
        rate = stream.average_rate or stream.guessed_rate
        self.stated_rate = plausible_rate(float(rate) if rate else None)  # frames per second; None if unknown
        self.recorded = bool(container.duration and container.duration > 0)  # a recording has a duration

    def pictures(self) -> Iterator[Picture]:
        """Pictures in display order, until the stream ends or the connection is lost.

        The stream is decoded packet by packet, so that damage affects only pictures that depend on it. Such pictures
        are marked: from the damaged data up to the next key frame.

        Raises:
            av.error.FFmpegError, OSError: the connection is lost; `cause` explains it.
        """
        damage = _Damage()
        unreadable, marked = 0, False
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.InvalidDataError:
                unreadable += 1
                if unreadable > _MOST_UNREADABLE:
                    raise
                damage.begin(None)
                packets = self._container.demux(self._stream)
                continue
            if packet is None:
                return
            unreadable = 0
            if packet.is_corrupt or marked:
                damage.begin(_seconds(packet))
            marked = packet.is_corrupt  # FFmpeg's parser marks the packet before the damaged one
            try:
                decoded = self._stream.decode(packet)
            except av.error.FFmpegError:
                damage.begin(_seconds(packet))
                yield Picture(None, True)
                continue
            for picture in decoded:
                yield Picture(picture, damage.reaches(picture))

    def close(self) -> None:
        """Close the connection and free its memory, some megabytes.

        PyAV's objects refer to each other, and Python's garbage collector does not know how large they are. Without
        this explicit collection, the memory would grow with every new connection.
        """
        self._container.close()
        del self._container, self._stream
        gc.collect()


class _Damage:
    """Knows which pictures depend on damaged data: those from the damage up to the next sound key frame."""

    def __init__(self) -> None:
        self._active = False
        self._last: float | None = None  # time stamp of the latest damaged data

    def begin(self, seconds: float | None) -> None:
        """Data with this time stamp is damaged."""
        self._active = True
        if seconds is not None:
            self._last = seconds if self._last is None else max(seconds, self._last)

    def reaches(self, picture: av.VideoFrame) -> bool:
        """Whether the picture depends on damaged data."""
        seconds = picture.time
        if picture.is_corrupt:
            self.begin(seconds)
            return True
        if not self._active:
            return False
        since = None if seconds is None or self._last is None else seconds - self._last
        if (picture.key_frame and (since is None or since > 0)) or (since is not None and since > _LONGEST_DAMAGE):
            self._active, self._last = False, None
        return self._active


def _seconds(packet: av.Packet) -> float | None:
    stamp = packet.pts if packet.pts is not None else packet.dts
    return None if stamp is None or packet.time_base is None else float(stamp * packet.time_base)


def is_remote(name: str) -> bool:
    """Whether the name is a URL or a device, not a file or a folder."""
    return bool(_URL.match(name)) or Path(name).is_char_device() or name.startswith(f"{_CAMERA}video")
