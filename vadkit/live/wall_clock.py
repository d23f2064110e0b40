"""Steps of the computer's clock while a live source is watched."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

from vadkit.core.watching import WatchedSource

_STEP = 1.0  # seconds; smaller differences change nothing


class WallClock:
    """Notices that the clock was set, such as by NTP after the start, or that the computer was asleep."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def corrected(self, source: WatchedSource) -> WatchedSource:
        """The source with `began` by the clock of now. That of a recording stays unchanged."""
        step = time.time() - time.monotonic() - self._offset
        if not source.live or abs(step) < _STEP:
            return source
        self._offset += step
        return replace(source, began=source.began + timedelta(seconds=step))
