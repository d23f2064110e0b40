"""Times in words, and the clock time at which a video was recorded, from the metadata of its file."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

# The first has the time zone of the camera. Some encoders state the others in local time, and mark them as UTC.
_KEYS = ("com.apple.quicktime.creationdate", "creation_time", "DATE_RECORDED")
_FIRST_YEAR = 1990  # cameras without a clock state 1904 or 1970


def clock(seconds: float | None) -> str:
    """Seconds from the start of a video as h:mm:ss.mmm; empty if the time is unknown."""
    if seconds is None:
        return ""
    minutes, milliseconds = divmod(round(1000 * seconds), 60_000)
    return f"{minutes // 60}:{minutes % 60:02}:{milliseconds // 1000:02}.{milliseconds % 1000:03}"


def recorded_at(path: Path) -> datetime | None:
    """Clock time of the first frame, as the file states it; None if it does not, or for a folder of images."""
    if not path.is_file():
        return None
    import av  # here, because `clock` does not need it
    import av.error

    from vadkit.video.media import open_media

    try:
        with open_media(path) as container:
            metadata = container.metadata | next((stream.metadata for stream in container.streams.video), {})
    except (av.error.FFmpegError, OSError):
        return None  # decoding the file reports the error
    for key in _KEYS:
        if (time := _parsed(metadata.get(key, ""))) is not None:
            return time
    return None


def _parsed(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return time if time.year >= _FIRST_YEAR else None
