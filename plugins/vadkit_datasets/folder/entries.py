"""What labels may say of one video: intervals, a value for each frame, or a mask for each frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, floor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError
from vadkit_datasets.label_files import masks_of

_FUZZ = 1e-6  # frames: 0.28 s at 25 fps is frame 7, not 7.000000000000001
_LONGEST = 10**9  # frames: a year of video at 30 fps; more is a slip of the pen


class Entry(ABC):
    """Labels of one video, not yet compared with it.

    Attributes:
        where: the file and, in a table, the name that the video has there.
    """

    where: str

    @abstractmethod
    def length(self) -> int | None:
        """F by the labels alone, None if only the video can tell."""

    @abstractmethod
    def frames(self, length: int, fps: float | None) -> NDArray[np.bool_]:
        """(F,) bool, True where abnormal; `length` is F of the video and agrees with `self.length()`."""


@dataclass(slots=True)
class Spans(Entry):
    """Intervals. Frames count from 0 and both ends are abnormal; of seconds, the end is not.

    Attributes:
        where: see `Entry`.
        in_frames: first and last frame of each interval.
        in_seconds: start and end of each interval.
        stated: F, where the table says it.
    """

    where: str
    in_frames: list[tuple[int, int]] = field(default_factory=list)
    in_seconds: list[tuple[float, float]] = field(default_factory=list)
    stated: int | None = None

    def length(self) -> int | None:
        """F as stated."""
        return self.stated

    def frames(self, length: int, fps: float | None) -> NDArray[np.bool_]:
        """Every frame that is shown at some moment of an interval is abnormal.

        Raises:
            DataError: an interval reaches beyond the video (of seconds, by more than one), or
                seconds are given and the frame rate is unknown.
        """
        abnormal = np.zeros(length, np.bool_)
        for first, last in self.in_frames:
            if last >= length:
                what = f"frames {first} to {last} are called abnormal, the video has the frames 0 to {length - 1}"
                raise self._beyond(what)
            abnormal[first : last + 1] = True
        for start, end in self.in_seconds:
            if not fps:
                fix = "set fps under 'data', or give the intervals in frames (start_frame, end_frame)"
                raise DataError(
                    "the intervals are in seconds, and the frame rate is unknown", where=self.where, fix=fix
                )
            seconds = length / fps
            if start >= seconds or end > seconds + 1:  # players round up to whole seconds
                what = f"seconds {start:g} to {end:g} are called abnormal, the video is {seconds:.2f} s long"
                raise self._beyond(f"{what} ({length} frames at {fps:g} fps)")
            abnormal[floor(start * fps + _FUZZ) : ceil(end * fps - _FUZZ)] = True
        return abnormal

    def _beyond(self, what: str) -> DataError:
        fix = "mend the interval, or look whether the labels belong to another version of the video"
        return DataError(what, where=self.where, fix=fix)


@dataclass(frozen=True)
class Marks(Entry):
    """One value a frame, 1 where abnormal."""

    where: str
    load: Callable[[], NDArray[np.generic]]

    def length(self) -> int:
        """One value a frame."""
        return len(self._values)

    def frames(self, length: int, fps: float | None) -> NDArray[np.bool_]:
        """(F,) bool."""
        del length, fps
        return self._values

    @cached_property
    def _values(self) -> NDArray[np.bool_]:
        values = self.load()
        if values.dtype.kind not in "biuf" or values.size != max(values.shape, default=0) or not values.size:
            what = f"must hold one 0 or 1 a frame, not an array of shape {values.shape} and type {values.dtype}"
            raise DataError(what, where=self.where, fix="write a 1 for an abnormal frame and a 0 for a normal one")
        values = values.ravel()
        wrong = np.flatnonzero((values != 0) & (values != 1))
        if wrong.size:
            what = f"frame {wrong[0]} is {values[wrong[0]]:g}, not 0 or 1 ({wrong.size} of {values.size} frames)"
            raise DataError(what, where=self.where, fix="write a 1 for an abnormal frame and a 0 for a normal one")
        return values != 0


@dataclass(frozen=True)
class Masks(Entry):
    """One image a frame, in natural order, not black where abnormal."""

    where: str
    paths: tuple[Path, ...]

    def length(self) -> int:
        """One image a frame."""
        return len(self.paths)

    def frames(self, length: int, fps: float | None) -> NDArray[np.bool_]:
        """A frame is abnormal if any pixel of its mask is."""
        del length, fps
        return np.array([mask.any() for mask in masks_of(self.paths)], np.bool_)

    def pixels(self) -> NDArray[np.bool_]:
        """(F, H, W) bool."""
        return np.stack(list(masks_of(self.paths)))


def frame(value: float, *, where: str) -> int:
    """A number as the number of a frame.

    Raises:
        DataError: it is none.
    """
    if not (0 <= value < _LONGEST and value == int(value)):
        raise DataError(f"{value:g} is no number of a frame", where=where, fix="frames are whole and count from 0")
    return int(value)


def interval(first: float, last: float, *, seconds: bool, where: str) -> tuple[float, float]:
    """The ends of an interval, in order.

    Raises:
        DataError: it is empty or reversed, or an end is no frame.
    """
    if not seconds:
        first, last = frame(first, where=where), frame(last, where=where)
    if not (0 <= first < _LONGEST and first <= last < _LONGEST) or (seconds and first == last):
        fix = "the start comes first; of frames both ends are abnormal, of seconds the end is not"
        raise DataError(f"{first:g} to {last:g} is no interval", where=where, fix=fix)
    return first, last
