"""Pictures of alarms."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vadkit.api import AlarmEvent, Sink, WatchedSource, atomic_write, draw_heat_map
from vadkit_sinks.folder import Folder
from vadkit_sinks.pictures import jpeg, rgb, with_box


class Snapshot(Sink):
    """Saves a JPEG picture of each alarm: the frame with the highest score, with its heat map and a box.

    The picture is written when the alarm begins. When the alarm ends, a picture of the highest score of the complete
    alarm replaces it.

    Args:
        folder: where to save.
        heat_map: whether to draw the anomaly map and the box, if the model gives anomaly maps.
        quality: JPEG quality, from 1 to 100.
        quota: largest total size of all pictures. The oldest are removed first.

    Raises:
        VadkitError: the quota is not a size.

    Example:
        >>> from datetime import UTC, datetime
        >>> from tempfile import TemporaryDirectory
        >>> from vadkit.api import Alarm, FrameScore
        >>> source = WatchedSource("night.mp4", live=False, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.5)
        >>> picture = np.zeros((48, 64, 3), np.uint8)
        >>> event = AlarmEvent(1, source, Alarm(50, 2.0, 3.5, 50, 2.0), FrameScore(50, 2.0, 3.5, {}, picture=picture))
        >>> with TemporaryDirectory() as folder:
        ...     Snapshot(folder=Path(folder)).alarm(event)
        ...     [path.name for path in Path(folder).iterdir()]
        ['vadkit_00h00m02s_0001_night.mp4.jpg']
    """

    needs_pictures = True

    def __init__(self, *, folder: Path, heat_map: bool = True, quality: int = 90, quota: str = "1GB") -> None:
        self._folder, self._heat_map, self._quality = Folder(folder, ".jpg", quota), heat_map, quality
        self.needs_anomaly_maps = heat_map

    def open(self, source: WatchedSource) -> None:
        """Remove incomplete files of an earlier process."""
        del source
        self._folder.remove_leftovers()

    def alarm(self, event: AlarmEvent) -> None:
        """Write the picture.

        Raises:
            RunFolderError: the file cannot be written.
        """
        if event.peak is None or event.peak.picture is None:
            return
        picture, anomaly_map = rgb(event.peak.picture), event.peak.anomaly_map
        if self._heat_map and anomaly_map is not None and np.isfinite(anomaly_map).any():
            low, high = np.nanmedian(anomaly_map), np.nanmax(anomaly_map)
            picture = draw_heat_map(picture, anomaly_map, low=float(low), high=float(high))
            if event.box is not None:
                picture = with_box(picture, event.box)
        with atomic_write(self._folder.file(event)) as path:
            path.write_bytes(jpeg(picture, self._quality))
        self._folder.clean()
