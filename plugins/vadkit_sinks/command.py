"""Runs a program for each alarm."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Literal

from vadkit.api import AlarmEvent, Sink, VadkitError


class Command(Sink):
    """Runs a program when an alarm begins or ends. It does not use a shell.

    The program reads the event as JSON from its standard input. Its environment also has `VADKIT_EVENT` (begin or
    end), `VADKIT_NUMBER`, `VADKIT_SOURCE`, `VADKIT_SECONDS`, `VADKIT_TIME`, `VADKIT_SCORE` and `VADKIT_THRESHOLD`.

    Args:
        run: the program and its arguments.
        on: when it runs: at the begin of an alarm, at its end, or both.
        timeout: seconds after which the program and its child processes are killed.

    Raises:
        VadkitError: `run` or `on` is empty, or the time limit is not above 0.

    Example:
        >>> from datetime import UTC, datetime
        >>> from vadkit.api import Alarm, WatchedSource
        >>> source = WatchedSource("night.mp4", live=False, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.5)
        >>> Command(run=["true"]).alarm(AlarmEvent(1, source, Alarm(50, 2.0, 3.5, 50, 2.0)))
    """

    def __init__(
        self,
        *,
        run: Sequence[str],
        on: Sequence[Literal["begin", "end"]] = ("begin",),
        timeout: float = 30.0,
    ) -> None:
        if not run or not run[0]:
            raise VadkitError("'run' names no program", fix="write for example run: [notify-send, Alarm]")
        if not on:
            raise VadkitError("'on' is empty, so the program never runs", fix="write on: [begin]")
        if timeout <= 0:
            raise VadkitError(f"'timeout' is {timeout}, but must be above 0 seconds")
        self._run, self._on, self._timeout = list(run), frozenset(on), timeout

    def alarm(self, event: AlarmEvent) -> None:
        """Run the program and wait for it.

        Raises:
            VadkitError: it cannot be started, fails, or does not end in time.
        """
        values = event.as_dict()
        if values["event"] not in self._on:
            return
        program = self._run[0]
        try:
            process = subprocess.Popen(
                self._run,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, **_environment(event)},
                start_new_session=True,  # Ctrl-C must not reach it, and its children are killed with it
            )
        except OSError as error:
            what = f"{program!r} cannot be started: {error.strerror or error}"
            raise VadkitError(what, fix="correct 'run'") from error
        with process:
            try:
                _, said = process.communicate(json.dumps(values).encode(), self._timeout)
            except subprocess.TimeoutExpired as error:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                what = f"{program!r} did not end within {self._timeout:g} s and was killed"
                raise VadkitError(what, fix="set a longer 'timeout'") from error
        if process.returncode:
            last = said.decode(errors="replace").strip().rpartition("\n")[2]
            raise VadkitError(f"{program!r} failed with exit code {process.returncode}: {last}".rstrip(": "))


def _environment(event: AlarmEvent) -> Mapping[str, str]:
    time = event.time
    return {
        "VADKIT_EVENT": "begin" if event.begins else "end",
        "VADKIT_NUMBER": str(event.number),
        "VADKIT_SOURCE": event.source.name,
        "VADKIT_SECONDS": f"{event.seconds:.3f}",
        "VADKIT_TIME": "" if time is None else time.isoformat(timespec="milliseconds"),
        "VADKIT_SCORE": f"{event.alarm.peak:.6g}",
        "VADKIT_THRESHOLD": f"{event.source.threshold:.6g}",
    }
