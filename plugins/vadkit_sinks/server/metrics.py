"""Prometheus metrics of a watch."""

from __future__ import annotations

import math
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Enum, Gauge, Histogram, generate_latest

from vadkit.api import AlarmEvent, FrameScore, SourceState, SourceStatus, WatchedSource

_LATENCIES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds


class Metrics:
    """Counts frames and alarms.

    Args:
        source: the watched source.
    """

    def __init__(self, source: WatchedSource) -> None:
        self._registry = registry = CollectorRegistry()
        self._frames = Counter("vadkit_frames", "Frames with a score.", registry=registry)
        self._lost = Counter("vadkit_frames_lost", "Frames that the live source lost.", registry=registry)
        self._alarms = Counter("vadkit_alarms", "Alarms that began.", registry=registry)
        self._active = Gauge("vadkit_alarm_active", "1 while an alarm lasts.", registry=registry)
        self._score = Gauge("vadkit_score", "Score of the newest frame.", registry=registry)
        Gauge("vadkit_threshold", "Alarm threshold.", registry=registry).set(source.threshold)
        self._newest = Gauge("vadkit_last_frame_timestamp_seconds", "Time of the newest score.", registry=registry)
        text = "Time from reading a frame to its score."
        self._latency = Histogram("vadkit_latency_seconds", text, buckets=_LATENCIES, registry=registry)
        states = [state for state in get_args(SourceState) if not SourceStatus(state, 0.0).is_event]
        self._state = Enum("vadkit_source_state", "State of the source.", states=states, registry=registry)
        self._lost_before = 0

    def add_frame(self, score: FrameScore) -> None:
        """Count a frame."""
        self._frames.inc()
        self._newest.set_to_current_time()
        self._latency.observe(score.latency)
        self._active.set(score.active)
        if not math.isnan(score.score):
            self._score.set(score.score)

    def add_alarm(self, event: AlarmEvent) -> None:
        """Count an alarm that begins."""
        if event.begins:
            self._alarms.inc()
        self._active.set(event.begins)

    def add_status(self, status: SourceStatus) -> None:
        """Note the state of the source, and count its lost frames."""
        if not status.is_event:
            self._state.state(status.state)
        self._lost.inc(max(0, status.frames_lost - self._lost_before))
        self._lost_before = max(self._lost_before, status.frames_lost)

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._registry)
