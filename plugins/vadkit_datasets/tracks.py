"""Tracks of anomalous objects, in the format of Georgescu et al. (TPAMI 2021) for RBDC and TBDC."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vadkit.api import DataError, Track, read_text

_FOLDERS = ("tracks", "testing/tracks")
_FORM = "write 'track,frame,x_min,y_min,x_max,y_max', with frames from 0"


def tracks_of(base: Path, name: str, frames: int) -> tuple[Track, ...] | None:
    """The tracks of a test video from tracks/NAME.txt or testing/tracks/NAME.txt; None if neither exists.

    Raises:
        DataError: the file is unreadable, has another format, or a frame that the video does not have.
    """
    files = (base / folder / f"{name}.txt" for folder in _FOLDERS)
    file = next((file for file in files if file.is_file()), None)
    return read_tracks(file, frames) if file else None


def read_tracks(path: Path, frames: int) -> tuple[Track, ...]:
    """The tracks of one file; it is empty for a video without anomalies.

    Raises:
        DataError: see `tracks_of`.
    """
    boxes: dict[str, dict[int, tuple[int, int, int, int]]] = {}
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.replace(",", " ").split()
        if not words:
            continue
        where = f"{path}, line {number}"
        try:
            values = [float(word) for word in words]
        except ValueError:
            values = []
        if len(values) != 6 or not np.isfinite(values).all():
            raise DataError(f"not a row of a track: {line.strip()!r}", where=where, fix=_FORM)
        track, frame, x0, y0, x1, y1 = map(int, values)
        if not 0 <= frame < frames or x0 >= x1 or y0 >= y1:
            what = f"not a box in a video with the frames 0 to {frames - 1}: {line.strip()!r}"
            raise DataError(what, where=where, fix=_FORM)
        boxes.setdefault(str(track), {})[frame] = (x0, y0, x1, y1)
    return tuple(Track(identity, found) for identity, found in boxes.items())
