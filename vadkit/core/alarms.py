"""The definition of an alarm, for the alarm threshold, live alarms, events and the metrics that count alarms.

An alarm is an interval in which the held score (`max_hold`) reaches the threshold. `AlarmDetector` finds the same
intervals in scores that arrive one by one. `AlarmRules` can make it stricter for live video.

The functions import NumPy when they are called, so that `vadkit list` does not import it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vadkit.core.errors import VadkitError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOLD = 1.0  # seconds; alarms with a shorter gap between them count as one
LONGEST_HOLE = 10.0  # seconds; an alarm ends if more is missing of the video of a live source
_ROUNDING = 1e-6  # seconds; times of frames are quotients


def intervals_of(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the half-open intervals (start, stop) of the frames that are True.

    Args:
        marked: (F,) bool.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import intervals_of
        >>> intervals_of(np.array([True, True, False, True]))
        [(0, 2), (3, 4)]
    """
    import numpy as np

    edges = np.flatnonzero(np.diff(marked.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def levels(scores: NDArray[np.float64], can_alarm: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """Return the scores (F,), with -inf where a frame cannot raise an alarm; `can_alarm` (F,) None means that all can.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import levels
        >>> levels(np.array([3.0, 1.0]), np.array([False, True])).tolist()
        [-inf, 1.0]
    """
    import numpy as np

    return scores if can_alarm is None else np.where(can_alarm, scores, -np.inf)


def max_hold(
    scores: NDArray[np.float64], fps: float | None, times: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return the highest score of the last second, for each frame: (F,) -> (F,).

    An alarm is an interval in which this value reaches the threshold.

    Args:
        scores: (F,).
        fps: frames per second. If it is None, the scores are returned unchanged.
        times: seconds of each frame, (F,), if the frame rate varies. None if `fps` gives them.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import max_hold
        >>> max_hold(np.array([0.0, 5.0, 0.0, 0.0, 1.0]), fps=2.0).tolist()
        [0.0, 5.0, 5.0, 0.0, 1.0]
    """
    import numpy as np

    if fps and times is not None:
        first = np.searchsorted(times, times - _hold(fps), side="right")
        return np.array([scores[start : stop + 1].max() for stop, start in enumerate(first.tolist())])
    size = min(max(1, round(HOLD * fps)), scores.size) if fps else 1
    padded = np.concatenate([np.full(size - 1, -np.inf), scores])
    return np.lib.stride_tricks.sliding_window_view(padded, size).max(axis=1)


def _hold(fps: float) -> float:
    """Seconds without a high score that end an alarm. The end of them is between two frames if these are even."""
    return (max(1, round(HOLD * fps)) - 0.5) / fps


def alarm_threshold(
    normal: Sequence[NDArray[np.float64]], fps: Sequence[float | None], per_hour: float
) -> tuple[float, float]:
    """Return the lowest threshold at which, and above which, normal videos raise few enough alarms.

    Args:
        normal: scores of normal videos, each (F,).
        fps: frames per second of each video. None if unknown.
        per_hour: allowed number of alarms per hour.

    Returns:
        The threshold, and the length of the normal videos in hours. A score that equals the threshold raises
        an alarm. The threshold is never below the level with the highest number of alarms, because
        below that level neighbouring alarms merge into one. If the videos are too short to allow a single
        alarm, the threshold is just above all normal scores. If a frame rate is unknown, the length is
        0 hours, and no alarm is allowed either.
    """
    import numpy as np

    known = all(fps)
    hours = sum(scores.size / rate for scores, rate in zip(normal, fps, strict=True) if rate) / 3600 if known else 0.0
    rising: list[NDArray[np.float64]] = []
    from_: list[NDArray[np.float64]] = []
    for scores, rate in zip(normal, fps, strict=True):
        level = max_hold(scores, rate)
        before = np.concatenate([[-np.inf], level[:-1]])
        up = level > before
        rising.append(level[up])
        from_.append(before[up])
    tops, feet = np.sort(np.concatenate(rising)), np.sort(np.concatenate(from_))
    # An alarm starts where the level rises to the threshold t: one for each rise with foot < t <= top.
    candidates = np.unique(tops)
    alarms = np.searchsorted(feet, candidates, "left") - np.searchsorted(tops, candidates, "left")
    too_many = np.flatnonzero(alarms > per_hour * hours)
    if not too_many.size:
        # Below the level with the most alarms, they only merge, at the end into one that never ends.
        return float(candidates[np.flatnonzero(alarms == alarms.max())[-1]]), hours
    last = too_many[-1]
    above = candidates[last + 1] if last + 1 < candidates.size else np.nextafter(candidates[-1], np.inf)
    return float(above), hours


@dataclass(frozen=True, slots=True)
class AlarmRules:
    """How an alarm begins and ends, apart from its threshold. The defaults are those of the metric `alarms`.

    Attributes:
        end_threshold: scores at or above it continue an alarm. None means the threshold.
        min_duration: seconds that an alarm must last until it is raised. Shorter alarms are never raised.
        cool_down: seconds after the end of an alarm in which no other one begins.

    Raises:
        VadkitError: a value is negative or not finite.

    Example:
        >>> from vadkit.api import AlarmRules
        >>> AlarmRules(min_duration=2.0).cool_down
        0.0
    """

    end_threshold: float | None = None
    min_duration: float = 0.0
    cool_down: float = 0.0

    def __post_init__(self) -> None:
        for name in ("min_duration", "cool_down"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                raise VadkitError(f"is {value}, but must be 0 or more seconds", where=f"--{name.replace('_', '-')}")
        if self.end_threshold is not None and not math.isfinite(self.end_threshold):
            raise VadkitError(f"is {self.end_threshold}, but must be a finite number", where="--end-threshold")

    def lower(self, threshold: float) -> float:
        """The score that continues an alarm.

        Raises:
            VadkitError: `end_threshold` is above the threshold.
        """
        if self.end_threshold is None:
            return threshold
        if self.end_threshold > threshold:
            what = f"is {self.end_threshold:.6g}, which is above the alarm threshold {threshold:.6g}"
            raise VadkitError(what, where="--end-threshold", fix="give a value at or below the alarm threshold")
        return self.end_threshold


@dataclass(frozen=True, slots=True)
class Alarm:
    """An interval with high scores: at or above the threshold, with gaps of less than a second (default rules).

    Attributes:
        frame: index of the first frame.
        seconds: time of the first frame.
        peak: highest score so far.
        peak_frame: index of the first frame with the highest score.
        peak_seconds: time of that frame.
        until_frame: index of the last frame that belongs to the alarm. None while the alarm lasts.
        until: time of that frame. None while the alarm lasts.

    Example:
        >>> from vadkit.api import Alarm
        >>> Alarm(frame=50, seconds=2.0, peak=3.5, peak_frame=60, peak_seconds=2.4).until is None
        True
    """

    frame: int
    seconds: float
    peak: float
    peak_frame: int
    peak_seconds: float
    until_frame: int | None = None
    until: float | None = None


_DEFAULT_RULES = AlarmRules()


class AlarmDetector:
    """Detects the begin and the end of alarms in a sequence of scores.

    A score at or above the threshold begins an alarm. The alarm ends with the last score at or above the lower
    threshold of the rules, if one second without such a score follows. Frames that are missing do not count as this
    second, up to `LONGEST_HOLE` seconds of them.

    Args:
        threshold: scores at or above it begin an alarm.
        fps: frames per second. If None, the first frame below the lower threshold ends the alarm.
        rules: hysteresis, shortest duration and cool-down; default: none of them.

    Raises:
        VadkitError: the rules do not fit the threshold.
    """

    def __init__(self, threshold: float, fps: float | None, rules: AlarmRules = _DEFAULT_RULES) -> None:
        self.threshold, self._rules, self._lower = threshold, rules, rules.lower(threshold)
        self._hold = _hold(fps) if fps else 0.0  # seconds
        self._current: Alarm | None = None
        self._raised = False  # whether the current alarm has lasted long enough
        self._last = (0, 0.0)  # index and seconds of the last frame at or above the lower threshold
        self._seen = 0.0  # time of the last frame
        self._missing = 0.0  # seconds without frames since the last frame at or above the lower threshold
        self._ready = -math.inf  # time at which the cool-down is over

    @property
    def active(self) -> bool:
        """Whether an alarm is raised and has not ended."""
        return self._raised

    def is_peak(self, frame: int) -> bool:
        """Whether a frame has the highest score so far of the current alarm, also of one that is not raised yet."""
        return self._current is not None and self._current.peak_frame == frame

    def skip(self, seconds: float) -> Alarm | None:
        """Note that no frame has a score since the last one up to this time.

        Returns:
            The alarm, if so much time is missing that it has ended. Otherwise None.
        """
        self._missing, self._seen = self._missing + seconds - self._seen, seconds
        return self.close() if self._missing > LONGEST_HOLE else None

    def update(self, frame: int, seconds: float, score: float) -> Alarm | None:
        """Process the next frame's score.

        Returns:
            An alarm that is raised at this frame, or one that has ended (`until` is set). Otherwise None.
        """
        self._seen = seconds
        if self._current is None and score >= self.threshold and seconds >= self._ready - _ROUNDING:
            self._current = Alarm(frame, seconds, score, frame, seconds)
        if self._current is None:
            return None
        if score < self._lower:
            return self.close() if seconds - self._last[1] - self._missing >= self._hold else None
        self._last, self._missing = (frame, seconds), 0.0
        if score > self._current.peak:
            self._current = replace(self._current, peak=score, peak_frame=frame, peak_seconds=seconds)
        if self._raised or seconds - self._current.seconds < self._rules.min_duration - _ROUNDING:
            return None
        self._raised = True
        return self._current

    def close(self) -> Alarm | None:
        """End the active alarm at the end of the video, and return it. None if no alarm is active."""
        (frame, seconds), alarm, raised = self._last, self._current, self._raised
        self._current, self._raised = None, False
        if alarm is None or not raised:
            return None
        self._ready = seconds + self._rules.cool_down
        return replace(alarm, until_frame=frame, until=seconds)
