"""Presentation times of a video's frames, from the time stamps of the file."""

from __future__ import annotations

import math
from pathlib import Path

import av
import av.container
import av.error
import av.video.stream
import numpy as np
from numpy.typing import NDArray

from vadkit.video.damage import unreadable
from vadkit.video.media import open_media

_USUAL_RATE = 25.0  # frames per second, for a stream that states neither rate nor times
_RATES = (0.01, 1000.0)  # frames per second; a stated rate outside this range is the rate of a clock
_JUMP_BACK = 1.0  # seconds; a larger step back is a new start of the time stamps, a smaller one an inaccuracy


class Timeline:
    """Turns the time stamps of a video's frames, in display order, into seconds since the first frame.

    Times never decrease. A frame without a time stamp follows one frame period after the frame before it. If the time
    stamps start again, as in files that were joined, the time continues.

    Args:
        rate: frames per second that the stream states; None if unknown.

    Example:
        >>> timeline = Timeline(25.0)
        >>> [timeline.at(stamp) for stamp in (1.4, 1.5, None, 0.0)]
        [0.0, 0.1, 0.14, 0.18]
    """

    def __init__(self, rate: float | None) -> None:
        self._step = 1 / (plausible_rate(rate) or _USUAL_RATE)
        self._start = 0.0  # the time stamp of second 0
        self._last: float | None = None

    def at(self, stamp: float | None) -> float:
        """Seconds of the next frame. Its time stamp is `stamp`, in seconds; None if it has none."""
        next_ = 0.0 if self._last is None else self._last + self._step
        if stamp is None or not math.isfinite(stamp):
            seconds = next_
        elif self._last is None:
            self._start, seconds = stamp, 0.0
        else:
            seconds = stamp - self._start
            if seconds < self._last - _JUMP_BACK:
                self._start, seconds = stamp - next_, next_
            seconds = max(seconds, self._last)
        self._last = round(seconds, 9)
        return self._last


def plausible_rate(rate: float | None) -> float | None:
    """The stated frame rate; None if it is unknown, or if no camera has such a rate.

    Example:
        >>> plausible_rate(29.97), plausible_rate(180000.0)
        (29.97, None)
    """
    return rate if rate and _RATES[0] <= rate <= _RATES[1] else None


def mean_rate(times: NDArray[np.float64]) -> float | None:
    """Frames per second of frames with these times in seconds, (F,); None if there is no time between them.

    Example:
        >>> mean_rate(np.array([0.0, 0.5, 1.0]))
        2.0
    """
    return (times.size - 1) / float(times[-1] - times[0]) if times.size > 1 and times[-1] > times[0] else None


def rate_varies(times: NDArray[np.float64]) -> bool:
    """Whether frames with these times in seconds, (F,), are not evenly spaced: some are off by half a frame or more.

    Example:
        >>> rate_varies(np.arange(100) / 29.97), rate_varies(np.array([0.0, 0.1, 0.2, 1.2]))
        (False, True)
    """
    rate = mean_rate(times)
    return rate is not None and bool(np.abs(times - times[0] - np.arange(times.size) / rate).max() >= 0.5 / rate)


def untimed(container: av.container.InputContainer) -> bool:
    """Whether the file has no presentation time stamps. FFmpeg guesses those of AVI, wrongly if there are B-frames."""
    return container.format.name == "avi"


def frame_times(path: Path) -> NDArray[np.float64]:
    """Seconds of each frame of a video file since its first frame, (F,), without decoding.

    The times are those of `timed_pictures`. In a damaged file, frames that cannot be decoded also have a time.

    Raises:
        DataError: the file cannot be read.
    """
    stamps: list[tuple[float | None, float | None]] = []  # presentation and decoding time stamp of each packet
    rate = 0.0
    try:
        with open_media(path) as container:
            stream = container.streams.best("video")
            if not isinstance(stream, av.video.stream.VideoStream):
                return np.zeros(0)
            base = float(stream.time_base or 0)
            rate = float(stream.average_rate or stream.guessed_rate or 0)
            for packet in container.demux(stream):
                if packet.size and not packet.is_discard:
                    shown, decoded = (None if one is None else one * base for one in (packet.pts, packet.dts))
                    stamps.append((None if untimed(container) else shown, decoded))
    except (av.error.FFmpegError, OSError) as error:
        if not stamps:
            raise unreadable(path, error) from error
    timeline = Timeline(rate)
    return np.array([timeline.at(stamp) for stamp in _in_display_order(stamps)])


def _in_display_order(stamps: list[tuple[float | None, float | None]]) -> list[float | None]:
    """Time stamps of the frames in display order, from those of the packets in decoding order."""
    if any(shown is None for shown, _ in stamps):  # then only the number and the order of the packets are known
        return [decoded for _, decoded in stamps]
    parts: list[list[float]] = [[]]  # time stamps that start again begin a new part
    last = -math.inf
    for shown, decoded in stamps:
        assert shown is not None
        if decoded is not None:
            if decoded < last - _JUMP_BACK:
                parts.append([])
            last = decoded
        parts[-1].append(shown)
    return [stamp for part in parts for stamp in sorted(part)]
