"""What an operator asks: of the alarms at a threshold, how many are false, and how late are the true ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from vadkit.api import DataError, Metric, ScoredVideo, intervals_of, max_hold

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Alarms(Metric):
    """Alarms at a threshold: precision, recall, false alarms an hour, delay of detection.

    The threshold is the one that held-out normal video gave (the recipe's `data.held_out`) or
    a stated one; it never comes from test labels. An alarm is a run of frames whose score, or
    one of the second before, is at the threshold or above. It is false if it touches no abnormal
    frame. An event is a run of abnormal frames; it is detected if a frame of it is at the
    threshold or above, and the delay counts from its first frame to that one.

    Args:
        threshold: of the score; null takes that of held-out normal video.
        fps: frames per second of videos that do not say it themselves.
    """

    lower_is_better: ClassVar[frozenset[str]] = frozenset({"false_alarms_per_hour", "detection_delay"})
    units: ClassVar[Mapping[str, str]] = {"false_alarms_per_hour": "", "detection_delay": "s"}

    def __init__(self, *, threshold: float | None = None, fps: float | None = None) -> None:
        if fps is not None and not 0 < fps <= 10_000:
            raise DataError(f"'fps' lies above 0 and up to 10,000, not at {fps}", where="alarms")
        if threshold is not None and not np.isfinite(threshold):
            raise DataError(f"'threshold' is a finite number, not {threshold}", where="alarms")
        self.threshold, self.fps = threshold, fps
        self.needs_threshold, self.in_units = threshold is None, threshold is not None
        self.needs_fps = fps is None

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """-> the values that are defined: `false_alarms_per_hour` of normal video, `events_detected`.

        Further `detection_delay` (seconds, mean over detected events), `precision` and `recall` of frames.

        Raises:
            DataError: no threshold, or no frame rate.
        """
        return self.resampled(videos)(np.ones(len(videos), np.int64))

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Counts each video once."""
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

    def _count(self, video: ScoredVideo) -> tuple[float, ...]:
        threshold = video.threshold if self.threshold is None else self.threshold
        fps = video.fps or self.fps
        if threshold is None:
            raise DataError(
                "there is no threshold: no normal video was held out",
                where="metric alarms",
                fix="run the recipe with --set data.held_out=0.1, or state a threshold: {use: alarms, threshold: 0.5}",
            )
        if fps is None:
            raise DataError(
                f"the frame rate of video {video.name!r} is unknown", where="metric alarms", fix="state it: fps: 25"
            )
        at = video.scores >= threshold
        alarms = intervals_of(max_hold(video.scores, fps) >= threshold)
        false_alarms = sum(not video.labels[start:stop].any() for start, stop in alarms)
        events = intervals_of(video.labels)
        first = [int(at[start:stop].argmax()) for start, stop in events if at[start:stop].any()]
        return (
            float((at & video.labels).sum()),
            float((at & ~video.labels).sum()),
            float((~at & video.labels).sum()),
            float(false_alarms),
            float((~video.labels).sum()) / fps / 3600,
            float(len(events)),
            float(len(first)),
            sum(first) / fps,
        )
