"""Events: alarms in recorded videos, with times, frames and the place in the picture."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vadkit.core.alarms import Alarm, AlarmDetector
from vadkit.core.files import atomic_write, safe_name
from vadkit.core.values import ClipSpec, Event
from vadkit.video.clock import clock
from vadkit.video.resize import placed

Box = tuple[int, int, int, int]

COLUMNS = (
    "video", "start", "end", "peak", "start_seconds", "end_seconds", "peak_seconds", "start_frame", "end_frame",
    "peak_frame", "peak_score", "threshold", "over_threshold", "x0", "y0", "x1", "y1", "start_time", "end_time",
    "peak_time", "thumbnail",
)  # fmt: skip
THUMBNAILS = "thumbnails"
"""Folder of the thumbnails, next to `events.csv`."""


def find_events(
    video: str,
    scores: NDArray[np.float64],
    threshold: float,
    fps: float | None,
    *,
    numbers: NDArray[np.int64] | None = None,
    locate: Callable[[int], Box | None] = lambda _: None,
    times: NDArray[np.float64] | None = None,
) -> list[Event]:
    """Find the events of a video.

    Args:
        video: its name.
        scores: fused scores, (F,).
        threshold: scores at or above it belong to an event.
        fps: frames per second; None if unknown.
        numbers: the number of each of these frames in the video, (F,). None if they are all frames.
        locate: gives the box of a frame's number.
        times: seconds of each frame of the video by its number. None if `fps` gives them.
    """
    seconds = (lambda frame: frame / fps if fps else 0.0) if times is None else times.item
    frames = (np.arange(scores.size) if numbers is None else numbers).tolist()
    detector, events = AlarmDetector(threshold, fps), list[Event]()
    for frame, score in zip(frames, scores.tolist(), strict=True):
        alarm = detector.update(frame, seconds(frame), score)
        if alarm is not None and alarm.until_frame is not None:
            events.append(event_of(alarm, video, threshold, timed=bool(fps), box=locate(alarm.peak_frame)))
    if alarm := detector.close():
        events.append(event_of(alarm, video, threshold, timed=bool(fps), box=locate(alarm.peak_frame)))
    return events


def event_of(alarm: Alarm, video: str, threshold: float, *, timed: bool, box: Box | None) -> Event:
    """The event of an alarm that has ended. `timed` is False if the alarm's times are unknown."""
    assert alarm.until_frame is not None
    times = (alarm.seconds, alarm.until, alarm.peak_seconds) if timed else (None, None, None)
    return Event(video, alarm.frame, alarm.until_frame, alarm.peak_frame, *times, alarm.peak, threshold, box)


def locate(anomaly_map: NDArray[np.floating[Any]], clip: ClipSpec, size: tuple[int, int]) -> Box | None:
    """The box around the highest value of an anomaly map, in pixels of the video.

    The box contains the connected region, with the highest value, of cells above the middle between the lowest and
    the highest value. It is None if all values are equal or one is not finite.

    Args:
        anomaly_map: (h, w), of a frame at the clip's size.
        clip: geometry of the clip.
        size: height and width of the video.
    """
    from scipy.ndimage import label

    low, high = float(anomaly_map.min()), float(anomaly_map.max())
    if not np.isfinite(low + high) or low == high:
        return None
    regions, _ = label(anomaly_map > (low + high) / 2)  # pyright: ignore[reportGeneralTypeIssues]
    rows, columns = np.nonzero(regions == regions[np.unravel_index(np.argmax(anomaly_map), anomaly_map.shape)])
    top, left, height, width = placed(clip, size)
    y0, y1 = _stretched(rows, anomaly_map.shape[0], top, height, clip.height, size[0])
    x0, x1 = _stretched(columns, anomaly_map.shape[1], left, width, clip.width, size[1])
    return x0, y0, x1, y1


def map_of_picture(
    anomaly_map: NDArray[np.floating[Any]], clip: ClipSpec, size: tuple[int, int]
) -> NDArray[np.floating[Any]]:
    """An anomaly map (h, w) of a frame at the clip's size, as a finer map that covers exactly the picture of the video.

    Args:
        anomaly_map: (h, w). Its last cells can extend over the edge of the frame.
        clip: geometry of the clip.
        size: height and width of the video.
    """
    cells = -(-clip.height // anomaly_map.shape[0]), -(-clip.width // anomaly_map.shape[1])
    sides = cells[1] * anomaly_map.shape[1], cells[0] * anomaly_map.shape[0]
    smooth = Image.fromarray(anomaly_map.astype(np.float32)).resize(sides, Image.Resampling.BILINEAR)
    fine = np.asarray(smooth)
    top, left, height, width = placed(clip, size)
    return fine[top : top + height, left : left + width]


def _stretched(cells: NDArray[np.int64], count: int, first: int, shown: int, side: int, source: int) -> tuple[int, int]:
    """First pixel of the video, and the pixel after the last one, that the cells cover along one axis."""
    cell = -(-side // count)  # the last cell may be smaller
    start, stop = int(cells.min()) * cell, min(side, (int(cells.max()) + 1) * cell)
    ends = (round((end - first) / shown * source) for end in (start, stop))
    low, high = (min(max(end, 0), source) for end in ends)
    return min(low, source - 1), max(high, low + 1)


def thumbnail_of(event: Event) -> PurePosixPath:
    """Path of the event's thumbnail in the folder of `events.csv`."""
    return thumbnails_of(event.video) / f"frame_{event.peak_frame:06d}.jpg"


def thumbnails_of(video: str) -> PurePosixPath:
    """Path of the folder with the thumbnails of a video, in the folder of `events.csv`."""
    return PurePosixPath(THUMBNAILS) / place_of(video)


def place_of(video: str) -> PurePosixPath:
    """Path of a video's results inside a folder, from its name."""
    return PurePosixPath(*(safe_name(part) for part in video.split("/") if part))


def as_dict(event: Event, folder: Path) -> dict[str, Any]:
    """The event as plain values, with clock times; the keys are the columns of `events.csv` in the folder."""
    plain = {name: getattr(event, name) for name in COLUMNS if hasattr(event, name)}
    for name in ("start", "end", "peak"):
        seconds = plain[f"{name}_seconds"]
        plain[name], plain[f"{name}_time"] = clock(seconds) or None, _time(event.recorded, seconds)
    path = thumbnail_of(event)
    plain["thumbnail"] = str(path) if (folder / path).is_file() else None
    return plain | dict(zip(("x0", "y0", "x1", "y1"), event.box or (None,) * 4, strict=True))


def _time(recorded: str | None, seconds: float | None) -> str | None:
    """Clock time so many seconds after the start of the recording; None if one of them is unknown."""
    if recorded is None or seconds is None:
        return None
    return (datetime.fromisoformat(recorded) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def write_events(folder: Path, events: Iterable[Event]) -> None:
    """Write `events.csv` and, with the same content, `events.jsonl` into a folder.

    Raises:
        RunFolderError: the folder cannot be written.
    """
    rows = [as_dict(event, folder) for event in events]
    with atomic_write(folder / "events.csv") as path, path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_cell(row[name]) for name in COLUMNS] for row in rows)
    with atomic_write(folder / "events.jsonl") as path, path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({name: row[name] for name in COLUMNS}) + "\n" for row in rows)


def _cell(value: Any) -> Any:
    return f"{value:.8g}" if isinstance(value, float) else value
