"""The events of one video, found while its frames are scored, with their thumbnails."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from vadkit.core.alarms import Alarm
from vadkit.core.values import Event
from vadkit.core.watching import FrameScore
from vadkit.evaluation.events import Box, event_of, locate
from vadkit.evaluation.thumbnails import write_thumbnail
from vadkit.live.stream import recorded
from vadkit.live.watch import Watch
from vadkit.video.decode import frame_size
from vadkit.video.forward import ForwardReader


class EventFinder:
    """Collects the events of a video, and writes a thumbnail of each. Use it as a context manager.

    Args:
        watch: the run.
        path: path of the video.
        name: name of the video.
        folder: the folder of the results, for the thumbnails.
        timed: False if the times of the frames are unknown.
        began: clock time of the first frame; None if unknown.

    Attributes:
        found: the events that have ended.
    """

    def __init__(
        self, watch: Watch, path: Path, name: str, folder: Path, *, timed: bool, began: datetime | None
    ) -> None:
        self.found: list[Event] = []
        self._watch, self._path, self._name, self._folder = watch, path, name, folder
        self._timed, self._began = timed, began
        self._peak: FrameScore | None = None  # of the last alarm; one map stays in memory
        self._frames = ForwardReader(recorded(path))
        self._size: tuple[int, int] | None = None

    def add(self, scored: FrameScore) -> None:
        """Process the score of the next frame."""
        if scored.is_peak:
            self._peak = scored
        for alarm in scored.alarms:
            if alarm.until is not None:
                self._end(alarm)

    def _end(self, alarm: Alarm) -> None:
        event = event_of(alarm, self._name, self._watch.threshold, timed=self._timed, box=self._box())
        self.found.append(replace(event, recorded=self._began.isoformat() if self._began else None))
        anomaly_map = self._peak.anomaly_map if self._peak else None
        write_thumbnail(self._folder, self.found[-1], self._frames, anomaly_map, self._watch.recipe.data.clip)

    def _box(self) -> Box | None:
        if self._peak is None or self._peak.anomaly_map is None:
            return None
        self._size = self._size or frame_size(recorded(self._path))
        return locate(self._peak.anomaly_map, self._watch.recipe.data.clip, self._size)

    def __enter__(self) -> EventFinder:
        """Return the finder."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the video."""
        self._frames.__exit__()
