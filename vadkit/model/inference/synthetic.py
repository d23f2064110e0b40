"""Synthetic anomalies in normal videos. Fusion weights can be fitted to them without test labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vadkit.video import cache

Frames = NDArray[np.uint8]
Donor = cache.Frames
_PERIOD = 3  # one event every 3 event lengths: a third of the frames are abnormal
_SMALLEST, _LARGEST = 0.15, 0.4  # side of the altered square, as a share of the frame's shorter side


def synthesize(
    frames: Frames, donors: Sequence[Donor], *, length: int, random: np.random.Generator
) -> tuple[Frames, NDArray[np.bool_]]:
    """Put abnormal events into a normal video. Each event changes the content of a square.

    The four kinds of events follow each other in turn. An event pastes a square from another video and
    moves it over the frame, plays a square at four times its speed, plays a square backwards, or inverts
    the brightness of a square.

    Args:
        frames: (F, H, W, C) uint8.
        donors: normal videos of the same size, from which squares are pasted.
        length: frames of an event; twice as many lie between two events. Shorter in short videos.
        random: draws the squares and the first kind.

    Returns:
        The altered frames, and a mask (F,) bool that is True for altered frames. If F > 1, at least one frame is
        unaltered.
    """
    altered, labels = frames.copy(), np.zeros(len(frames), bool)
    length = max(1, min(length, len(frames) // _PERIOD))
    kinds: tuple[Callable[..., None], ...] = (_paste, _speed_up, _reverse, _invert)
    first = int(random.integers(len(kinds)))
    for number, start in enumerate(range(length, len(frames), _PERIOD * length)):
        stop = min(start + length, len(frames))
        kinds[(first + number) % len(kinds)](altered, frames, donors, start, stop, random)
        labels[start:stop] = True
    return altered, labels


def _square(frames: Frames, random: np.random.Generator) -> tuple[slice, slice]:
    """Draw the rows and columns of a square in the frame."""
    height, width = frames.shape[1:3]
    side = max(1, round(min(height, width) * random.uniform(_SMALLEST, _LARGEST)))
    top, left = int(random.integers(height - side + 1)), int(random.integers(width - side + 1))
    return slice(top, top + side), slice(left, left + side)


def _paste(
    altered: Frames, frames: Frames, donors: Sequence[Donor], start: int, stop: int, random: np.random.Generator
) -> None:
    donor = donors[int(random.integers(len(donors)))]
    rows, columns = _square(frames, random)
    patch = donor[int(random.integers(len(donor)))][rows, columns]
    (top, left), (end_top, end_left) = (
        [int(random.integers(size - side + 1)) for size, side in zip(frames.shape[1:3], patch.shape[:2], strict=True)]
        for _ in range(2)
    )
    for frame, share in zip(range(start, stop), np.linspace(0, 1, stop - start), strict=True):
        y, x = round(top + share * (end_top - top)), round(left + share * (end_left - left))
        altered[frame, y : y + patch.shape[0], x : x + patch.shape[1]] = patch


def _speed_up(
    altered: Frames, frames: Frames, donors: Sequence[Donor], start: int, stop: int, random: np.random.Generator
) -> None:
    del donors
    rows, columns = _square(frames, random)
    played = (start + 4 * np.arange(stop - start)) % len(frames)
    altered[start:stop, rows, columns] = frames[played][:, rows, columns]


def _reverse(
    altered: Frames, frames: Frames, donors: Sequence[Donor], start: int, stop: int, random: np.random.Generator
) -> None:
    del donors
    rows, columns = _square(frames, random)
    altered[start:stop, rows, columns] = frames[start:stop][::-1][:, rows, columns]


def _invert(
    altered: Frames, frames: Frames, donors: Sequence[Donor], start: int, stop: int, random: np.random.Generator
) -> None:
    del donors
    rows, columns = _square(frames, random)
    altered[start:stop, rows, columns] = 255 - frames[start:stop][:, rows, columns]
