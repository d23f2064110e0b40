"""The frame rate of a run, and of a live source: measures it, and leaves out frames to reach a lower rate."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from statistics import median

from vadkit.recipe.model import Data
from vadkit.store.scores import VideoScores
from vadkit.video.sampling import FPS_TOLERANCE, drops_frames, too_slow

_FIRST = ((2.0, 9), (8.0, 3))  # seconds and frames, at least, of the first measurement
_LATER = ((20.0, 3),)  # the same for later measurements: a short stall must not change the rate
_SETTLING = 0.5  # seconds after the connection that do not count
_EVERY = 5.0  # seconds between two measurements
_WINDOW, _FEWEST = 60.0, 3  # seconds that a measurement looks back, and frames if these seconds have fewer
_SAME = (1.25, 1.1)  # the time stamps agree with the clock up to this factor: in the first seconds, and later
_STEADY = 1.02  # two measurements agree if they differ by at most this factor
_BURST = 10.0  # seconds after the connection, in which a source may send stored frames faster than they were filmed


def rate_of_run(data: Data, normal: Sequence[VideoScores]) -> float | None:
    """Frames per second that the model of a run sees; None if unknown.

    Args:
        data: section `data` of its recipe.
        normal: scores of its held-out videos. A calibration can have another rate than the recipe.
    """
    rates = [video.fps for video in normal if video.fps]
    rate = float(median(rates)) if rates else None
    same = rate is None or not (drops_frames(rate, data.fps) or too_slow(rate, data.fps))
    return data.fps if data.fps is not None and same else rate


def report_rate(name: str, rate: float | None, fps: float | None, tell: Callable[[str], None]) -> None:
    """Tell that a recording has another frame rate than the model sees."""
    if too_slow(rate, fps):
        tell(f"{name} has {rate:g} frames per second, training had {fps:g}: all motion will look faster")
    elif drops_frames(rate, fps):
        tell(f"{name} has {rate:g} frames per second: {fps:g} of them are used, as in training")


class RateMeter:
    """Measures the frames per second of a live source, from its time stamps or from the clock.

    It ignores the rate that a stream states: some streams state the rate of their clock, and FFmpeg assumes 25 frames
    per second for MJPEG over HTTP. It uses the time stamps of the frames if they advance as fast as the clock, and
    otherwise the times at which the frames arrive. The rate changes only if two later measurements in a row agree.

    Example:
        >>> meter = RateMeter()
        >>> new = [meter.add(clock=n / 5, stamp=n / 25) for n in range(30)]  # time stamps that are five times too slow
        >>> round(meter.rate, 2)
        5.0
    """

    def __init__(self) -> None:
        self.rate: float | None = None  # frames per second; None before the first measurement
        self._reported: float | None = None  # the last rate that `add` reported as new
        self._proposed: float | None = None  # another rate, which the next measurement may confirm
        self._next = 0.0  # clock of the next measurement
        self._frames: deque[tuple[float, float | None]] = deque()
        self._connected: float | None = None  # clock of the connection's first frame
        self._early = True  # whether the source may still send stored frames

    def restart(self) -> None:
        """Begin a new connection. Its time stamps have no relation to the earlier ones."""
        self._frames.clear()
        self._proposed = self._connected = None

    def add(self, *, clock: float, stamp: float | None) -> bool:
        """Count a frame, and return whether the rate is new.

        Args:
            clock: time at which the frame arrived, in seconds.
            stamp: presentation time stamp in seconds; None if it has none.
        """
        if self._connected is None:
            self._connected = self._next = clock
            self._early = True
        if clock - self._connected < _SETTLING:
            return False  # frames that waited for the connection arrive together
        if self._early and clock - self._connected > _BURST:
            self._early = False
            self._frames.clear()  # also the stored ones
        if stamp is not None and self._frames and (last := self._frames[-1][1]) is not None and stamp < last - 1:
            self._frames.clear()  # the time stamps start again
        self._frames.append((clock, stamp))
        while len(self._frames) > _FEWEST and self._frames[0][0] < clock - _WINDOW:
            self._frames.popleft()
        if clock < self._next or not self._enough():
            return False
        self._next = clock + _EVERY
        return self._adopt(self._measured())

    def _enough(self) -> bool:
        span, frames = self._frames[-1][0] - self._frames[0][0], len(self._frames)
        return any(span >= seconds and frames >= least for seconds, least in (_LATER if self.rate else _FIRST))

    def _measured(self) -> float:
        first, last = self._frames[0][0], self._frames[-1][0]
        by_clock = (len(self._frames) - 1) / (last - first)
        stamps = [(index, stamp) for index, (_, stamp) in enumerate(self._frames) if stamp is not None]
        if len(stamps) < 2 or stamps[-1][1] <= stamps[0][1]:
            return by_clock
        by_stamps = (stamps[-1][0] - stamps[0][0]) / (stamps[-1][1] - stamps[0][1])
        stored = self._early and by_clock > by_stamps
        return by_stamps if stored or _ratio(by_clock, by_stamps) <= _SAME[not self._early] else by_clock

    def _adopt(self, rate: float) -> bool:
        if self._reported is not None and _ratio(rate, self._reported) <= FPS_TOLERANCE:
            self.rate, self._proposed = rate, None  # a more exact value of the same rate
            return False
        steady = self._proposed is not None and _ratio(rate, self._proposed) <= _STEADY
        if self._reported is None or steady:
            self.rate = self._reported = rate
            self._proposed = None
            return True
        self._proposed = rate
        return False


class Thinner:
    """Keeps frames at equal distances, so that of `source_fps` frames per second, `fps` remain.

    It counts frames, because the times at which frames arrive over a network are not reliable. All frames remain if
    one of the rates is unknown, or if `source_fps` is not too high for `fps`.

    Example:
        >>> thinner = Thinner(fps=10.0)
        >>> thinner.source_fps = 30.0
        >>> [thinner.keeps() for _ in range(6)]
        [True, False, False, True, False, False]
    """

    def __init__(self, fps: float | None) -> None:
        self.fps = fps
        self.source_fps: float | None = None
        self._due = 1.0

    def keeps(self) -> bool:
        """Whether the next frame remains."""
        if self.fps is None or self.source_fps is None or not drops_frames(self.source_fps, self.fps):
            return True
        kept = self._due >= 1 - 1e-9
        self._due += self.fps / self.source_fps - kept
        return kept

    def restart(self) -> None:
        """Begin again after a gap: the next frame remains."""
        self._due = 1.0


def _ratio(one: float, other: float) -> float:
    return max(one, other) / min(one, other)
