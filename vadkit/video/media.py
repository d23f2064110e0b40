"""Opens media files with FFmpeg, without trust in their names and contents."""

from __future__ import annotations

from pathlib import Path

import av
import av.container

from vadkit.core.errors import DataError

MOST_PIXELS = 2**26
"""Largest picture of a video, in pixels: 8192 x 8192."""


def media_url(path: Path) -> str:
    """The name of a file for `av.open`. Without the prefix, FFmpeg reads `10:15:00.mp4` as a protocol named 10.

    Example:
        >>> media_url(Path("10:15:00.mp4"))
        'file:10:15:00.mp4'
    """
    return f"file:{path}"


def open_media(path: Path) -> av.container.InputContainer:
    """Open a media file for reading.

    Some formats are lists of other files or addresses, whatever the suffix. FFmpeg follows none to the network.

    Raises:
        av.error.FFmpegError: it cannot be read.
        OSError: likewise.
        DataError: its codec is unknown, or its pictures are too large.
    """
    container = av.open(media_url(path), options={"protocol_whitelist": "file"})
    for stream in container.streams.video:
        if stream.codec_context is None:
            container.close()
            what = "its video has a codec that FFmpeg does not know"
            raise DataError(what, where=str(path), fix="fetch the file again, or convert it")
        if stream.width * stream.height > MOST_PIXELS:
            container.close()
            what = f"states pictures of {stream.width}x{stream.height} pixels; at most {MOST_PIXELS} are read"
            raise DataError(what, where=str(path), fix="fetch the file again, or convert it to smaller pictures")
        # If the size changes later.
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
    return container
