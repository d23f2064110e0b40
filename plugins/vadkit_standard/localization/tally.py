"""Counts false positives, detected regions and detected tracks of all videos at all thresholds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, ScoredVideo
from vadkit_standard.localization import thresholds as choose
from vadkit_standard.localization.components import Integers, Regions, ranges, regions
from vadkit_standard.localization.truth import Truth, find_truth, read_maps

# False positives per frame at which counting stops. The curve ends at 1, but a resample of videos with few
# false positives reaches 1 later.
_REACH = 2
_NO_LIMIT = (2**31, 2**31)  # pixels; the size of a frame that no track leaves


@dataclass(frozen=True, slots=True)
class Rule:
    """When a region or a track counts as detected."""

    alpha: float  # share of a track's regions that must be detected
    beta: float  # smallest intersection over union of a match between a detected and a true region


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts in V videos, at L falling thresholds."""

    thresholds: NDArray[np.float64]  # (L,)
    totals: Integers  # (3, V): frames, true regions, true tracks
    counts: Integers  # (3, V, L): false positives, detected regions, detected tracks

    @property
    def false(self) -> Integers:
        """(V, L), false positives."""
        return self.counts[0]

    def curve(self, times: Integers) -> NDArray[np.float64]:
        """Return (L, 3): false positives per frame, share of regions detected, share of tracks detected.

        `times` (V,) is how often each video counts.

        Raises:
            DataError: there is no region to detect.
        """
        totals = self.totals @ times
        if not totals[1]:
            what = f"none of {int(times.sum())} videos, {totals[0]} frames, has an abnormal region"
            raise DataError(what, where="rbdc_tbdc", fix="check masks and tracks, or remove this metric")
        return np.stack([(times @ part) / total for part, total in zip(self.counts, totals, strict=True)], axis=1)


def tally(videos: Sequence[ScoredVideo], rule: Rule, levels: int) -> Tally:
    """Count at up to `levels` thresholds. Maps are read at most three times, one video at a time.

    If the maps have no more than `levels` distinct values, each value is a threshold and the curve is exact. Otherwise
    half of the levels locate the curve, and the others refine it.
    """
    truths, maxima, values = _survey(videos, levels)
    if values.size <= levels:
        return _count(videos, truths, values, rule)
    once = np.ones(len(videos), np.int64)
    first = _count(videos, truths, choose.coarse(maxima, levels - levels // 2), rule)
    more = choose.fine(maxima, first.thresholds, first.curve(once), levels - first.thresholds.size)
    second = _count(videos, truths, more, rule)
    thresholds = np.concatenate([first.thresholds, second.thresholds])
    order = np.argsort(-thresholds)
    return Tally(thresholds[order], first.totals, np.concatenate([first.counts, second.counts], axis=2)[:, :, order])


def _survey(videos: Sequence[ScoredVideo], levels: int) -> tuple[list[Truth], NDArray[np.float64], NDArray[np.float64]]:
    """Truth of each video, the sorted cell maxima of the maps or scores of the boxes, and some distinct values.

    The distinct values are complete unless there are more than `levels`.
    """
    truths: list[Truth] = []
    maxima, values = [np.zeros(0)], np.zeros(0)
    for video in videos:
        if video.detections is not None:
            truths.append(find_truth(video, _NO_LIMIT))
            maxima.append(video.detections.scores)
            values = choose.distinct(values, video.detections.scores[None], levels)
            continue
        maps = read_maps(video)
        truths.append(find_truth(video, maps.shape[1:]))
        maxima.append(choose.cell_maxima(maps))
        values = choose.distinct(values, maps, levels)
    return truths, np.sort(np.concatenate(maxima)), values


def _count(
    videos: Sequence[ScoredVideo], truths: Sequence[Truth], thresholds: NDArray[np.float64], rule: Rule
) -> Tally:
    sizes = [
        (video.labels.size, truth.track.size, truth.sizes.size) for video, truth in zip(videos, truths, strict=True)
    ]
    totals = np.array(sizes, np.int64).reshape(-1, 3).T
    counts = np.zeros((3, len(videos), thresholds.size), np.int64)
    for index, (video, truth) in enumerate(zip(videos, truths, strict=True)):
        counts[:, index] = _count_one(video, truth, thresholds, rule)
        # Skip lower thresholds once the videos so far exceed the limit for all videos.
        beyond = np.flatnonzero(counts[0].sum(axis=0) > _REACH * totals[0].sum())
        if beyond.size:
            thresholds, counts = thresholds[: beyond[0] + 1], counts[:, :, : beyond[0] + 1]
    return Tally(thresholds, totals, counts)


def _count_one(video: ScoredVideo, truth: Truth, thresholds: NDArray[np.float64], rule: Rule) -> Integers:
    """Count false positives, detected regions and detected tracks at each threshold (3, L)."""
    regions_at, unit = _detected(video, truth)
    true = Regions(truth.regions.frames, truth.regions.boxes * unit)
    first = np.searchsorted(true.frames, np.arange(video.labels.size + 1))
    needed = np.maximum(1, np.ceil(rule.alpha * truth.sizes - 1e-9))  # 0.07 * 100 is a little above 7
    counts = np.zeros((3, thresholds.size), np.int64)
    for level, threshold in enumerate(thresholds):
        right, detected = _match(regions_at(float(threshold)), true, first, rule.beta)
        of_track = np.bincount(truth.track[detected], minlength=truth.sizes.size)
        counts[:, level] = right.size - right.sum(), detected.sum(), (of_track >= needed).sum()
    return counts


def _detected(video: ScoredVideo, truth: Truth) -> tuple[Callable[[float], Regions], Integers]:
    """A function that gives the detected regions at a threshold, and the factors (4,) from pixels to their unit."""
    if (boxes := video.detections) is not None:

        def chosen(threshold: float) -> Regions:
            kept = boxes.scores >= threshold
            return Regions(boxes.frames[kept], boxes.boxes[kept])

        return chosen, np.ones(4, np.int64)
    maps = read_maps(video)
    _, height, width = maps.shape

    def components(threshold: float) -> Regions:
        found = regions(maps >= threshold)  # a Python float keeps the comparison in the maps' precision
        return Regions(found.frames, found.boxes * np.array([truth.width, truth.height] * 2))

    # In units of 1/w and 1/h of the source's pixels all boxes are integers, whatever the sizes, so that
    # an overlap of exactly beta counts as a match.
    return components, np.array([width, height] * 2)


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
