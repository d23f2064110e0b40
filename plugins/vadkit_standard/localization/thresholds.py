"""Thresholds that resolve the curve between 0 and 1 false positives per frame.

Thresholds are chosen among the maxima of each map's cells. A region that appears as the threshold falls starts at a
local maximum, and few of the maxima are in the large quiet part of a map. Only the order and the shares of the maxima
count, so the thresholds do not change if all videos are repeated.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_CELLS = 4  # cells along each axis of a map


def cell_maxima(maps: NDArray[np.floating[Any]]) -> Floats:
    """Return the largest value in each cell of each map (F, h, w); cells of NaN are omitted."""
    rows, columns = (np.unique(np.arange(_CELLS) * size // _CELLS) for size in maps.shape[1:])
    cells = np.fmax.reduceat(np.fmax.reduceat(maps, rows, axis=1), columns, axis=2).ravel()
    return cells[~np.isnan(cells)].astype(np.float64)


def distinct(known: Floats, maps: NDArray[np.floating[Any]], limit: int) -> Floats:
    """Return the distinct values so far, falling, or more than `limit` of them."""
    for frame in maps:
        if known.size > limit:
            break
        values = np.unique(frame)
        known = np.union1d(known, values[~np.isnan(values)].astype(np.float64))
    return np.sort(known)[::-1]


def coarse(maxima: Floats, count: int) -> Floats:
    """Return up to `count` falling thresholds from the largest maximum to the smallest, denser at the top."""
    return _at(maxima, np.linspace(0, 1, count) ** 2)


def fine(maxima: Floats, thresholds: Floats, curve: Floats, count: int) -> Floats:
    """Return up to `count` more thresholds, evenly along a curve that is known at some falling thresholds (L,).

    `maxima` are those of all cells, rising; `curve` (L, D) holds false positives per frame and the detection rates.
    """
    beyond = np.flatnonzero(curve[:, 0] > 1)
    used = int(beyond[0]) + 1 if beyond.size else len(curve)
    points = np.concatenate([np.zeros((1, curve.shape[1])), np.minimum(curve[:used], 1)])
    length = np.append(0, np.cumsum(np.abs(np.diff(points, axis=0)).sum(axis=1)))
    shares = np.append(0, 1 - np.searchsorted(maxima, thresholds[:used]) / maxima.size)
    chosen = _at(maxima, np.interp(np.linspace(0, length[-1], count + 2)[1:-1], length, shares))
    return chosen[~np.isin(chosen, thresholds)]


def _at(maxima: Floats, shares: Floats) -> Floats:
    """Return the falling values at or above which the given shares of the maxima (sorted, rising) are."""
    rank = np.ceil(shares * maxima.size).astype(np.int64)
    return np.unique(maxima[maxima.size - np.clip(rank, 1, maxima.size)])[::-1]
