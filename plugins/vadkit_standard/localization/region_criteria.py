"""The region- and track-based detection criteria of Street Scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from vadkit.api import ScoredVideo, VadkitError
from vadkit_standard.localization.tally import Rule, tally
from vadkit_standard.metrics import CountedOnce


class RegionCriteria(CountedOnce):
    """Region- and track-based detection criteria, RBDC and TBDC (Ramachandra and Jones, WACV 2020).

    A detected region is the box, in the source's pixels, of an 8-connected component of the map at or above a
    threshold. If the method gives boxes instead of maps, a detected region is a box with a score at or above it;
    boxes are not merged. A true region is a track's box in one frame; in a video without tracks, it is the box of a
    component of the frame's mask. A true region is detected if its intersection over union with a detected region of
    its frame is at least beta. A detected region that matches no true region of its frame is a false positive, in
    normal and in abnormal frames. A track is detected if at least the share alpha of its regions is detected.

    The value is the area under the detection rate (of regions or of tracks) over false positives per frame from 0 to 1.
    The curve starts at (0, 0) and follows the falling threshold to the first point above 1 false positive per frame.
    The numbers may fall on the way where regions merge, so the rate at x is the best rate at x or below. The points
    are connected by lines. The last line is cut at 1. A curve that ends before 1 keeps its last rate. The frame labels
    are not used: a frame is abnormal here if it has a true region.

    **Approximate tracks.** In a video with masks alone, a track is a 26-connected component of the stack of masks:
    objects that touch are one track, and an object that is hidden for a frame is two. Masks also define the frame's
    size; with tracks alone, the maps must have the source's size. A video of normal frames needs neither. NaN in a map
    is below every threshold.

    **Resampling** keeps the thresholds of all videos; `compute` on the drawn videos would choose new ones. Counting
    stops where all videos have 2 false positives per frame.

    Args:
        alpha: share of a track's regions that must be detected, in (0, 1].
        beta: smallest intersection over union of a match, in (0, 1].
        levels: maximum number of thresholds. The curve is exact if the maps have no more distinct values. With 40,
            TBDC differs by up to one percentage point from 100,000; use more for a final number.

    Example:
        >>> maps, labels = np.zeros((2, 4, 4)), np.array([False, True])
        >>> maps[1, :2] = 1.0
        >>> video = ScoredVideo("01", maps.max((1, 2)), labels, anomaly_maps=lambda: maps, masks=lambda: maps > 0.5)
        >>> RegionCriteria().compute([video])
        {'rbdc': 1.0, 'tbdc': 1.0}
    """

    needs_anomaly_maps: ClassVar[bool] = True
    chance_draws: ClassVar[int] = 1

    def __init__(self, *, alpha: float = 0.1, beta: float = 0.1, levels: int = 40) -> None:
        if not (0 < alpha <= 1 and 0 < beta <= 1):
            raise VadkitError(f"alpha and beta must be in (0, 1], but they are {alpha} and {beta}")
        if levels < 2:
            raise VadkitError(f"levels must be at least 2, but it is {levels}")
        self.rule, self.levels = Rule(alpha, beta), levels

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Count once; a resample is a weighted sum of the counts."""
        counts = tally(videos, self.rule, self.levels)

        def measure(times: NDArray[np.int64]) -> dict[str, float]:
            false, regions, tracks = counts.curve(times).T
            return {"rbdc": area(false, regions), "tbdc": area(false, tracks)}

        return measure


def area(false: NDArray[np.float64], rate: NDArray[np.float64]) -> float:
    """Area under the rate over false positives per frame, from 0 to 1; both (L,), thresholds falling."""
    x, y = np.append(0, false), np.append(0, rate)
    beyond = np.flatnonzero(x > 1)
    if beyond.size:
        x, y = x[: beyond[0] + 1], y[: beyond[0] + 1]
    order = np.argsort(x, kind="stable")
    x, y = x[order], np.maximum.accumulate(y[order])
    at_one = np.interp(1, x, y)  # holds the last rate
    x, y = np.append(x[x <= 1], 1), np.append(y[x <= 1], at_one)
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1])) / 2)
