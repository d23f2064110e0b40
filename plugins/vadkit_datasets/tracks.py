"""Tracks of anomalous objects, in the format of Georgescu et al. (TPAMI 2021) for RBDC and TBDC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite
from pathlib import Path

from vadkit.api import DataError, Track, read_text

Box = tuple[int, int, int, int]

_FORM = "write 'track,frame,x_min,y_min,x_max,y_max', with frames from 0"


def read_tracks(path: Path, frames: int) -> tuple[Track, ...]:
    """The tracks of one file; it is empty for a video without anomalies.

    Raises:
        DataError: unreadable, of another format, or with a frame that the video does not have.
    """
    boxes: dict[str, dict[int, Box]] = {}
    for where, line in rows_of(path):
        values = numbers(line.replace(",", " ").split())
        if len(values) != 6 or not all(map(isfinite, values)):
            raise DataError(f"not a row of a track: {line!r}", where=where, fix=_FORM)
        track, frame, x0, y0, x1, y1 = map(int, values)
        if not 0 <= frame < frames or x0 >= x1 or y0 >= y1:
            what = f"not a box in a video with the frames 0 to {frames - 1}: {line!r}"
            raise DataError(what, where=where, fix=_FORM)
        boxes.setdefault(str(track), {})[frame] = (x0, y0, x1, y1)
    return tuple(Track(identity, found) for identity, found in boxes.items())


def rows_of(path: Path) -> Iterator[tuple[str, str]]:
    """Position and text of each line of a file that is not empty.

    Raises:
        DataError: unreadable.
    """
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            yield f"{path}, line {number}", line.strip()


def numbers(words: Sequence[str]) -> list[float]:
    """The words as numbers; empty if one of them is not a number."""
    try:
        return [float(word) for word in words]
    except ValueError:
        return []
