"""Ends the process if a step cannot be interrupted."""

from __future__ import annotations

import os
import sys
import threading
from types import TracebackType

EXIT = 1


class Watchdog:
    """A timer that names the step that does not end, and ends the process with code 1.

    Python interrupts code only between two of its own steps. A loop inside a C library, or a lock that is held for
    ever, is never interrupted; without this timer the command would hang without a message.

    Args:
        limit: seconds of a step; 0 for no limit.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._timer: threading.Timer | None = None

    def start(self, step: str) -> None:
        """End the earlier step and begin this one."""
        self._stop()
        if self._limit > 0:
            self._timer = threading.Timer(self._limit, self._end, [step])
            self._timer.daemon = True
            self._timer.start()

    def _end(self, step: str) -> None:
        sys.stdout.flush()
        text = f"\nerror: {step}: did not finish within {self._limit:g} seconds, and cannot be interrupted\n"
        sys.stderr.write(text + "  -> look for a loop or a lock inside a library that the component calls\n")
        sys.stderr.flush()
        os._exit(EXIT)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def __enter__(self) -> Watchdog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()
