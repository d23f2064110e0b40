"""Connected components of stacks of binary images, computed from runs of pixels.

A run is an unbroken sequence of True pixels in one row. There are far fewer runs than pixels, so this is several
times faster than `scipy.ndimage.label` with `find_objects`, and needs no integer image as large as the stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

_BLOCK = 1 << 22  # pixels processed at a time, to bound the temporary arrays

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Regions:
    """Boxes in the frames of one video, in frame order."""

    frames: Integers  # (R,), the frame of each box
    boxes: NDArray[np.integer[Any] | np.floating[Any]]  # (R, 4), x0, y0, x1, y1, half-open


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs in order, in a stack with one extra column that is False, so that no run continues in the next row."""

    start: Integers  # flat index of the first pixel
    stop: Integers  # flat index after the last pixel
    height: int  # rows of a frame
    pitch: int  # columns of a frame, including the extra one


def regions(stack: NDArray[np.bool_]) -> Regions:
    """Return the boxes of each frame's 8-connected components; (F, H, W)."""
    runs = _find_runs(stack)
    found, _ = _boxes(runs, _components(runs, [_touching(runs, frames=0, rows=1)]))
    return found


def linked_regions(stack: NDArray[np.bool_]) -> tuple[Regions, Integers]:
    """Return the same boxes, and the index (R,) of the 26-connected component of the stack that contains each."""
    runs = _find_runs(stack)
    within = _touching(runs, frames=0, rows=1)
    between = [_touching(runs, frames=1, rows=rows) for rows in (-1, 0, 1)]
    region, solid = _components(runs, [within]), _components(runs, [within, *between])
    found, order = _boxes(runs, region)
    holder = np.zeros(order.size, np.int64)
    holder[region] = solid
    return found, holder[order]


def ranges(first: Integers, count: Integers) -> tuple[Integers, Integers]:
    """List all members of the ranges `first` to `first + count - 1`: the index of the range, and the member.

    >>> ranges(np.array([5, 0]), np.array([2, 1]))
    (array([0, 0, 1]), array([5, 6, 0]))
    """
    owner = np.repeat(np.arange(count.size), count)
    before = np.cumsum(count) - count
    return owner, np.arange(owner.size) + (first - before)[owner]


def _find_runs(stack: NDArray[np.bool_]) -> _Runs:
    frames, height, width = stack.shape
    pitch = width + 1
    filled = np.flatnonzero(stack.reshape(frames, height * width).any(axis=1))
    together = max(1, _BLOCK // max(1, height * pitch))
    edges = [np.zeros(0, np.int64)]
    for begin in range(0, filled.size, together):
        chosen = filled[begin : begin + together]
        padded = np.zeros((chosen.size, height, pitch), bool)
        padded[:, :, :width] = stack[chosen]
        flat = padded.reshape(-1)
        found = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        if flat[0]:
            found = np.append(0, found)
        # From the index among the chosen frames to the index in the stack.
        moved = (chosen - np.arange(chosen.size)) * (height * pitch)
        edges.append(found + moved[found // (height * pitch)])
    every = np.concatenate(edges)
    return _Runs(every[0::2], every[1::2], height, pitch)


def _touching(runs: _Runs, *, frames: int, rows: int) -> tuple[Integers, Integers]:
    """Pairs of runs that touch, at least at a corner; the second is `frames` later and `rows` lower."""
    shift = (frames * runs.height + rows) * runs.pitch
    first = np.searchsorted(runs.stop, runs.start - shift)
    count = np.searchsorted(runs.start, runs.stop - shift, side="right") - first
    row = runs.start // runs.pitch % runs.height - rows
    # Exclude the row above a frame's first row, which belongs to the frame before.
    later, earlier = ranges(first, np.where((row >= 0) & (row < runs.height), count, 0))
    return earlier, later


def _components(runs: _Runs, pairs: Sequence[tuple[Integers, Integers]]) -> Integers:
    count = runs.start.size
    if not count:
        return np.zeros(0, np.int64)
    rows, columns = (np.concatenate(side) for side in zip(*pairs, strict=True))
    links = coo_array((np.ones(rows.size, np.int8), (rows, columns)), shape=(count, count))
    _, labels = connected_components(links, directed=False)
    return labels.astype(np.int64)


def _boxes(runs: _Runs, component: Integers) -> tuple[Regions, Integers]:
    """Return the box of each component in frame order, and the components in that order."""
    row = runs.start // runs.pitch
    count = int(component.max(initial=-1)) + 1
    low = np.full((2, count), np.iinfo(np.int64).max)
    high = np.zeros((2, count), np.int64)
    y = row % runs.height
    for axis, (begin, end) in enumerate(((runs.start - row * runs.pitch, runs.stop - row * runs.pitch), (y, y + 1))):
        np.minimum.at(low[axis], component, begin)
        np.maximum.at(high[axis], component, end)
    frames = np.zeros(count, np.int64)
    frames[component] = row // runs.height
    order = np.argsort(frames, kind="stable")
    return Regions(frames[order], np.stack([*low, *high], axis=1)[order]), order
