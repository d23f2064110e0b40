"""Soft-edged parts, and how an actor is painted from them onto a frame.

Every part is a rounded box around a segment. Without thickness it is a capsule, without length a disc, and with a
ring width only its outline is painted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_GRID = 64  # parts are rounded to 1/64 pixel, so that rounding differences of sine never change the frame


class Part(NamedTuple):
    """A rounded box around the segment (x0, y0)-(x1, y1); all lengths have the same unit."""

    x0: float
    y0: float
    x1: float
    y1: float
    round: float  # radius of the corners
    gray: float  # gray value, 0 to 255
    thick: float = 0.0  # half the box's width across the segment, without the corners
    ring: float = 0.0  # half width of the outline; 0 fills the shape
    opacity: float = 1.0  # below 1 for shadows, which are not part of any mask


def place(parts: Sequence[Part], x: float, y: float, unit: float, facing: int) -> NDArray[np.float64]:
    """Convert K parts from an actor's units (x forward, y up, feet at the origin) to pixels: (K, 9), as `Part`.

    The feet are at x and y, in pixels from the left and the top. An actor's unit has `unit` pixels. `facing` is 1 to
    the right, -1 to the left.
    """
    table = np.array(parts, dtype=np.float64)
    table[:, [0, 2]] = x + facing * unit * table[:, [0, 2]]
    table[:, [1, 3]] = y - unit * table[:, [1, 3]]
    table[:, [4, 6, 7]] *= unit
    geometry = [0, 1, 2, 3, 4, 6, 7]
    table[:, geometry] = np.round(table[:, geometry] * _GRID) / _GRID
    return table


def paint(canvas: NDArray[np.float64], owner: NDArray[np.int16], table: NDArray[np.float64], identity: int) -> None:
    """Paint parts (K, 9) in pixels, from `place`, in order onto a gray `canvas` (H, W) of 0 to 255.

    In `owner` (H, W), opaque parts write `identity`, the number of the actor.
    """
    reach = table[:, 4] + table[:, 6] + table[:, 7] + 1
    height, width = canvas.shape
    left = max(int((np.minimum(table[:, 0], table[:, 2]) - reach).min()), 0)
    top = max(int((np.minimum(table[:, 1], table[:, 3]) - reach).min()), 0)
    right = min(int((np.maximum(table[:, 0], table[:, 2]) + reach).max()) + 1, width)
    bottom = min(int((np.maximum(table[:, 1], table[:, 3]) + reach).max()) + 1, height)
    if left >= right or top >= bottom:
        return
    window = canvas[top:bottom, left:right]
    owned = owner[top:bottom, left:right]
    covers = _coverage(table, np.arange(left + 0.5, right), np.arange(top + 0.5, bottom))
    for cover, part in zip(covers, table, strict=True):
        window += part[8] * cover * (part[5] - window)
        if part[8] == 1:
            owned[cover >= 0.5] = identity


def _coverage(table: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each pixel that each part covers, (K, h, w), from its signed distance in pixels."""
    x0, y0, x1, y1, corner, _, thick, ring, _ = (column[:, None, None] for column in table.T)
    half = np.sqrt((x1 - x0) ** 2 + (y1 - y0) ** 2) / 2
    along = np.where(half > 0, (x1 - x0) / np.maximum(2 * half, 1e-9), 1.0)
    across = np.where(half > 0, (y1 - y0) / np.maximum(2 * half, 1e-9), 0.0)
    dx, dy = x[None, None, :] - (x0 + x1) / 2, y[None, :, None] - (y0 + y1) / 2
    out_along = np.abs(dx * along + dy * across) - half
    out_across = np.abs(dy * along - dx * across) - thick
    outside = np.sqrt(np.maximum(out_along, 0) ** 2 + np.maximum(out_across, 0) ** 2)
    distance = outside + np.minimum(np.maximum(out_along, out_across), 0) - corner
    distance = np.where(ring > 0, np.abs(distance) - ring, distance)
    return np.clip(0.5 - distance, 0, 1)
