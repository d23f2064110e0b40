"""An annotated video: the frames with heat maps and event marks, above a strip of the scores."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from vadkit.core.values import ClipSpec, VideoRef
from vadkit.evaluation.events import clock
from vadkit.live.watch import FrameScore
from vadkit.video.encode import VideoWriter
from vadkit.video.forward import ForwardReader
from vadkit.video.overlay import RED, heat, overlay, shrink

_WIDTHS = (320, 1280)  # smallest and largest width of the picture, pixels
_SECONDS = 30.0  # of the strip
_STRIP = 0.22  # height of the strip, share of the width
_USUAL_FPS = 25.0  # of a folder of images without --fps
_BACKGROUND, _GRID, _CURVE = (24, 26, 30), (150, 150, 150), (120, 190, 255)


class AnnotatedVideo:
    """Writes an annotated video frame by frame (H.264, MP4). Use it as a context manager.

    The strip shows the scores of the last 30 s, the threshold as a line, and frames at or above it in red. A frame in
    an event has a red border. The heat map is the stronger, the nearer the score is to the threshold. The video has
    the frames that were scored, at their own times.

    Args:
        path: of the file; see `atomic_write`.
        video: the scored video.
        clip: geometry of the clips.
        fps: frames per second of the scored frames; None if unknown.
        threshold: alarm threshold.
        normal: a usual score of normal videos, the lower end of the strip.
    """

    def __init__(
        self, path: Path, video: VideoRef, clip: ClipSpec, *, fps: float | None, threshold: float, normal: float
    ) -> None:
        self._clip, self._threshold, self._normal = clip, threshold, min(normal, threshold)
        self._fps = fps or _USUAL_FPS
        self._timed = fps is not None
        self._reader, self._writer = ForwardReader(video), VideoWriter(path, fps=self._fps)
        self._scores: deque[float] = deque(maxlen=max(2, round(_SECONDS * self._fps)))
        self._active = False

    def add(self, number: int, scored: FrameScore) -> None:
        """Add the frame with this number in the video.

        Raises:
            DataError: the frame cannot be decoded.
        """
        self._active = self._active or any(alarm.until is None for alarm in scored.alarms)
        self._scores.append(scored.score)
        frame = self._reader.frame(number)
        if scored.anomaly_map is not None:
            strength = (scored.score - self._normal) / max(self._threshold - self._normal, 1e-12)
            if np.isfinite(strength) and strength > 0:
                values = heat(scored.anomaly_map, self._clip, (frame.shape[0], frame.shape[1]))
                frame = overlay(frame, values, min(strength, 1.0))
        picture = _sized(frame)
        seconds = scored.seconds if self._timed else None
        self._writer.write(np.concatenate([self._marked(picture, number, seconds), self._strip(picture.shape[1])]))
        if any(alarm.until is not None for alarm in scored.alarms):
            self._active = False

    def _marked(self, picture: NDArray[np.uint8], number: int, seconds: float | None) -> NDArray[np.uint8]:
        """The picture with the time and, in an event, a border and the word EVENT."""
        image = Image.fromarray(picture)
        draw, size = ImageDraw.Draw(image), max(11, picture.shape[1] // 32)
        words = [clock(seconds)[:-2] if seconds is not None else f"frame {number}"] + ["EVENT"] * self._active
        if self._active:
            draw.rectangle((0, 0, image.width - 1, image.height - 1), outline=RED, width=max(2, size // 4))
        x = size // 2
        for word in words:
            box = draw.textbbox((x, size // 2), word, font=_font(size))
            draw.rectangle((box[0] - 3, box[1] - 2, box[2] + 3, box[3] + 2), fill=RED if word == "EVENT" else (0, 0, 0))
            draw.text((x, size // 2), word, font=_font(size), fill=(255, 255, 255))
            x = round(box[2]) + size
        return np.asarray(image)

    def _strip(self, width: int) -> NDArray[np.uint8]:
        """The scores of the last seconds, the newest at the right: (H, W, 3)."""
        height = round(_STRIP * width) // 2 * 2
        image = Image.new("RGB", (width, height), _BACKGROUND)
        draw, size = ImageDraw.Draw(image), max(10, width // 45)
        scores = np.array(self._scores)
        finite = scores[np.isfinite(scores)]
        low = min(self._normal, *finite.tolist()) if finite.size else self._normal
        high = max(self._threshold + 0.5 * (self._threshold - low), *finite.tolist(), low + 1e-12)
        margin = max(4, height // 12)

        def y_of(score: float) -> float:
            return height - margin - (score - low) / (high - low) * (height - 2 * margin)

        level = y_of(self._threshold)
        draw.line((0, level, width, level), fill=_GRID, width=1)
        draw.text((4, level - size - 3), f"threshold {self._threshold:.4g}", font=_font(size), fill=_GRID)
        step = width / (self._scores.maxlen or 1)
        points = [(width - (len(scores) - 1 - i) * step - 1, y_of(s)) for i, s in enumerate(scores) if np.isfinite(s)]
        for before, after in zip(points, points[1:], strict=False):
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
        self._writer.__exit__(kind, error, trace)


def _sized(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The frame with an even height and width, not too small for text and not larger than full HD is."""
    frame = shrink(frame, _WIDTHS[1])
    if frame.shape[1] < _WIDTHS[0]:
        factor = -(-_WIDTHS[0] // frame.shape[1])
        frame = frame.repeat(factor, axis=0).repeat(factor, axis=1)
    return frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2]


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
