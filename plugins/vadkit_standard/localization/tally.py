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
    """Counts in V videos, at L falling thresholds.

    Attributes:
        thresholds: (L,).
        frames: (V,), frames.
        regions: (V,), true regions.
        tracks: (V,), true tracks.
        detected: (V, L), true regions that are detected.
        followed: (V, L), tracks that are detected.
        false: (V, L), false positives.
    """

    thresholds: NDArray[np.float64]
    frames: Integers
    regions: Integers
    tracks: Integers
    detected: Integers
    followed: Integers
    false: Integers

    def curve(self, times: Integers) -> NDArray[np.float64]:
        """Return (L, 3): false positives per frame, share of regions detected, share of tracks detected.

        Args:
            times: (V,), how often each video counts.

        Raises:
            DataError: there is no region to detect.
        """
        frames, regions = int(times @ self.frames), int(times @ self.regions)
        if not regions:
            raise DataError(
                f"none of {int(times.sum())} videos, {frames} frames, has an abnormal region",
                where="rbdc_tbdc",
                fix="check masks and tracks, or remove this metric",
            )
        wholes = frames, regions, int(times @ self.tracks)
        parts = self.false, self.detected, self.followed
        return np.stack([(times @ part) / whole for part, whole in zip(parts, wholes, strict=True)], axis=1)


def tally(videos: Sequence[ScoredVideo], rule: Rule, levels: int) -> Tally:
    """Count at up to `levels` thresholds. Maps are read at most three times, one video at a time.

    If the maps have no more than `levels` distinct values, each value is a threshold and the curve is exact. Otherwise
    half of the levels locate the curve, and the others refine it.

    Raises:
        DataError: there is no region to detect, or a video lacks maps, masks or tracks.
    """
    truths, maxima, values = _survey(videos, levels)
    if values.size <= levels:
        return _count(videos, truths, values, rule)
    once = np.ones(len(videos), np.int64)
    first = _count(videos, truths, choose.coarse(maxima, levels - levels // 2), rule)
    more = choose.fine(maxima, first.thresholds, first.curve(once), levels - first.thresholds.size)
    return _merged(first, _count(videos, truths, more, rule))


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
    frames = np.array([video.labels.size for video in videos], np.int64)
    counts = np.zeros((3, len(videos), thresholds.size), np.int64)
    for index, (video, truth) in enumerate(zip(videos, truths, strict=True)):
        counts[:, index] = count(read_maps(video), truth, thresholds, rule)
        # Skip lower thresholds once the videos so far exceed the limit for all videos.
        beyond = np.flatnonzero(counts[2].sum(axis=0) > _REACH * frames.sum())
        if beyond.size:
            thresholds, counts = thresholds[: beyond[0] + 1], counts[:, :, : beyond[0] + 1]
    return Tally(
        thresholds,
        frames,
        np.array([truth.track.size for truth in truths], np.int64),
        np.array([truth.sizes.size for truth in truths], np.int64),
        *counts,
    )


def _merged(one: Tally, other: Tally) -> Tally:
    thresholds = np.concatenate([one.thresholds, other.thresholds])
    order = np.argsort(-thresholds)
    pairs = (one.detected, other.detected), (one.followed, other.followed), (one.false, other.false)
    counts = [np.concatenate(pair, axis=1)[:, order] for pair in pairs]
    return Tally(thresholds[order], one.frames, one.regions, one.tracks, *counts)
