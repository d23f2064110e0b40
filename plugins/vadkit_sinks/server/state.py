"""The state that the server shows. All methods can be called from several threads."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.api import AlarmEvent, FrameScore, SourceStatus, WatchedSource, draw_heat_map
from vadkit_sinks.pictures import jpeg, rgb, with_box

STRIP = 300.0  # seconds of the score strip
_BIN = 0.5  # seconds in one point of the strip: its highest score
_EVENTS = 50  # alarms that stay in memory with a picture
_EVENT_SHOWN = 30.0  # seconds for which the page shows an event of the source
_WITHOUT_PICTURES = ("waiting", "lost", "ended")  # states of a source; an alarm ends with the pictures
_FADING = 0.999  # factor per frame, by which the upper end of the heat map's colours decreases


class State:
    """The newest frame, the scores of the last minutes and the last alarms.

    Args:
        source: the watched source.
        limit: seconds without a frame after which the watch is not healthy.
    """

    def __init__(self, source: WatchedSource, limit: float) -> None:
        self.source, self._limit = source, limit
        self._lock = threading.Lock()
        self._frame: FrameScore | None = None
        self._since = time.monotonic()  # when the newest frame arrived
        self._status: SourceStatus | None = None  # the state that lasts
        self._event: tuple[SourceStatus, float] | None = None  # the last event of the source, and when it arrived
        self._frames_lost = 0
        self._points: deque[tuple[int, float, bool]] = deque(maxlen=round(STRIP / _BIN))  # bin, score, alarm
        self._alarms: dict[int, AlarmEvent] = {}
        self._frames, self._hottest = 0, -np.inf
        self._arrivals: deque[float] = deque(maxlen=50)
        self._encoded: tuple[int, bool, bytes] | None = None  # frame, heat map, JPEG

    def add_frame(self, score: FrameScore) -> None:
        """Note a score."""
        heat = None if score.anomaly_map is None else _range(score.anomaly_map)  # takes long; no request waits for it
        with self._lock:
            self._frame, self._since = score, time.monotonic()
            self._frames += 1
            self._arrivals.append(self._since)
            if score.is_peak:
                self._raise_peak(score)
            if heat is not None:
                low, high = heat
                self._hottest = max(high, low + _FADING * (self._hottest - low))
            if np.isnan(score.score):
                return
            number = int(score.seconds / _BIN)
            if self._points and self._points[-1][0] == number:
                _, highest, active = self._points.pop()
                self._points.append((number, max(highest, score.score), active or score.active))
            else:
                self._points.append((number, score.score, score.active))

    def _raise_peak(self, score: FrameScore) -> None:
        """The open alarm, if there is one, has a new highest frame. Its box is known when the alarm ends."""
        event = self._alarms.get(max(self._alarms, default=0))
        if event is not None and event.begins:
            peak = {"peak": score.score, "peak_frame": score.frame, "peak_seconds": score.seconds}
            self._alarms[event.number] = replace(event, alarm=replace(event.alarm, **peak), peak=score, box=None)

    def add_alarm(self, event: AlarmEvent) -> None:
        """Note the begin or the end of an alarm."""
        with self._lock:
            self._alarms[event.number] = event
            self.source = event.source  # its clock may have been set
            while len(self._alarms) > _EVENTS:
                del self._alarms[min(self._alarms)]

    def add_status(self, status: SourceStatus) -> None:
        """Note the state of the source."""
        with self._lock:
            self._frames_lost = max(self._frames_lost, status.frames_lost)
            if status.is_event:
                self._event = status, time.monotonic()
            else:
                self._status = status

    def problem(self) -> str:
        """Why the watch is not healthy. Empty if it is."""
        with self._lock:
            silent = time.monotonic() - self._since
            if silent <= self._limit and self._frame is not None:
                return ""
            what = "no frame has a score yet" if self._frame is None else f"no score for {silent:.0f} s"
            return f"{what}{self._source_state()}"

    def health(self, *, alive: bool = False) -> tuple[bool, str]:
        """Whether the watch is healthy, and the reason if it is not; in both cases with the state of the source.

        With `alive`, it is healthy without scores too if the source gives no pictures: a new start would not help.
        """
        problem = self.problem()
        with self._lock:
            fault = bool(problem) and not (alive and self._status and self._status.state in _WITHOUT_PICTURES)
            return not fault, problem or f"ok{self._source_state()}"

    def _source_state(self) -> str:
        return f"; the source is {self._status.state.replace('_', ' ')}" if self._status else ""

    def as_dict(self) -> dict[str, Any]:
        """Everything that the page shows, as plain values."""
        with self._lock:
            frame, source = self._frame, self.source
            is_new = self._event is not None and time.monotonic() - self._event[1] < _EVENT_SHOWN
            is_well = self._status is None or self._status.state in ("connected", "normal")
            status = self._event[0] if self._event and is_new and is_well else self._status
            passed = self._arrivals[-1] - self._arrivals[0] if len(self._arrivals) > 1 else 0.0
            values: dict[str, Any] = {
                "source": source.name,
                "run": source.run,
                "began": source.began.isoformat() if source.live else None,
                "threshold": source.threshold,
                "strip": STRIP,
                "frames": self._frames,
                "fps": (len(self._arrivals) - 1) / passed if passed else None,
                "state": status.state if status else None,
                "detail": status.detail if status else "",
                "frames_lost": self._frames_lost,
                "points": [[round(number * _BIN, 1), score, active] for number, score, active in self._points],
                "alarms": [event.as_dict() for _, event in sorted(self._alarms.items(), reverse=True)],
            }
            if frame is not None:
                score = None if np.isnan(frame.score) else frame.score
                active = frame.active and (self._status is None or self._status.state not in _WITHOUT_PICTURES)
                values |= {"frame": frame.frame, "seconds": frame.seconds, "score": score, "active": active}
                values |= {"picture": frame.picture is not None, "maps": frame.anomaly_map is not None}
        values["problem"] = self.problem()
        return values

    def picture(self, *, heat_map: bool) -> bytes | None:
        """The newest frame as JPEG. None without a picture."""
        with self._lock:
            frame, hottest, encoded = self._frame, self._hottest, self._encoded
        if frame is None:
            return None
        if encoded is None or encoded[:2] != (frame.frame, heat_map):
            data = _encoded(frame, hottest, heat_map=heat_map)
            if data is None:
                return None
            encoded = frame.frame, heat_map, data
            with self._lock:
                self._encoded = encoded
        return encoded[2]

    def alarm_picture(self, number: int) -> bytes | None:
        """The frame with the highest score of an alarm as JPEG, with heat map and box."""
        with self._lock:
            event = self._alarms.get(number)
        if event is None or event.peak is None or event.peak.picture is None:
            return None
        peak = event.peak
        if event.box is not None:
            peak = replace(peak, picture=with_box(rgb(event.peak.picture), event.box))
        hottest = -np.inf if peak.anomaly_map is None else float(np.nanmax(peak.anomaly_map))
        return _encoded(peak, hottest, heat_map=True)


def _range(anomaly_map: NDArray[np.floating[Any]]) -> tuple[float, float] | None:
    """The middle of the values of a map (h, w), from every fourth row and column, and the highest. None without any."""
    values, some = (part[np.isfinite(part)] for part in (anomaly_map, anomaly_map[::4, ::4]))
    return (float(np.median(some if some.size else values)), float(values.max())) if values.size else None


def _encoded(frame: FrameScore, hottest: float, *, heat_map: bool) -> bytes | None:
    if frame.picture is None:
        return None
    picture = rgb(frame.picture)
    if heat_map and frame.anomaly_map is not None and np.isfinite(hottest):
        low = float(np.nanmedian(frame.anomaly_map))
        picture = draw_heat_map(picture, frame.anomaly_map, low=low, high=hottest)
    return jpeg(picture, 85)
