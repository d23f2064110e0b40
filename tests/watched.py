"""Values of a watch, for tests of sinks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from vadkit.api import Alarm, AlarmEvent, AlarmRules, FrameScore, WatchedSource, WatchSummary

BEGAN = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
FPS = 25.0


def source(name: str = "rtsp://camera/door", *, live: bool = True, rules: AlarmRules | None = None) -> WatchedSource:
    return WatchedSource(name, live, BEGAN, threshold=2.5, fps=FPS, run="demo", rules=rules or AlarmRules())


def picture(level: int = 90, channels: int = 3) -> Any:
    """(48, 64, C): a gray level, with a bright square."""
    drawn = np.full((48, 64, channels), level, np.uint8)
    drawn[8:16, 16:32] = 220
    return drawn


def score(frame: int, value: float = 1.0, **fields: Any) -> FrameScore:
    anomaly_map = np.zeros((6, 8), np.float32)
    anomaly_map[1, 2:4] = value
    given = {"anomaly_map": anomaly_map, "picture": picture(), **fields}
    return FrameScore(frame, frame / FPS, value, {"motion": value}, **given)


def begin(frame: int = 50, *, number: int = 1, name: str = "rtsp://camera/door", live: bool = True) -> AlarmEvent:
    alarm = Alarm(frame, frame / FPS, 3.0, frame, frame / FPS)
    return AlarmEvent(number, source(name, live=live), alarm, score(frame, 3.0), (16, 8, 32, 16))


def end(frame: int = 50, until: int = 75, *, number: int = 1, live: bool = True) -> AlarmEvent:
    alarm = Alarm(frame, frame / FPS, 5.0, frame + 5, (frame + 5) / FPS, until, until / FPS)
    peak = score(frame + 5, 5.0, picture=picture(40))
    return AlarmEvent(number, source(live=live), alarm, peak, (16, 8, 32, 16))


def summary() -> WatchSummary:
    return WatchSummary(source(), "SIGTERM", frames=100, seconds=4.0, alarms=1, frames_lost=7, fps=25.0)
