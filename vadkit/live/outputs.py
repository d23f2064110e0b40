"""Runs sinks: each in its own thread, so that a slow or failing one neither delays nor ends the scoring."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from vadkit.core.alarms import Alarm
from vadkit.core.contracts import Sink
from vadkit.core.errors import PluginError, VadkitError
from vadkit.core.source_status import SourceStatus
from vadkit.core.values import ClipSpec
from vadkit.core.watching import AlarmEvent, FrameScore, WatchedSource, WatchSummary
from vadkit.evaluation.events import Box, locate, map_of_picture
from vadkit.live.wall_clock import WallClock

START_LIMIT = 15.0  # seconds for `Sink.open`
END_LIMIT = 10.0  # seconds for all sinks together, to finish what waits for them
PATIENCE = 10.0  # seconds that a recording waits for a sink that does not finish a call
_FRAMES, _CALLS = 128, 10_000  # waiting calls of a sink, from which frames are left out, and then all calls

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class NamedSink:
    """A sink and its name in messages."""

    name: str
    sink: Sink


@dataclass(slots=True)
class OutputState:
    """What a sink could not do."""

    failed: int = 0  # calls that raised an error
    skipped: int = 0  # scores of frames that were left out because the sink was too slow
    lost: int = 0  # alarms and states that were left out, or not finished at the end

    def __str__(self) -> str:
        """The problems in words. Empty if there are none."""
        counts = {"failed calls": self.failed, "scores left out": self.skipped, "lost alarms or states": self.lost}
        return ", ".join(f"{what}: {count}" for what, count in counts.items() if count)


class Outputs:
    """All sinks of a watch.

    Args:
        sinks: the sinks.
        clip: geometry of a clip. It is needed to find the place of an anomaly in the picture.
        tell: receives a message about each problem of a sink, once.
    """

    def __init__(self, sinks: Sequence[NamedSink], clip: ClipSpec, tell: Tell) -> None:
        self._clip = clip
        self._runners = [_Runner(named, tell) for named in sinks]
        self._shows_maps = any(it.sink.needs_frames and it.sink.needs_anomaly_maps for it in self._runners)
        self._peak: FrameScore | None = None  # the highest frame of the alarm that lasts; one picture stays in memory
        self._box: Box | None = None  # where its anomaly map is high
        self._open: Alarm | None = None  # the alarm that was raised and has not ended
        self._last: FrameScore | None = None
        self._source: WatchedSource | None = None
        self._clock = WallClock()
        self._early: list[SourceStatus] = []  # changes of the state before `open`
        self._lock = threading.Lock()  # a source reports its state from another thread
        self.alarms = 0
        self.frames_lost = 0

    @property
    def states(self) -> dict[str, OutputState]:
        """Name of a sink -> what it could not do. A name that several sinks share gets a number."""
        found: dict[str, OutputState] = {}
        for runner in self._runners:
            name, number = runner.name, 1
            while name in found:
                number += 1
                name = f"{runner.name} {number}"
            found[name] = runner.state
        return found

    @property
    def needs_pictures(self) -> bool:
        """Whether a sink reads the pictures of frames. Maps and boxes need them too: they fit a picture."""
        return self.needs_anomaly_maps or any(runner.sink.needs_pictures for runner in self._runners)

    @property
    def needs_anomaly_maps(self) -> bool:
        """Whether a sink reads anomaly maps."""
        return any(runner.sink.needs_anomaly_maps for runner in self._runners)

    def open(self, source: WatchedSource) -> None:
        """Open every sink.

        Raises:
            VadkitError: a sink cannot work. The sinks that were opened are closed.
        """
        self._clock = WallClock()  # of `source.began`
        try:
            for runner in self._runners:
                runner.open(source)
        except BaseException:
            self.close(WatchSummary(source, "an output could not start"))
            raise
        with self._lock:
            self._source, early = source, self._early
            for status in early:
                self._pass(status)

    def frame(self, score: FrameScore) -> None:
        """Pass a score to the sinks, and then the alarms that begin or end with it."""
        score, box = self._fitted(score)
        self._last = score
        if score.is_peak:
            self._peak, self._box = score, box
        for runner in self._runners:
            runner.frame(score)
        for alarm in score.alarms:
            self._alarm(alarm)

    def status(self, status: SourceStatus) -> None:
        """Pass a change of the source's state to the sinks. Any thread can call this, also before `open`."""
        with self._lock:
            self.frames_lost = max(self.frames_lost, status.frames_lost)
            if self._source is None:
                self._early.append(status)
            else:
                self._pass(status)

    def close(self, summary: WatchSummary) -> None:
        """End an open alarm, pass the summary to the sinks, and wait for them for a limited time."""
        if self._open is not None and self._last is not None:
            self._alarm(replace(self._open, until_frame=self._last.frame, until=self._last.seconds))
        for runner in self._runners:
            runner.close(summary)
        end = time.monotonic() + END_LIMIT
        for runner in self._runners:
            runner.join(max(0.0, end - time.monotonic()))

    def _fitted(self, score: FrameScore) -> tuple[FrameScore, Box | None]:
        """A score with a map that covers its picture, and the box of a peak. Maps that no sink reads are left out."""
        if score.anomaly_map is None:
            return score, None
        if score.picture is None or not (score.is_peak or self._shows_maps):
            return replace(score, anomaly_map=None), None
        size = score.picture.shape[0], score.picture.shape[1]
        box = locate(score.anomaly_map, self._clip, size) if score.is_peak else None
        return replace(score, anomaly_map=map_of_picture(score.anomaly_map, self._clip, size)), box

    def _pass(self, status: SourceStatus) -> None:
        for runner in self._runners:
            runner.call(partial(runner.sink.status, status))

    def _alarm(self, alarm: Alarm) -> None:
        assert self._source is not None
        if alarm.until is None:  # begin and end of an alarm have the same clock
            self.alarms += 1
            self._source = self._clock.corrected(self._source)
        self._open = alarm if alarm.until is None else None
        event = AlarmEvent(self.alarms, self._source, alarm, self._peak, self._box)
        for runner in self._runners:
            runner.call(partial(runner.sink.alarm, event))


