"""The definition of an alarm, for the alarm threshold and for the metrics that count alarms.

An alarm is an interval in which the held score (`max_hold`) reaches the threshold.

The functions import NumPy when they are called, so that `vadkit list` does not import it.
"""

from __future__ import annotations

from collections.abc import Sequence
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
