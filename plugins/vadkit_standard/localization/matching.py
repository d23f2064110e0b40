"""Detected regions, detected tracks and false positives in one video, at falling thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit_standard.localization.components import Integers, Regions, ranges, regions
from vadkit_standard.localization.truth import Truth


@dataclass(frozen=True, slots=True)
class Rule:
    """When a region or a track counts as detected."""

    alpha: float  # share of a track's regions that must be detected
    beta: float  # smallest intersection over union of a match between a detected and a true region


def count(maps: NDArray[np.floating[Any]], truth: Truth, thresholds: NDArray[np.float64], rule: Rule) -> Integers:
    """Count false positives, detected regions and detected tracks at each threshold (3, L)."""
    frames, height, width = maps.shape
    # In units of 1/w and 1/h of the source's pixels all boxes are integers, whatever the sizes, so that
    # an overlap of exactly beta counts as a match.
    to_found = np.array([truth.width, truth.height] * 2)
    true = Regions(truth.regions.frames, truth.regions.boxes * np.array([width, height] * 2))
    first = np.searchsorted(true.frames, np.arange(frames + 1))
    needed = np.maximum(1, np.ceil(rule.alpha * truth.sizes - 1e-9))  # 0.07 * 100 is a little above 7
    counts = np.zeros((3, thresholds.size), np.int64)
    for level, threshold in enumerate(thresholds):
        found = regions(maps >= float(threshold))  # a Python float keeps the comparison in the maps' precision
        right, detected = _match(Regions(found.frames, found.boxes * to_found), true, first, rule.beta)
        of_track = np.bincount(truth.track[detected], minlength=truth.sizes.size)
        counts[:, level] = right.size - right.sum(), detected.sum(), (of_track >= needed).sum()
    return counts


def _match(found: Regions, true: Regions, first: Integers, beta: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which detected regions match a true region of their frame, and which true regions match a detected one."""
    start = first[found.frames]
    mine, theirs = ranges(start, first[found.frames + 1] - start)
    one, other = found.boxes[mine], true.boxes[theirs]
    sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    shared = np.maximum(sides, 0).prod(axis=1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    overlap = shared / (areas[0] + areas[1] - shared) >= beta
    right, detected = np.zeros(found.frames.size, bool), np.zeros(true.frames.size, bool)
    right[mine[overlap]] = True
    detected[theirs[overlap]] = True
    return right, detected