class _Runner:
    """One sink, its thread and the calls that wait for it."""

    def __init__(self, named: NamedSink, tell: Tell) -> None:
        self.name, self.sink, self.state = named.name, named.sink, OutputState()
        self._tell = tell
        self._calls: deque[partial[None] | None] = deque()  # None ends the thread
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=f"sink {self.name}", daemon=True)
        self._told: set[str] = set()
        self._patient = False
        self._opening: BaseException | None = None
        self._opened = threading.Event()
        self._late = False  # whether scoring began before `Sink.open` had returned
        self.sink.tell = self._once

    def open(self, source: WatchedSource) -> None:
        """Start the thread and wait for `Sink.open`, for a limited time."""
        self._patient = not source.live
        self._calls.append(partial(self._open, source))
        self._thread.start()
        self._opened.wait(START_LIMIT)
        with self._changed:
            self._late = not self._opened.is_set()
        if self._late:
            self._tell(f"output {self.name}: has not started after {START_LIMIT:.0f} s; scoring begins without it")
        elif self._opening is not None:
            raise self._opening

    def frame(self, score: FrameScore) -> None:
        """Queue a score. If the sink is too slow, a recording waits and a live source leaves the score out."""
        if not self.sink.needs_frames:
            return
        with self._changed:
            if len(self._calls) >= _FRAMES and self._patient:
                # A sink that hangs delays a recording only once.
                self._patient = self._changed.wait_for(lambda: len(self._calls) < _FRAMES, PATIENCE)
            if self._opening is not None:
                return
            if len(self._calls) >= _FRAMES:
                self.state.skipped += 1
            else:
                self._put(partial(self.sink.frame, score))
        if self.state.skipped == 1:
            self._once("is too slow: scores of frames are left out")

    def call(self, call: partial[None]) -> None:
        """Queue an alarm or a status."""
        with self._changed:
            if self._opening is not None:
                self.state.lost += 1
                return
            if full := len(self._calls) >= _CALLS:
                self.state.lost += 1
            else:
                self._put(call)
        if full:
            self._once("does not respond: alarms are lost")

    def close(self, summary: WatchSummary) -> None:
        """Queue the end."""
        with self._changed:
            self._put(partial(self.sink.close, summary))
            self._put(None)

    def join(self, seconds: float) -> None:
        """Wait for the thread, and count what it did not finish."""
        if self._thread.ident is None:
            return
        self._thread.join(seconds)
        if self._thread.is_alive():
            with self._changed:
                self.state.lost += 1 + self._waiting()
            self._once(f"did not finish within {END_LIMIT:.0f} s; alarms or scores are lost")

    def _waiting(self) -> int:
        """Number of alarms and states that wait for the sink."""
        events = self.sink.alarm, self.sink.status
        return sum(call is not None and call.func in events for call in self._calls)

    def _put(self, call: partial[None] | None) -> None:
        self._calls.append(call)
        self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._calls)
                call = self._calls.popleft()
                self._changed.notify_all()
            if call is None or self._opening is not None:
                return
            try:
                call()
            except (Exception, SystemExit) as error:
                self.state.failed += 1
                self._once(_reason(error))

    def _open(self, source: WatchedSource) -> None:
        failure: VadkitError | None = None
        try:
            self.sink.open(source)
        except VadkitError as error:
            error.where = error.where or f"output {self.name}"
            failure = error
        except (Exception, SystemExit) as error:
            what = f"cannot start: {_reason(error)}"
            failure = PluginError(what, where=f"output {self.name}", fix="tell the author of its plugin")
        with self._changed:
            self._opening = failure
            self._opened.set()
            late = self._late and failure is not None
            if late:  # nobody waits for the error any more
                self.state.failed += 1
                self.state.lost += self._waiting()
                self._calls.clear()
                self._changed.notify_all()
        if late:
            assert failure is not None
            self._once(f"does not start; its alarms are lost: {_reason(failure)}")

    def _once(self, text: str) -> None:
        """Report a problem, but the same one only once."""
        if text not in self._told and len(self._told) < 20:  # a text with a number could be new each time
            self._told.add(text)
            self._tell(f"output {self.name}: {text}")


def _reason(error: BaseException) -> str:
    if isinstance(error, VadkitError):
        return " -> ".join(part for part in (error.what, error.fix) if part)
    return f"{type(error).__name__}: {error}".rstrip(": ")
