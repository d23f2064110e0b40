"""Counts of all videos at all thresholds, from which the curves and their resamples are computed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, ScoredVideo
from vadkit_standard.localization import thresholds as choose
from vadkit_standard.localization.components import Integers
from vadkit_standard.localization.matching import Rule, count
from vadkit_standard.localization.reading import read_maps
from vadkit_standard.localization.truth import Truth, find_truth

# False positives per frame at which counting stops. The curve ends at 1, but a resample of videos with few
# false positives reaches 1 later.
_REACH = 2


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
    """Truth of each video, the sorted cell maxima of the maps, and the distinct values until there are too many."""
    truths: list[Truth] = []
    maxima, values = [np.zeros(0)], np.zeros(0)
    for video in videos:
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
        counts[:, index] = count(read_maps(video), truth, thresholds, rule)
        # Skip lower thresholds once the videos so far exceed the limit for all videos.
        beyond = np.flatnonzero(counts[0].sum(axis=0) > _REACH * totals[0].sum())
        if beyond.size:
            thresholds, counts = thresholds[: beyond[0] + 1], counts[:, :, : beyond[0] + 1]
    return Tally(thresholds, totals, counts)
