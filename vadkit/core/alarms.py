"""What an alarm is: shared by the threshold, which normal video sets, and by the metrics that count alarms.

NumPy is imported where it is used, for `vadkit.api` imports this and `vadkit list` that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOLD = 1.0  # seconds; alarms less than this apart are one


def intervals_of(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open ranges of the frames that are marked, (F,) bool."""
    import numpy as np

    edges = np.flatnonzero(np.diff(marked.astype(np.int8), prepend=0, append=0))
    return [(int(start), int(stop)) for start, stop in zip(edges[::2], edges[1::2], strict=True)]


def max_hold(scores: NDArray[np.float64], fps: float | None) -> NDArray[np.float64]:
    """The highest score of the last `HOLD` seconds, (F,) -> (F,): an alarm is a run of these at a threshold or above.

    Without a frame rate, nothing is held.
    """
    import numpy as np

    size = min(max(1, round(HOLD * fps)), scores.size) if fps else 1
    padded = np.concatenate([np.full(size - 1, -np.inf), scores])
    return np.lib.stride_tricks.sliding_window_view(padded, size).max(axis=1)


def alarm_threshold(
    normal: Sequence[NDArray[np.float64]], fps: Sequence[float | None], per_hour: float
) -> tuple[float, float]:
    """The lowest threshold from which on normal video raises alarms no more often than wanted.

    Args:
        normal: scores of normal videos, each (F,).
        fps: frames per second of each.
        per_hour: alarms an hour.

    Returns:
        The threshold, to be reached or exceeded, and the hours that it rests on. It is never below
        the level that most alarms begin at, for lower ones run into each other. Where the hours are
        too short for even one alarm, it lies just above all normal scores. 0 hours if a frame
        rate is unknown: then no alarm is allowed either.
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
    # An alarm begins where the level rises past the threshold: one for each rise with foot < t <= top.
    candidates = np.unique(tops)
    alarms = np.searchsorted(feet, candidates, "left") - np.searchsorted(tops, candidates, "left")
    too_many = np.flatnonzero(alarms > per_hour * hours)
    if not too_many.size:
        # Below the level with most alarms they only grow together, up to one that never ends.
        return float(candidates[np.flatnonzero(alarms == alarms.max())[-1]]), hours
    last = too_many[-1]
    above = candidates[last + 1] if last + 1 < candidates.size else np.nextafter(candidates[-1], np.inf)
    return float(above), hours
