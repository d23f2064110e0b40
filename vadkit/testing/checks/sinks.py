"""Checks of sinks: they accept every event of a watch, declare what they read, and change no picture."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.core.alarms import Alarm
from vadkit.core.contracts import Sink
from vadkit.core.errors import VadkitError
from vadkit.core.source_status import SourceStatus
from vadkit.core.watching import AlarmEvent, FrameScore, WatchedSource, WatchSummary
from vadkit.testing.outcome import failing, require
from vadkit.testing.subject import Subject

_BUGS = KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError, AssertionError
_FIX = "accept missing pictures, maps and boxes, and raise a VadkitError for a problem that the user can fix"
_SOURCES = (
    WatchedSource("rtsp://camera/a stream?x=1", live=True, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.5),
    WatchedSource("nächte/../1.mp4", live=False, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=-1.0, fps=25.0),
)


def check_constructor(subject: Subject) -> None:
    """Its constructor does not write files: `open` does."""
    with _room() as room:
        subject.build()
        written = sorted(path.name for path in room.iterdir())
        require(not written, f"its constructor writes {written}", "write in 'open'")


def check_calls(subject: Subject) -> None:
    """It accepts every call of a watch, of a live source and of a recording, with and without pictures and maps."""
    for source in _SOURCES:
        for channels in (0, 1, 3):
            with _room(), _failing("a watch with alarms fails"):
                _watch(subject.build(), source, channels)


def check_empty_source(subject: Subject) -> None:
    """It accepts a source that gives no frame."""
    with _room(), _failing("a watch without a frame fails"):
        sink = subject.build()
        if _opened(sink, _SOURCES[0]):
            with contextlib.suppress(VadkitError):
                sink.status(SourceStatus("waiting", 0.0, "no answer"))
            with contextlib.suppress(VadkitError):
                sink.close(WatchSummary(_SOURCES[0], "SIGTERM"))


def check_needs_frames(subject: Subject) -> None:
    """If it implements `frame`, it sets `needs_frames = True`."""
    sink: Any = subject.build()
    implements = type(sink).frame is not Sink.frame
    require(sink.needs_frames or not implements, "it implements frame, but never gets one", "set needs_frames = True")


def check_pictures(subject: Subject) -> None:
    """It does not write into pictures and maps, which other sinks read at the same time."""
    with _room():
        scores = _watch(subject.build(), _SOURCES[1], 3)
    for index, score in enumerate(scores):
        given: Any = score
        same = np.array_equal(given.picture, _picture(index, 3)) and np.array_equal(given.anomaly_map, _map(index))
        require(same, "it changes a picture or an anomaly map", "work on a copy")


def _watch(sink: Any, source: WatchedSource, channels: int) -> list[FrameScore]:
    """Five frames with an alarm from the second to the fourth; returns the frames."""
    if not _opened(sink, source):
        return []
    scores = [_score(index, channels) for index in range(5)]
    raised = Alarm(1, 0.04, 3.0, 1, 0.04)
    ended = Alarm(1, 0.04, 5.0, 2, 0.08, until_frame=3, until=0.12)
    calls: list[tuple[Any, Any]] = []
    box = (0, 0, 8, 8) if channels else None
    for index, score in enumerate(scores):
        calls += [(sink.frame, score)] if sink.needs_frames else []
        calls += (
            [(sink.alarm, AlarmEvent(1, source, raised, scores[1] if channels else None, box))] if index == 1 else []
        )
        calls += [(sink.status, SourceStatus("lost", 0.1, "no answer", 2))] if index == 2 else []
        calls += (
            [(sink.alarm, AlarmEvent(1, source, ended, scores[2] if channels else None, box))] if index == 4 else []
        )
    calls.append((sink.close, WatchSummary(source, "end of the source", 5, 0.2, 1)))
    for function, value in calls:
        with contextlib.suppress(VadkitError):  # such as a server that does not answer
            function(value)
    return scores


def _opened(sink: Any, source: WatchedSource) -> bool:
    try:
        sink.open(source)
    except VadkitError:  # it says why it cannot work here
        return False
    return True


def _score(index: int, channels: int) -> FrameScore:
    picture = _picture(index, channels) if channels else None
    value = float("nan") if index == 0 else float(index)
    maps = _map(index) if channels else None
    return FrameScore(index, index / 25, value, {"motion": value}, (), maps, picture, active=index in (1, 2, 3))


def _picture(index: int, channels: int) -> Any:
    return np.random.default_rng(index).integers(0, 256, (24, 32, channels), np.uint8)


def _map(index: int) -> Any:
    return np.random.default_rng(index).random((3, 4), np.float32)


@contextlib.contextmanager
def _failing(what: str) -> Iterator[None]:
    with failing(what, _FIX, *_BUGS):
        yield


@contextlib.contextmanager
def _room() -> Iterator[Path]:
    """An empty working folder."""
    with (
        tempfile.TemporaryDirectory() as made,
        contextlib.chdir(made),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        yield Path(made)
