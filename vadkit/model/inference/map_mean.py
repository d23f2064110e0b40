"""The mean anomaly map of each frame over the windows that contain it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class SlidingWindowMapMean:
    """The mean anomaly map of each frame over overlapping windows, in cells of `MAP_CELL` pixels."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._sums: NDArray[np.float32] | None = None
        self._counts = np.zeros(frames, np.int64)

    def add(self, frames: NDArray[np.int64], anomaly_maps: NDArray[np.float32]) -> None:
        """Add one window's maps (T, h, w) of the frames with the indices `frames` (T,). NaN means "no map"."""
        if self._sums is None:
            self._sums = np.zeros((self._frames, *anomaly_maps.shape[1:]), np.float32)
        mapped = ~np.isnan(anomaly_maps).any(axis=(1, 2))
        self._sums[frames[mapped]] += anomaly_maps[mapped]
        self._counts[frames[mapped]] += 1

    def means(self) -> NDArray[np.float32]:
        """(F, h, w). A frame that no window scored gets the map of the nearest scored frame."""
        assert self._sums is not None
        means = self._sums / np.maximum(self._counts, 1).astype(np.float32)[:, None, None]
        scored = np.flatnonzero(self._counts)
        for frame in np.flatnonzero(self._counts == 0):
            means[frame] = means[scored[np.argmin(np.abs(scored - frame))]]
        return means

    def pop_first(self, count: int) -> NDArray[np.float32]:
        """Remove the first `count` frames and return their means, (count, h, w), NaN for frames without a map.

        The other frames move to the front, and `count` empty frames follow them.
        """
        if self._sums is None:
            return np.full((count, 1, 1), np.nan, np.float32)
        with np.errstate(invalid="ignore"):
            means = self._sums[:count] / self._counts[:count, None, None].astype(np.float32)
        for array in (self._sums, self._counts):
            array[:-count] = array[count:].copy()
            array[-count:] = 0
        return means
