"""Names of files for FFmpeg."""

from __future__ import annotations

from pathlib import Path


def media_url(path: Path) -> str:
    """The name of a file for `av.open`. Without the prefix, FFmpeg reads `10:15:00.mp4` as a protocol named 10.

    Example:
        >>> media_url(Path("10:15:00.mp4"))
        'file:10:15:00.mp4'
    """
    return f"file:{path}"
