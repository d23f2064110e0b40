"""Anomalies made of normal video: what weights can be fitted to where no label may be used."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from vadkit.video import cache

Frames = NDArray[np.uint8]
Donor = cache.Frames
_EVERY = 3  # events take a third of the frames
_SMALLEST, _LARGEST = 0.15, 0.4  # side of the altered square, as a share of the frame's shorter side


def synthesize(
    frames: Frames, donors: Sequence[Donor], *, length: int, random: np.random.Generator
) -> tuple[Frames, NDArray[np.bool_]]:
    """Put events into a normal video: a square of it moves, runs or looks as nothing does there.

    In turn, an event pastes a square from elsewhere and lets it drift over the frame; plays a
    square at four times its speed, or backwards; or turns a square's brightness around.

    Args:
        frames: (F, H, W, C) uint8.
        donors: normal videos of the same size, to paste from.
        length: frames of an event, and twice as many between two; shorter in short videos.
        random: of places and kinds.

    Returns:
        The altered frames, and which of them are altered, (F,) bool; at least one is not, unless F = 1.
    """
    altered, labels = frames.copy(), np.zeros(len(frames), bool)
    length = max(1, min(length, len(frames) // _EVERY))
    kinds: tuple[Callable[..., None], ...] = (_paste, _hasten, _reverse, _invert)
    first = int(random.integers(len(kinds)))
    for number, start in enumerate(range(length, len(frames), _EVERY * length)):
        stop = min(start + length, len(frames))
        kinds[(first + number) % len(kinds)](altered, frames, donors, start, stop, random)
        labels[start:stop] = True
    return altered, labels


def _square(frames: Frames, random: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns of a square somewhere in the frame."""
    height, width = frames.shape[1:3]
    side = max(1, round(min(height, width) * random.uniform(_SMALLEST, _LARGEST)))
    top, left = int(random.integers(height - side + 1)), int(random.integers(width - side + 1))
    return slice(top, top + side), slice(left, left + side)


def _paste(
    altered: Frames, frames: Frames, donors: Sequence[Donor], start: int, stop: int, random: np.random.Generator
) -> None:
    donor = donors[int(random.integers(len(donors)))]
    rows, columns = _square(frames, random)
    piece = donor[int(random.integers(len(donor)))][rows, columns]
    (top, left), (end_top, end_left) = (
        [int(random.integers(size - side + 1)) for size, side in zip(frames.shape[1:3], piece.shape[:2], strict=True)]
        for _ in range(2)
    )
    for frame, share in zip(range(start, stop), np.linspace(0, 1, stop - start), strict=True):
        y, x = round(top + share * (end_top - top)), round(left + share * (end_left - left))
        altered[frame, y : y + piece.shape[0], x : x + piece.shape[1]] = piece


def _hasten(
    altered: Frames, frames: Frames, donors: Sequence[Donor], start: int, stop: int, random: np.random.Generator
) -> None:
    del donors
    rows, columns = _square(frames, random)
    shown = (start + 4 * np.arange(stop - start)) % len(frames)
    altered[start:stop, rows, columns] = frames[shown][:, rows, columns]


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
