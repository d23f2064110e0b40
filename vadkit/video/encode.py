"""Encodes frames as an H.264 video, which players and browsers show, and reads such a video back."""

from __future__ import annotations

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import av.container
import av.video.stream
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from vadkit.video.media import media_url
from vadkit.video.rgb import RgbConverter

_TICK = Fraction(1, 90_000)  # seconds, unit of the times of frames
_KEY_FRAME_EVERY = 12  # frames; a player can seek quickly to every frame near one


class VideoWriter:
    """Writes frames one by one into an MP4 file (H.264, yuv420p, one thread). Use it as a context manager.

    Args:
        path: of the file. It is complete after the context ends; write to a temporary file, see `atomic_write`.
        fps: frames per second; a fraction of whole numbers is found for it.
        quality: the constant rate factor of x264, from 0 (lossless) to 51; a lower value is a larger file.

    Example:
        >>> with VideoWriter(Path("strip.mp4"), fps=25) as video:  # doctest: +SKIP
        ...     video.write(np.zeros((240, 360, 3), np.uint8))
    """

    def __init__(self, path: Path, *, fps: float, quality: int = 26) -> None:
        self._rate = Fraction(fps).limit_denominator(1001)
        self._quality = quality
        self._ticks = -1  # time of the last frame
        self._container = av.open(media_url(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._stream: av.video.stream.VideoStream | None = None
        self._reformatter = VideoReformatter()

    def write(self, frame: NDArray[np.uint8], *, seconds: float | None = None) -> None:
        """Add a frame (H, W, 3) uint8 RGB. An odd height or width loses its last row or column.

        Args:
            frame: the next frame.
            seconds: its time, above that of the frame before, for a frame rate that varies. All frames have one, or
                none, and then follow one another at the frame rate.
        """
        height, width = (side - side % 2 for side in frame.shape[:2])
        if self._stream is None:
            self._stream = self._container.add_stream("libx264", rate=self._rate)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.options = {"crf": str(self._quality), "preset": "veryfast", "g": str(_KEY_FRAME_EVERY)}
            self._stream.thread_count = 1
            if seconds is not None:
                self._stream.codec_context.time_base = _TICK
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame[:height, :width]), format="rgb24")
        picture = self._reformatter.reformat(picture, format="yuv420p", threads=1)  # one context for all frames
        if seconds is not None:
            self._ticks = max(round(seconds / _TICK), self._ticks + 1)
            picture.pts, picture.time_base = self._ticks, _TICK
        self._container.mux(self._stream.encode(picture))

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the file; after an error, only close it."""
        try:
            if kind is None and self._stream is not None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()


def read_written(video: Path | bytes) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a video of `VideoWriter`, a file or its content, each (H, W, 3) uint8 RGB."""
    to_rgb = RgbConverter()
    with av.open(media_url(video) if isinstance(video, Path) else io.BytesIO(video), "r") as container:
        container.streams.video[0].thread_count = 1
        yield from (to_rgb(picture) for picture in container.decode(video=0))
