"""Alarms, states of the source and a summary on standard output."""

from __future__ import annotations

from datetime import UTC, datetime

from vadkit.api import AlarmEvent, Sink, SourceStatus, WatchedSource, WatchSummary


class Terminal(Sink):
    """Prints a line when an alarm begins and when it ends, the states of a live source, and a summary at the end.

    Example:
        >>> from datetime import UTC, datetime
        >>> source = WatchedSource("night.mp4", live=False, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.5)
        >>> terminal = Terminal()
        >>> terminal.open(source)
        alarm threshold 2.5; protocol unknown
        >>> terminal.close(WatchSummary(source, "end of the source", frames=50, seconds=2.0))
        50 frames, 0 alarms in 2.0 s of video
    """

    def __init__(self) -> None:
        self._source: WatchedSource | None = None

    def open(self, source: WatchedSource) -> None:
        """Print the threshold and the normal video behind it."""
        self._source = source
        normal = f", from {duration(3600 * source.normal_hours)} of held-out normal video"
        tuned = ", TEST-TUNED" if source.test_tuned else ""
        protocol = f"protocol {source.protocol or 'unknown'}{tuned}"
        basis = normal if source.normal_hours else ""
        print(f"alarm threshold {source.threshold:.4g}{basis}; {protocol}", flush=True)

    def alarm(self, event: AlarmEvent) -> None:
        """Print the line."""
        alarm, when = event.alarm, _when(event, event.seconds)
        if alarm.until is None:
            print(f"{when}  alarm begins  score {alarm.peak:.3g}", flush=True)
            return
        peak = f"peak {alarm.peak:.3g} at {_when(event, alarm.peak_seconds)}"
        print(f"{when}  alarm ends    after {alarm.until - alarm.seconds:.1f} s, {peak}", flush=True)

    def status(self, status: SourceStatus) -> None:
        """Print the state of a live source."""
        when = datetime.now(UTC) if self._source and self._source.live else None
        clock = "" if when is None else f"{_local(when)}  "
        detail = f": {status.detail}" if status.detail else ""
        print(f"{clock}source {status.state.replace('_', ' ')}{detail}", flush=True)

    def close(self, summary: WatchSummary) -> None:
        """Print the summary."""
        alarms = f"{summary.alarms} alarm{'s' if summary.alarms != 1 else ''} in {duration(summary.seconds)} of video"
        parts = [f"{summary.frames} frames, {alarms}"]
        if summary.frames_lost:
            parts.append(f"{summary.frames_lost} frames lost")
        if summary.fps is not None:
            parts.append(f"{summary.fps:.3g} frames/s")
        print("; ".join(parts), flush=True)


def duration(seconds: float) -> str:
    """A length of time in seconds, minutes or hours: 2.0 s, 15.0 min, 3.2 h.

    >>> [duration(seconds) for seconds in (2, 900, 11520)]
    ['2.0 s', '15.0 min', '3.2 h']
    """
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _when(event: AlarmEvent, seconds: float) -> str:
    time: datetime | None = event.source.time(seconds)
    if time is not None:
        return _local(time)
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes // 60):02}:{int(minutes % 60):02}:{rest:04.1f}"


def _local(time: datetime) -> str:
    return time.astimezone().isoformat(sep=" ", timespec="seconds")
