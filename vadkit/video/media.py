"""Names of files for FFmpeg."""

from __future__ import annotations

from pathlib import Path


def media_url(path: Path) -> str:
    """The file's name for `av.open`. Without the prefix, FFmpeg takes `10:15:00.mp4` for a protocol named 10.

    Example:
        >>> media_url(Path("10:15:00.mp4"))
        'file:10:15:00.mp4'
    """
    return f"file:{path}"
