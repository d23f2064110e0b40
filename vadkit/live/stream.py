"""Video sources for live scoring: a file, a folder of images, a camera or a network stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

import av
import av.error

from vadkit.core.errors import DataError, VadkitError, join_names
from vadkit.core.files import reading
from vadkit.core.folders import is_image, is_video, list_folder
from vadkit.core.source_status import SourceStatus
from vadkit.core.values import ClipSpec, VideoRef
from vadkit.live.connection import ConnectingError, Connection, cause, connect, is_remote, redacted
from vadkit.live.live_source import LiveSource
from vadkit.live.source_frame import FrameMaker, Gap, SourceFrame, SourceFrames
from vadkit.video.damage import Damages
from vadkit.video.decode import decode_timed
from vadkit.video.rgb import RgbConverter
from vadkit.video.sampling import drops_frames, period
from vadkit.video.times import Timeline
from vadkit.video.video_file import frame_rate

__all__ = ["Gap", "Source", "SourceFrame", "SourceFrames", "open_source", "recorded", "redacted"]

_TRANSPORTS = ("tcp", "udp")


@dataclass(frozen=True, slots=True)
class Source:
    """An opened video source."""

    name: str  # the name that the user gave, without a password
    live: bool  # whether the source drops frames that are not read in time
    fps: float | None  # of the source; None if unknown, as for a live source, which is measured later
    used_fps: float | None  # frames per second that `frames` gives, at most; None if unknown
    # gives the frames; call it once. A live source ends when its connection is lost for good
    frames: Callable[[], SourceFrames]


def open_source(
    name: str,
    clip: ClipSpec,
    *,
    fps: float | None = None,
    retries: int | None = None,
    transport: str = "tcp",
    picture_size: int = 0,
    tell: Callable[[str], None],
    on_status: Callable[[SourceStatus], None] | None = None,
) -> Source:
    """Open a source and find its kind and its frame rate.

    The source is a video file, a folder of images, a URL such as rtsp://..., or a camera such as /dev/video0. The
    frames have the colour and size of `clip`.

    Args:
        name: name of the source.
        clip: gives the colour and the size of the frames.
        fps: frames per second to use. If the source has more, some frames are skipped.
        retries: attempts in a row to connect again to a live source that is off or lost; default: no limit.
        transport: the transport of RTSP, "tcp" or "udp".
        picture_size: pixels of the longer side of `SourceFrame.picture`. A smaller picture keeps its size. 0 for none.
        tell: receives messages about damage.
        on_status: receives the states of a live source, in the thread that reads the frames; default: `tell`.

    Raises:
        DataError: the source does not exist or has no video.
        VadkitError: the transport is unknown.
    """
    if transport not in _TRANSPORTS:
        raise VadkitError(f"unknown transport {transport!r}", where="--rtsp-transport", fix="choose tcp or udp")
    name, make = _normal(name), FrameMaker(clip, picture_size)
    path = Path(name)
    with reading(name):
        remote = is_remote(name)
    if not remote:
        return _local(path, make, fps, tell)
    open_connection = partial(connect, name, transport)
    try:
        first = open_connection()
    except ConnectingError as error:
        if error.final or retries == 0:
            raise
        first = None
    if first is not None and first.recorded:
        rate = first.stated_rate
        return Source(
            redacted(name), False, rate, _lower(rate, fps), lambda: limit_fps(_read(first, make, tell), rate, fps)
        )
    if on_status is None:
        on_status = partial(_tell_status, tell, redacted(name))
    live = LiveSource(
        name,
        clip,
        open_connection,
        first=first,
        fps=fps,
        retries=retries,
        on_status=on_status,
        picture_size=picture_size,
    )
    return Source(redacted(name), True, None, fps or (first.stated_rate if first else None), live.frames)


def _normal(name: str) -> str:
    """The name as FFmpeg needs it: the path of a `file:` URL, or another URL with its scheme in lower case."""
    scheme, colon, rest = name.partition(":")
    if scheme.lower() == "file" and rest.startswith("/"):
        literal = rest.removeprefix("//") if rest.startswith("///") else rest
        return literal if Path(literal).exists() else unquote(urlsplit(name).path)
    return f"{scheme.lower()}{colon}{rest}" if rest.startswith("//") else name


def _tell_status(tell: Callable[[str], None], name: str, status: SourceStatus) -> None:
    tell(f"{name}: {status.state.replace('_', ' ')}: {status.detail}")


def _local(path: Path, make: FrameMaker, fps: float | None, tell: Callable[[str], None]) -> Source:
    if not path.exists():
        raise DataError("does not exist", where=str(path), fix="give a video, a camera or a URL")
    video = recorded(path)
    rate = frame_rate(path) if path.is_file() else fps

    # The frames of a video file are decoded in colour in any case.
    color = "rgb" if make.picture_size and path.is_file() else make.clip.color

    def frames() -> SourceFrames:
        damages = Damages()
        for number, (frame, at) in enumerate(decode_timed(video, color=color, damages=damages)):
            seconds = at if at is not None else number / rate if rate else float(number)
            yield make(frame, number, seconds)
        if damages.found:
            tell(f"{path} is damaged; the readable frames were used: {join_names(damages.found, most=3)}")

    return Source(str(path), False, rate, _lower(rate, fps), lambda: limit_fps(frames(), rate, fps))


def limit_fps(frames: SourceFrames, source_fps: float | None, fps: float | None) -> SourceFrames:
    """Sample the frames of a recording as `Sampling` does; the frames that are left out are named in `left_out`.

    All frames remain if `source_fps` is not too high for `fps`, or if one of them is None.
    """
    if fps is None or not drops_frames(source_fps, fps):
        yield from frames
        return
    kept: SourceFrame | None = None
    left_out: list[tuple[int, float]] = []
    for frame in frames:
        assert frame, "a recording has no gaps"
        if kept is not None and period(frame.seconds, fps) <= period(kept.seconds, fps):
            left_out.append((frame.number, frame.seconds))
            continue
        if kept is not None:
            yield replace(kept, left_out=tuple(left_out))
        kept, left_out = frame, []
    if kept is not None:
        yield replace(kept, left_out=tuple(left_out))


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


def _read(connection: Connection, make: FrameMaker, tell: Callable[[str], None]) -> SourceFrames:
    """Frames of a recording on the network, as fast as the caller reads them."""
    name, number, damaged = redacted(connection.name), -1, 0
    to_rgb, timeline = RgbConverter(), Timeline(connection.stated_rate)
    try:
        for number, (picture, broken) in enumerate(connection.pictures()):
            seconds = timeline.at(picture.time if picture else None)
            damaged += broken
            if picture is not None:
                yield make(to_rgb(picture), number, seconds)
    except (av.error.FFmpegError, OSError) as error:
        what = f"the connection ended after {number + 1} frames: {cause(error)}"
        raise DataError(what, where=name, fix="check the network, or download the file first") from error
    finally:
        connection.close()
    if damaged:
        tell(f"{name} is damaged; {damaged} of its {number + 1} frames are wrong or missing")
