"""What can be asked of a video file without keeping its frames."""

from __future__ import annotations

from pathlib import Path

import av
import av.error

from vadkit.core.values import VideoRef
from vadkit.video.decode import frame_count


def count_frames(path: Path) -> int:
    """F of a video file, by decoding it.

    Raises:
        DataError: the file cannot be decoded.
    """
    return frame_count(VideoRef(path.stem, path))


def frame_rate(path: Path) -> float | None:
    """Frames per second on average, as the file states it; None if it does not, or is unreadable."""
    try:
        with av.open(str(path)) as container:
            for stream in container.streams.video:
                rate = stream.average_rate or stream.guessed_rate
                return float(rate) if rate else None
    except (av.error.FFmpegError, OSError):
        pass  # whoever decodes the file says what is wrong with it
    return None
