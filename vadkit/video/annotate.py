"""An annotated video: the frames with heat maps and event marks, above a strip of the scores."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import av.error
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vadkit.core.values import ClipSpec, VideoRef
from vadkit.core.watching import FrameScore
from vadkit.video.clock import clock
from vadkit.video.encode import VideoWriter
from vadkit.video.forward import ForwardReader
from vadkit.video.overlay import RED, fit, heat, overlay

_WIDTHS = (320, 1280)  # smallest and largest width of the picture, pixels
_SECONDS = 30.0  # of the strip
_HIGHEST = 4.0  # top of the strip, as a multiple of the distance from normal scores to the threshold
_STRIP = 0.22  # height of the strip, share of the width
_USUAL_FPS = 25.0  # of a folder of images without --fps
_BACKGROUND, _GRID, _CURVE = (24, 26, 30), (150, 150, 150), (120, 190, 255)


class AnnotatedVideo:
    """Writes an annotated video frame by frame (H.264, MP4). Use it as a context manager.

    The strip shows the scores of the last 30 s (of a shorter video, all scores). The threshold is a line, and scores at
    or above it are red. A frame in an event has a red border. The heat map gets stronger as the score rises to the
    threshold. The video has the frames that were scored, at their own times.

    Args:
        path: the file to write.
        video: the scored video.
        clip: geometry of the clips.
        fps: frames per second of the scored frames; None if unknown.
        threshold: alarm threshold.
        normal: a usual score of normal videos: the lower end of the strip.
        frames: number of frames that will be scored. It limits the time that the strip shows. 0 if unknown.
        began: clock time of the first frame; None if unknown.
    """

    def __init__(
        self,
        path: Path,
        video: VideoRef,
        clip: ClipSpec,
        *,
        fps: float | None,
        threshold: float,
        normal: float,
        frames: int = 0,
        began: datetime | None = None,
    ) -> None:
        self._clip, self._threshold, self._normal = clip, threshold, min(normal, threshold)
        self._fps = fps or _USUAL_FPS
        self._timed, self._began = fps is not None, began
        self._reader, self._writer = ForwardReader(video), VideoWriter(path, fps=self._fps)
        most = round(_SECONDS * self._fps)
        self._scores: deque[float] = deque(maxlen=max(2, min(most, frames or most)))

    def add(self, scored: FrameScore) -> None:
        """Add the frame of a score.

        Raises:
            DataError: the frame cannot be decoded.
        """
        self._scores.append(scored.score)
        frame = self._reader.frame(scored.frame)
        if scored.anomaly_map is not None:
            strength = (scored.score - self._normal) / max(self._threshold - self._normal, 1e-12)
            if np.isfinite(strength) and strength > 0:
                values = heat(scored.anomaly_map, self._clip, (frame.shape[0], frame.shape[1]))
                frame = overlay(frame, values, min(strength, 1.0))
        picture = _sized(frame)
        words = [self._time(scored.frame, scored.seconds), *["EVENT"] * scored.active]
        seconds = scored.seconds if self._timed else None
        self._write(np.concatenate([_marked(picture, words), self._strip(picture.shape[1])]), seconds)

    def _time(self, number: int, seconds: float) -> str:
        if not self._timed:
            return f"frame {number}"
        if self._began is None:
            return clock(seconds)[:-2]  # tenths of a second
        return (self._began + timedelta(seconds=seconds)).isoformat(" ", "milliseconds")[:21]

    def _write(self, picture: NDArray[np.uint8], seconds: float | None) -> None:
        try:
            self._writer.write(picture, seconds=seconds)
        except av.error.FFmpegError as error:  # such as a full disk
            raise OSError(error.errno, error.strerror) from error

    def _strip(self, width: int) -> NDArray[np.uint8]:
        """The scores of the last seconds, the newest at the right: (H, W, 3)."""
        height = round(_STRIP * width) // 2 * 2
        image = Image.new("RGB", (width, height), _BACKGROUND)
        draw, size = ImageDraw.Draw(image), max(10, width // 45)
        scores = np.array(self._scores)
        finite = scores[np.isfinite(scores)].tolist()
        low = min([self._normal, *finite])
        unit = max(self._threshold - low, 1e-12)
        high = min(max([self._threshold + 0.5 * unit, *finite]), low + _HIGHEST * unit)
        margin = max(4, height // 12)

        def y_of(score: float) -> float:
            return height - margin - min((score - low) / (high - low), 1.0) * (height - 2 * margin)

        level = y_of(self._threshold)
        draw.line((0, level, width, level), fill=_GRID, width=1)
        draw.text((4, level - size - 3), f"threshold {self._threshold:.4g}", font=_font(size), fill=_GRID)
        step = width / (self._scores.maxlen or 1)
        points = [(width - (len(scores) - 1 - i) * step - 1, y_of(s)) for i, s in enumerate(scores) if np.isfinite(s)]
        for before, after in pairwise(points):
            color = RED if max(before[1], after[1]) <= level + 0.5 else _CURVE
            draw.line((*before, *after), fill=color, width=2)
        return np.asarray(image)

    def __enter__(self) -> Self:
        """Return the writer."""
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the file."""
        self._reader.__exit__()
        try:
            self._writer.__exit__(kind, error, trace)
        except av.error.FFmpegError as failure:
            raise OSError(failure.errno, failure.strerror) from failure


def _marked(picture: NDArray[np.uint8], words: Sequence[str]) -> NDArray[np.uint8]:
    """The picture with words at its top. The word EVENT adds a border."""
    image = Image.fromarray(picture)
    draw, size = ImageDraw.Draw(image), max(11, picture.shape[1] // 32)
    if "EVENT" in words:
        draw.rectangle((0, 0, image.width - 1, image.height - 1), outline=RED, width=max(2, size // 4))
    x = size // 2
    for word in words:
        box = draw.textbbox((x, size // 2), word, font=_font(size))
        draw.rectangle((box[0] - 3, box[1] - 2, box[2] + 3, box[3] + 2), fill=RED if word == "EVENT" else (0, 0, 0))
        draw.text((x, size // 2), word, font=_font(size), fill=(255, 255, 255))
        x = round(box[2]) + size
    return np.asarray(image)


def _sized(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame with an even height and width, not too small for text and not larger than full HD is."""
    frame = fit(frame, _WIDTHS)
    return frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2]


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
