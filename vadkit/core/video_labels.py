"""Labels of one video as a file states them: intervals, one value per frame, or one mask per frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, floor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError

_ROUNDING = 1e-6  # frames: 0.28 s at 25 fps is frame 7, not 7.000000000000001
_LONGEST = 10**9  # frames: a year of video at 30 fps
_VALUES = "write 1 for an abnormal frame and 0 for a normal one"


class VideoLabels(ABC):
    """Labels of one video as a file states them, not yet compared with the video.

    Attributes:
        where: file and video, for messages.
        source: name of the label set, if the file states it.
        pixels: gives (F, H, W) bool, if there are masks.
    """

    where: str
    source: str = ""
    pixels: Callable[[], NDArray[np.bool_]] | None = None

    @abstractmethod
    def length(self) -> int | None:
        """F, or None if the file does not state it."""

    @abstractmethod
    def frames(self, length: int, fps: float | None = None) -> NDArray[np.bool_]:
        """(F,) bool, True where abnormal.

        Args:
            length: F of the video, for intervals.
            fps: frames per second of the video, for intervals in seconds.
        """


@dataclass(slots=True)
class IntervalLabels(VideoLabels):
    """Abnormal intervals. Of frames, both ends are abnormal; of seconds, the end is not.

    Attributes:
        where: see `VideoLabels`.
        base: number of the first frame, 0 or 1.
        in_frames: first and last frame of each interval, as the file counts them.
        in_seconds: start and end of each interval.
        stated: F, if the file states it.
        fps: frames per second, if the file states them; used for videos of unknown rate.
    """

    where: str
    base: int = 0
    in_frames: list[tuple[int, int]] = field(default_factory=list)
    in_seconds: list[tuple[float, float]] = field(default_factory=list)
    stated: int | None = None
    fps: float | None = None

    def add(self, first: float, last: float, *, seconds: bool, where: str) -> None:
        """Add an interval.

        Raises:
            DataError: it is empty or reversed, or an end is not a frame number.
        """
        if not 0 <= first <= last <= _LONGEST or (first == last if seconds else first % 1 or last % 1):
            unit = "seconds" if seconds else "frames"
            fix = "write the start first; frames are whole numbers and may be equal, seconds may not"
            raise DataError(f"{unit} {first:g} to {last:g} are not an interval", where=where, fix=fix)
        if seconds:
            self.in_seconds.append((first, last))
        else:
            self.in_frames.append((int(first), int(last)))

    def state(self, frames: float, *, where: str) -> None:
        """State F.

        Raises:
            DataError: it is not a number of frames, or differs from what was stated before.
        """
        if not (1 <= frames <= _LONGEST and frames == int(frames)):
            fix = "write the number of frames of the video, a whole number above 0"
            raise DataError(f"'frames' is {frames:g}, not a number of frames", where=where, fix=fix)
        if self.stated not in (None, int(frames)):
            fix = "write the same number of frames in each row of the video"
            raise DataError(f"'frames' is {frames:g} here and {self.stated} before", where=where, fix=fix)
        self.stated = int(frames)

    def length(self) -> int | None:
        """F as stated."""
        return self.stated

    def frames(self, length: int, fps: float | None = None) -> NDArray[np.bool_]:
        """A frame is abnormal if any moment of its display lies in an interval.

        Raises:
            DataError: an interval ends after the video (of seconds, by more than one), or
                intervals are in seconds and the frame rate is unknown.
        """
        abnormal = np.zeros(length, np.bool_)
        for first, last in self.in_frames:
            if not self.base <= first <= last < self.base + length:
                there = f"the frames {self.base} to {self.base + length - 1}"
                raise self._misfit(f"frames {first} to {last} are labelled abnormal, the video has {there}")
            abnormal[first - self.base : last - self.base + 1] = True
        fps = fps or self.fps
        for start, end in self.in_seconds:
            if not fps:
                what = "the intervals are in seconds, and the frame rate is unknown"
                fix = "set 'fps' in the label file or under 'data', or write frames (start_frame, end_frame)"
                raise DataError(what, where=self.where, fix=fix)
            seconds = length / fps
            if start >= seconds or end > seconds + 1:  # players round up to whole seconds
                there = f"{seconds:.2f} s long ({length} frames at {fps:g} fps)"
                raise self._misfit(f"seconds {start:g} to {end:g} are labelled abnormal, the video is {there}")
            abnormal[floor(start * fps + _ROUNDING) : ceil(end * fps - _ROUNDING)] = True
        return abnormal

    def _misfit(self, what: str) -> DataError:
        fix = "correct the interval, or check whether the labels belong to another version of the video"
        return DataError(what, where=self.where, fix=fix)


@dataclass(frozen=True)
class FrameLabels(VideoLabels):
    """One value per frame, 1 if abnormal and 0 if normal.

    Attributes:
        where, source, pixels: see `VideoLabels`.
        load: gives the values, of any shape with one axis above 1.
        count: F, if known before loading.
    """

    where: str
    load: Callable[[], NDArray[np.generic]]
    source: str = ""
    pixels: Callable[[], NDArray[np.bool_]] | None = None
    count: int | None = None

    def length(self) -> int:
        """The number of values.

        Raises:
            DataError: the values are unreadable, or not one 0 or 1 per frame.
        """
        return self.count or len(self._values)

    def frames(self, length: int, fps: float | None = None) -> NDArray[np.bool_]:
        """(F,) bool; the arguments have no effect."""
        del length, fps
        return self._values

    @cached_property
    def _values(self) -> NDArray[np.bool_]:
        values = self.load()
        if values.dtype.kind not in "biuf" or values.size != max(values.shape, default=0) or not values.size:
            what = f"must hold one 0 or 1 per frame, not an array of shape {values.shape} and type {values.dtype}"
            raise DataError(what, where=self.where, fix=_VALUES)
        values = values.ravel()
        wrong = np.flatnonzero((values != 0) & (values != 1))
        if wrong.size:
            shown = "empty" if np.isnan(values[wrong[0]]) else f"{values[wrong[0]]:g}"
            what = f"frame {wrong[0]} is {shown}, not 0 or 1 ({wrong.size} of {values.size} frames)"
            raise DataError(what, where=self.where, fix=_VALUES)
        return values != 0


def mask_labels(where: str, count: int, masks: Callable[[], Iterable[NDArray[np.bool_]]]) -> VideoLabels:
    """Labels of `count` masks, each (H, W) bool; a frame is abnormal if any pixel of its mask is."""
    return FrameLabels(
        where,
        lambda: np.array([mask.any() for mask in masks()], np.bool_),
        pixels=lambda: np.stack(list(masks())),
        count=count,
    )


def mask_images(paths: Sequence[Path]) -> Iterator[NDArray[np.bool_]]:
    """Mask images one by one, each (H, W) bool, True where not black (JPEG: brighter than half).

    Raises:
        DataError: an image is unreadable, or differs in size from the first.
    """
    from PIL import Image  # only masks need it

    shape = None
    for path in paths:
        black = 127 if path.suffix.lower() in {".jpg", ".jpeg"} else 0  # JPEG leaves noise in black areas
        try:
            with Image.open(path) as image:
                mask = np.asarray(image.convert("L")) > black
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(f"cannot be decoded: {error}", where=str(path), fix="fetch the file again") from error
        shape = shape or mask.shape
        if mask.shape != shape:
            raise DataError("differs in size from the masks before it", where=str(path), fix="fetch the file again")
        yield mask
