"""The definition of an alarm, for the alarm threshold, live alarms, events and the metrics that count alarms.

An alarm is an interval in which the held score (`max_hold`) reaches the threshold. `AlarmDetector` finds the same
intervals in scores that arrive one by one.

The functions import NumPy when they are called, so that `vadkit list` does not import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOLD = 1.0  # seconds; alarms with a shorter gap between them count as one


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


def max_hold(scores: NDArray[np.float64], fps: float | None) -> NDArray[np.float64]:
    """Return the highest score of the last second, for each frame: (F,) -> (F,).

    An alarm is an interval in which this value reaches the threshold.

    Args:
        scores: (F,).
        fps: frames per second. If it is None, the scores are returned unchanged.

    Example:
        >>> import numpy as np
        >>> from vadkit.api import max_hold
        >>> max_hold(np.array([0.0, 5.0, 0.0, 0.0, 1.0]), fps=2.0).tolist()
        [0.0, 5.0, 5.0, 0.0, 1.0]
    """
    import numpy as np

    size = min(max(1, round(HOLD * fps)), scores.size) if fps else 1
    padded = np.concatenate([np.full(size - 1, -np.inf), scores])
    return np.lib.stride_tricks.sliding_window_view(padded, size).max(axis=1)


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
class Alarm:
    """A run of frames with scores at or above the threshold. Runs less than a second apart are one alarm."""

    frame: int  # index of the first frame
    seconds: float  # time of the first frame
    peak: float  # highest score so far
    peak_frame: int  # index of the first frame with the highest score
    peak_seconds: float  # time of that frame
    # index and time of the last frame at or above the threshold; None while the alarm lasts
    until_frame: int | None = None
    until: float | None = None


class AlarmDetector:
    """Detects the begin and the end of alarms in a sequence of scores.

    Args:
        threshold: scores at or above it raise an alarm.
        fps: frames per second. If None, the first frame below the threshold ends the alarm.
    """

    def __init__(self, threshold: float, fps: float | None) -> None:
        self.threshold = threshold
        self._hold = max(1, round(HOLD * fps)) if fps else 1  # frames
        self._active: Alarm | None = None
        self._below = 0  # frames since the last one at or above the threshold
        self._last = (0, 0.0)  # index and seconds of that frame

    def update(self, frame: int, seconds: float, score: float) -> Alarm | None:
        """Process the next frame's score; return an alarm that begins with this frame or has ended (`until` is set)."""
        if score >= self.threshold:
            self._below, self._last = 0, (frame, seconds)
            if self._active is None:
                self._active = Alarm(frame, seconds, score, frame, seconds)
                return self._active
            if score > self._active.peak:
                self._active = replace(self._active, peak=score, peak_frame=frame, peak_seconds=seconds)
            return None
        self._below += 1
        return self.close() if self._active is not None and self._below >= self._hold else None

    def close(self) -> Alarm | None:
        """End the active alarm at the end of the video; None if no alarm is active."""
        if self._active is None:
            return None
        frame, seconds = self._last
        ended, self._active = replace(self._active, until_frame=frame, until=seconds), None
        return ended
