"""Sinks run apart from the scoring: one that hangs, fails or is slow costs only its own results."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from vadkit.core.alarms import Alarm
from vadkit.core.contracts import Sink
from vadkit.core.errors import PluginError, VadkitError
from vadkit.core.source_status import SourceStatus
from vadkit.core.values import ClipSpec
from vadkit.core.watching import AlarmEvent, FrameScore, WatchedSource, WatchSummary
from vadkit.live import outputs
from vadkit.live.outputs import NamedSink, Outputs

CLIP = ClipSpec(8, 32, 48, "gray")


def source(*, live: bool = True) -> WatchedSource:
    return WatchedSource("camera", live=live, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.0)


class Recorder(Sink):
    """Notes every call."""

    needs_frames = True

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def open(self, source: WatchedSource) -> None:
        self.calls.append(("open", source.name))

    def frame(self, score: FrameScore) -> None:
        self.calls.append(("frame", score.frame))

    def alarm(self, event: AlarmEvent) -> None:
        self.calls.append(("begin" if event.begins else "end", event.number, event.alarm.until_frame))

    def status(self, status: SourceStatus) -> None:
        self.calls.append(("status", status.state))

    def close(self, summary: WatchSummary) -> None:
        self.calls.append(("close", summary.alarms))


class Hanging(Recorder):
    """Hangs in one method until the test ends."""

    def __init__(self, method: str, free: threading.Event) -> None:
        super().__init__()
        self.method, self.free = method, free

    def _hang(self, method: str) -> None:
        if method == self.method:
            self.tell("no answer; trying again")
            self.free.wait()

    def open(self, source: WatchedSource) -> None:
        self._hang("open")
        super().open(source)

    def frame(self, score: FrameScore) -> None:
        self._hang("frame")
        super().frame(score)

    def alarm(self, event: AlarmEvent) -> None:
        self._hang("alarm")
        super().alarm(event)


class Failing(Recorder):
    """Raises in every alarm."""

    def alarm(self, event: AlarmEvent) -> None:
        if event.begins:
            raise VadkitError("the server does not answer", fix="check it")
        raise KeyError("lost")


@pytest.fixture
def free() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture(autouse=True)
def _limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("START_LIMIT", "END_LIMIT", "PATIENCE"):
        monkeypatch.setattr(outputs, name, 0.2)


def alarm(frame: int, until: int | None = None) -> Alarm:
    return Alarm(frame, frame / 25, 3.0, frame, frame / 25, until, None if until is None else until / 25)


def watched(*sinks: Sink, live: bool = True, frames: int = 5, told: list[str] | None = None) -> Outputs:
    """Frames with an alarm that begins with frame 1 and ends with frame 3."""
    said = [] if told is None else told
    found = Outputs([NamedSink(type(sink).__name__.lower(), sink) for sink in sinks], CLIP, said.append)
    found.open(source(live=live))
    for index in range(frames):
        alarms = {1: (alarm(1),), 3: (alarm(1, 2),)}.get(index, ())
        found.frame(FrameScore(index, index / 25, float(index), {}, alarms, is_peak=index in (1, 2)))
    found.close(WatchSummary(source(live=live), "end of the source", frames, alarms=found.alarms))
    return found


def test_a_sink_gets_every_call_in_order() -> None:
    sink = Recorder()
    assert not any(str(state) for state in watched(sink).states.values())
    frames = [("frame", number) for number in range(5)]
    begin, end = ("begin", 1, None), ("end", 1, 2)
    assert sink.calls == [("open", "camera"), *frames[:2], begin, *frames[2:4], end, frames[4], ("close", 1)]


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("method", ["open", "frame", "alarm"])
def test_a_sink_that_hangs_does_not_stop_the_others(method: str, live: bool, free: threading.Event) -> None:
    sink, other, told = Hanging(method, free), Recorder(), list[str]()
    states = watched(sink, other, live=live, frames=600, told=told).states
    assert [call for call in other.calls if call[0] != "frame"] == [
        ("open", "camera"), ("begin", 1, None), ("end", 1, 2), ("close", 1)
    ]  # fmt: skip
    assert states["hanging"].lost
    assert states["hanging"].skipped > 300
    assert any("did not finish within" in text for text in told)
    assert "output hanging: no answer; trying again" in told
    if not live:
        assert states["recorder"].skipped == 0  # a recording waits for a sink that works


def test_an_error_of_a_sink_is_reported_once_and_counted() -> None:
    sink, told = Failing(), list[str]()
    found = Outputs([NamedSink("hook", sink)], CLIP, told.append)
    found.open(source())
    for index in range(6):
        found.frame(FrameScore(index, index / 25, 3.0, {}, (alarm(index), alarm(index, index))))
    found.close(WatchSummary(source(), "SIGTERM"))
    assert told == ["output hook: the server does not answer -> check it", "output hook: KeyError: 'lost'"]
    assert found.states["hook"].failed == 12
    assert str(found.states["hook"]) == "failed calls: 12"
    assert sink.calls[-1] == ("close", 0)


def test_a_sink_that_cannot_start_ends_the_watch_before_it_begins() -> None:
    class Broken(Recorder):
        def open(self, source: WatchedSource) -> None:
            raise VadkitError("no permission to write")

        def close(self, summary: WatchSummary) -> None:
            pytest.fail("it was never open")

    class Buggy(Recorder):
        def open(self, source: WatchedSource) -> None:
            raise AttributeError("typo")

    first = Recorder()
    with pytest.raises(VadkitError, match="output broken: no permission to write"):
        watched(first, Broken())
    assert first.calls == [("open", "camera"), ("close", 0)]
    with pytest.raises(PluginError, match=r"output buggy: cannot start: AttributeError: typo\s+-> tell the author"):
        watched(Buggy())


@pytest.mark.parametrize("error", [VadkitError("the broker refuses", fix="correct the login"), KeyError("typo")])
def test_a_sink_that_fails_after_the_start_limit_is_reported_once(error: Exception, free: threading.Event) -> None:
    class Late(Hanging):
        def open(self, source: WatchedSource) -> None:
            super().open(source)
            raise error

    told = list[str]()
    found = Outputs([NamedSink("late", Late("open", free))], CLIP, told.append)
    found.open(source())
    found.frame(FrameScore(0, 0.0, 3.0, {}, (alarm(0),), is_peak=True))
    free.set()
    found._runners[0]._thread.join(10)
    found.frame(FrameScore(1, 0.04, 3.0, {}, (alarm(0, 1),)))
    found.close(WatchSummary(source(), "SIGTERM"))
    state = found.states["late"]
    assert (state.failed, state.lost, state.skipped) == (1, 2, 0)
    reason = "the broker refuses -> correct the login" if isinstance(error, VadkitError) else "cannot start: KeyError"
    assert len(told) == 3
    assert told[2].startswith(f"output late: does not start; its alarms are lost: {reason}")


def test_an_open_alarm_ends_with_the_watch() -> None:
    sink = Recorder()
    found = Outputs([NamedSink("sink", sink)], CLIP, pytest.fail)
    found.open(source())
    found.frame(FrameScore(7, 0.28, 3.0, {}, (alarm(7),), is_peak=True))
    found.frame(FrameScore(8, 0.32, 3.0, {}))
    found.close(WatchSummary(source(), "SIGTERM", alarms=found.alarms))
    assert sink.calls[-2:] == [("end", 1, 8), ("close", 1)]


def test_states_before_the_start_arrive_after_open() -> None:
    sink = Recorder()
    found = Outputs([NamedSink("sink", sink)], CLIP, pytest.fail)
    found.status(SourceStatus("waiting", 0.0, frames_lost=3))
    found.open(source())
    found.status(SourceStatus("connected", 1.0, frames_lost=5))
    found.close(WatchSummary(source(), "SIGTERM"))
    assert sink.calls == [("open", "camera"), ("status", "waiting"), ("status", "connected"), ("close", 0)]
    assert found.frames_lost == 5


def test_alarms_follow_a_clock_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """A computer without a battery clock gets its time from the network, some time after the start."""
    events: list[AlarmEvent] = []

    class Times(Recorder):
        def alarm(self, event: AlarmEvent) -> None:
            events.append(event)

    now = time.time()
    for live in (True, False):
        found = Outputs([NamedSink("sink", Times())], CLIP, pytest.fail)
        found.open(source(live=live))
        found.frame(FrameScore(0, 0.0, 3.0, {}, (alarm(0),)))
        with monkeypatch.context() as changed:
            changed.setattr(time, "time", lambda: now + 5400)
            found.frame(FrameScore(25, 1.0, 3.0, {}, (alarm(0, 25), alarm(25))))
            found.close(WatchSummary(source(), "SIGTERM"))
    assert [(event.number, event.source.began.hour) for event in events] == [
        (1, 0), (1, 0), (2, 1), (2, 1), (1, 0), (1, 0), (2, 0), (2, 0)
    ]  # fmt: skip


def test_two_sinks_with_the_same_name_are_counted_apart() -> None:
    assert list(watched(Recorder(), Recorder()).states) == ["recorder", "recorder 2"]


def test_an_alarm_has_the_place_of_its_highest_frame() -> None:
    events: list[AlarmEvent] = []

    class Places(Recorder):
        def alarm(self, event: AlarmEvent) -> None:
            events.append(event)

    anomaly_map = np.zeros((4, 6), np.float32)
    anomaly_map[1, 2] = 1.0  # cells of 8 x 8 pixels
    found = Outputs([NamedSink("sink", Places())], CLIP, pytest.fail)
    found.open(source())
    peak = FrameScore(3, 0.12, 3.0, {}, (alarm(3),), anomaly_map, np.zeros((32, 48, 1), np.uint8), is_peak=True)
    found.frame(peak)
    found.frame(FrameScore(4, 0.16, 2.5, {}, (alarm(3, 4),), np.zeros((4, 6), np.float32)))
    found.close(WatchSummary(source(), "SIGTERM"))
    assert [event.peak.frame for event in events if event.peak] == [3, 3]
    assert [event.box for event in events] == [(16, 8, 24, 16)] * 2


@pytest.mark.parametrize("frames", [True, False])
def test_only_maps_that_a_sink_reads_are_made(frames: bool) -> None:
    class Maps(Recorder):
        needs_frames, needs_anomaly_maps = frames, True

        def frame(self, score: FrameScore) -> None:
            self.calls.append(score.anomaly_map)

        def alarm(self, event: AlarmEvent) -> None:
            assert event.peak is not None
            assert event.peak.anomaly_map is not None
            assert event.peak.anomaly_map.shape == (32, 48)

    class Scores(Maps):
        needs_frames, needs_anomaly_maps = True, False

    sinks = Maps(), Scores()
    found = Outputs([NamedSink(type(sink).__name__, sink) for sink in sinks], CLIP, pytest.fail)
    assert found.needs_pictures  # a box is in pixels of a picture
    found.open(source())
    rising = np.arange(24, dtype=np.float32).reshape(4, 6)
    picture = np.zeros((32, 48, 1), np.uint8)
    found.frame(FrameScore(0, 0.0, 1.0, {}, (), rising, picture))
    found.frame(FrameScore(1, 0.04, 3.0, {}, (alarm(1),), rising, picture, is_peak=True))
    found.close(WatchSummary(source(), "SIGTERM"))
    assert not any(str(state) for state in found.states.values())
    maps = [call for call in sinks[1].calls if not isinstance(call, tuple)]
    assert [it is not None for it in maps] == [frames, True]


def test_a_box_is_always_in_pixels_of_a_picture() -> None:
    events: list[AlarmEvent] = []

    class Places(Recorder):
        def alarm(self, event: AlarmEvent) -> None:
            events.append(event)

    found = Outputs([NamedSink("sink", Places())], CLIP, pytest.fail)
    found.open(source())
    rising = np.arange(24, dtype=np.float32).reshape(4, 6)
    found.frame(FrameScore(0, 0.0, 3.0, {}, (alarm(0),), rising, None, is_peak=True))
    found.close(WatchSummary(source(), "SIGTERM"))
    assert [(event.box, event.as_dict()["picture_size"]) for event in events] == [(None, None)] * 2


def test_maps_and_boxes_fit_a_larger_picture_without_the_bars_of_the_clip() -> None:
    events: list[AlarmEvent] = []

    class Places(Recorder):
        def alarm(self, event: AlarmEvent) -> None:
            events.append(event)

    clip = ClipSpec(8, 48, 48, "gray", resize="letterbox")  # the video has twice the width of its height
    anomaly_map = np.zeros((6, 6), np.float32)
    anomaly_map[2, 3] = 1.0  # x 24 to 32, y 16 to 24; the picture is in the rows 12 to 36
    found = Outputs([NamedSink("sink", Places())], clip, pytest.fail)
    found.open(source())
    large = np.zeros((200, 400, 3), np.uint8)
    found.frame(FrameScore(3, 0.12, 3.0, {}, (alarm(3),), anomaly_map, large, is_peak=True))
    found.close(WatchSummary(source(), "SIGTERM"))
    (begin, _end) = events
    assert begin.box == (200, 33, 267, 100)
    assert begin.peak is not None
    fitted = begin.peak.anomaly_map
    assert fitted is not None
    assert fitted.shape == (24, 48)
    rows, columns = np.nonzero(fitted > 0.5)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 11, 24, 31)
