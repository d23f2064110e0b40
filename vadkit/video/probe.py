"""Properties of a video file: number of frames and frame rate."""

from __future__ import annotations

from pathlib import Path

import av
import av.error

from vadkit.core.values import VideoRef
from vadkit.video.decode import frame_count


def count_frames(path: Path) -> int:
    """Decode a video file and count its frames.

    Raises:
        DataError: the file cannot be decoded.
    """
    return frame_count(VideoRef(path.stem, path))


def frame_rate(path: Path) -> float | None:
    """Average frames per second, from the file's metadata; None if unknown or if the file is unreadable."""
    try:
        with av.open(str(path)) as container:
            for stream in container.streams.video:
                rate = stream.average_rate or stream.guessed_rate
                return float(rate) if rate else None
    except (av.error.FFmpegError, OSError):
        pass  # decoding the file reports the error
    return None
