"""Numbers frame by frame as a file holds them, before they meet a data set."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError

_LARGEST_FRAME = 2**53  # above it a float skips whole numbers


@dataclass(frozen=True, slots=True)
class Series:
    """The numbers of one video, or of all videos in turn."""

    video: str  # the name that the file gives; empty if it gives none
    columns: Mapping[str, NDArray[np.float64]]  # column -> (N,) float64, NaN where there is no number
    where: str  # the file, for messages
    # (N,), the frame of each number, counted from 0; None if they follow one another
    frames: NDArray[np.int64] | None = None
    scene: str = ""  # camera or scene identifier; empty if the file gives none
    coverage: NDArray[np.int64] | None = None  # (N,) as vadkit stores it; None in files of others
    fps: float | None = None  # frames per second; None in files of others
    lines: NDArray[np.int64] | None = None  # (N,) the line of each number in the file; None if it is not a table

    @property
    def size(self) -> int:
        """N."""
        return next(iter(self.columns.values())).size


class RowCollector:
    """Collects a table row by row and gives it back video by video; `columns` name the numbers in a row."""

    def __init__(self, columns: Sequence[str], where: str) -> None:
        self._where = where
        # Plain arrays: ten million rows as Python's lists would take gigabytes.
        self._columns = {name: array("d") for name in columns}
        self._videos: dict[str, int] = {}
        self._codes, self._frames, self._lines = array("q"), array("q"), array("q")

    def add(self, video: str, frame: int | None, numbers: Iterable[float], line: int | None = None) -> None:
        """One row; `frame` and `line` are given in all rows or in none."""
        self._codes.append(self._videos.setdefault(video, len(self._videos)))
        if line is not None:
            self._lines.append(line)
        if frame is not None:
            self._frames.append(frame)
        for column, number in zip(self._columns.values(), numbers, strict=True):
            column.append(number)

    def series(self) -> list[Series]:
        """One series a video, its rows in the file's order."""
        codes = np.array(self._codes, np.int64)
        order = np.argsort(codes, kind="stable")
        stops = np.cumsum(np.bincount(codes, minlength=len(self._videos)))[:-1]
        columns = {name: np.array(column, np.float64) for name, column in self._columns.items()}
        frames, lines = (np.array(each, np.int64) if each else None for each in (self._frames, self._lines))
        return [
            Series(
                video,
                {name: column[rows] for name, column in columns.items()},
                self._where,
                None if frames is None else frames[rows],
                lines=None if lines is None else lines[rows],
            )
            for video, rows in zip(self._videos, np.split(order, stops), strict=False)
        ]


def columns_of(found: Mapping[str, NDArray[np.float64]], where: str) -> Mapping[str, NDArray[np.float64]]:
    """The components of one video, unchanged.

    Raises:
        DataError: they differ in length.
    """
    if len({numbers.size for numbers in found.values()}) > 1:
        sizes = ", ".join(f"{name}: {numbers.size}" for name, numbers in found.items())
        fix = "give each component one score per frame, and nan where it has none"
        raise DataError(f"the components differ in length ({sizes})", where=where, fix=fix)
    return found


def to_number(text: str) -> float:
    """A cell's number, NaN if the cell is empty.

    Raises:
        ValueError: it is not a number.
    """
    if "_" in text:
        raise ValueError(text)  # Python would read the name 01_0014 as the number 10014
    return float(text) if text else math.nan


def to_frame(number: float) -> int:
    """A whole number, which may be negative; the video is not known yet.

    Raises:
        ValueError: it has decimals.
    """
    if not number.is_integer() or abs(number) > _LARGEST_FRAME:
        raise ValueError(number)
    return int(number)
