"""Alarms at a threshold: how many are false, and how late are the true ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, ScoredVideo, intervals_of, levels, max_hold
from vadkit_standard.metrics import CountedOnce


class Alarms(CountedOnce):
    """Alarms at a threshold: precision, recall, false alarms per hour, detection delay.

    The threshold comes from held-out normal video (the recipe's `data.held_out`) or from the recipe; it never comes
    from test labels. An alarm is an interval of frames in which the score, or a score of the second before, is at
    least the threshold. An alarm is false if it contains no abnormal frame. An event is an interval of abnormal frames.
    It is detected if the score of one of its frames is at least the threshold. The delay is the time from the start of
    the event to that frame.

    Values, as far as they are defined: `false_alarms_per_hour` of normal video, `events_detected` (a share),
    `detection_delay` (seconds, mean over detected events), and `precision` and `recall` of frames.

    Args:
        threshold: threshold of the score; null uses the one from held-out normal video.
        fps: frames per second of videos with an unknown frame rate.

    Example:
        >>> scores, labels = np.array([0.1, 0.2, 0.9, 0.8]), np.array([False, False, True, True])
        >>> values = Alarms(threshold=0.5, fps=1.0).compute([ScoredVideo("01", scores, labels)])
        >>> values["precision"], values["recall"], values["detection_delay"]
        (1.0, 1.0, 0.0)
    """

    by_group: ClassVar[bool] = True
    lower_is_better: ClassVar[frozenset[str]] = frozenset({"false_alarms_per_hour", "detection_delay"})
    units: ClassVar[Mapping[str, str]] = {"false_alarms_per_hour": "", "detection_delay": "s"}

    def __init__(self, *, threshold: float | None = None, fps: float | None = None) -> None:
        if fps is not None and not 0 < fps <= 10_000:
            raise DataError(f"'fps' must be above 0 and at most 10,000, but it is {fps}", where="alarms")
        if threshold is not None and not np.isfinite(threshold):
            raise DataError(f"'threshold' must be a finite number, but it is {threshold}", where="alarms")
        self.threshold, self.fps = threshold, fps
        self.needs_threshold, self.in_units = threshold is None, threshold is not None
        self.needs_fps = fps is None

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Count each video once; a resample is a weighted sum of the counts."""
        counts = np.array([self._count(video) for video in videos], np.float64)

        def measure(times: NDArray[np.int64]) -> dict[str, float]:
            true, false, missed, false_alarms, hours, events, detected, delay = times @ counts
            shares = {
                "false_alarms_per_hour": (false_alarms, hours),
                "events_detected": (detected, events),
                "detection_delay": (delay, detected),
                "precision": (true, true + false),
                "recall": (true, true + missed),
            }
            return {name: float(part / whole) for name, (part, whole) in shares.items() if whole > 0}

        return measure

    def basis(self, videos: Sequence[ScoredVideo]) -> Mapping[str, str]:
        """State the length of the normal video, and the number of events."""
        if not videos:
            return {}
        *_, hours, events, detected, _ = np.sum([self._count(video) for video in videos], axis=0)
        found: dict[str, str] = {}
        if hours > 0:
            short = "" if hours >= 1 else ", too short for a rate per hour"
            found["false_alarms_per_hour"] = f"from {_length(hours)} of normal video{short}"
        if events > 0:
            found["events_detected"] = f"{int(detected)} of {int(events)} events"
        return found

    def _count(self, video: ScoredVideo) -> tuple[float, ...]:
        threshold = video.threshold if self.threshold is None else self.threshold
        fps = video.fps or self.fps
        if threshold is None:
            what = "the threshold is unknown, because no normal video was held out"
            fix = "run the recipe with --set data.held_out=0.1, or set a threshold: {use: alarms, threshold: 0.5}"
            raise DataError(what, where="metric alarms", fix=fix)
        if fps is None:
            raise DataError(
                f"the frame rate of video {video.name!r} is unknown", where="metric alarms", fix="set it: fps: 25"
            )
        scores = levels(video.scores, video.can_alarm)
        at = scores >= threshold
        alarms = intervals_of(max_hold(scores, fps, video.times) >= threshold)
        false_alarms = sum(not video.labels[start:stop].any() for start, stop in alarms)
        events = intervals_of(video.labels)
        times = np.arange(scores.size) / fps if video.times is None else video.times
        lengths = np.diff(times, append=times[-1] + 1 / fps)  # seconds that each frame is shown
        first = [(start, start + int(at[start:stop].argmax())) for start, stop in events if at[start:stop].any()]
        delays = [float(times[detected] - times[start]) for start, detected in first]
        return (
            float((at & video.labels).sum()),
            float((at & ~video.labels).sum()),
            float((~at & video.labels).sum()),
            float(false_alarms),
            float(lengths[~video.labels].sum()) / 3600,
            float(len(events)),
            float(len(delays)),
            sum(delays),
        )


def _length(hours: float) -> str:
    """A length of time, such as 15 s, 3.5 min or 2.1 h."""
    seconds = 3600 * hours
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{60 * hours:.3g} min" if hours < 2 else f"{hours:.3g} h"
