"""The true regions of a video, and the tracks that they form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vadkit.api import DataError, ScoredVideo
from vadkit_standard.localization.components import Integers, Regions, linked_regions
from vadkit_standard.localization.reading import read_masks


@dataclass(frozen=True, slots=True)
class Truth:
    """Ground truth of one video."""

    regions: Regions  # R boxes, in pixels of the source
    track: Integers  # (R,), the track of each region, from 0
    sizes: Integers  # (N,), number of regions of each track
    height: int  # of the source's frames, pixels
    width: int


def find_truth(video: ScoredVideo, size: tuple[int, int]) -> Truth:
    """Return the regions of the tracks, or else of the masks; none for a normal video without either.

    `size` is that of the maps. It is used as the source's size if that is unknown.
    """
    masks = read_masks(video)
    height, width = (video.size or size) if masks is None else masks.shape[1:]
    regions, track = Regions(np.zeros(0, np.int64), np.zeros((0, 4), np.int64)), np.zeros(0, np.int64)
    if video.tracks:
        regions, track = _from_tracks(video)
        right, bottom = regions.boxes[:, 2:].max(axis=0, initial=0)
        if masks is None and (right > width or bottom > height):
            raise DataError(
                f"its tracks reach x = {right}, y = {bottom}, which is outside {width} x {height}, "
                + ("the frame's size" if video.size else "the maps' size (the frame's size is unknown without masks)"),
                where=f"video {video.name!r}",
                fix="use maps of the source's size, or add masks",
            )
    elif masks is not None:
        regions, track = linked_regions(masks)
    elif video.tracks is None and video.labels.any():
        what = f"{video.labels.sum()} of {video.labels.size} frames are abnormal, but there are no masks and no tracks"
        fix = "add them to the data set's folder, or remove this metric"
        raise DataError(what, where=f"video {video.name!r}", fix=fix)
    _, track, sizes = np.unique(track, return_inverse=True, return_counts=True)
    return Truth(regions, track, sizes, height, width)


def _from_tracks(video: ScoredVideo) -> tuple[Regions, Integers]:
    rows = [
        (frame, number, *box)
        for number, track in enumerate(video.tracks or ())
        for frame, box in sorted(track.boxes.items())
    ]
    found = np.array(rows, np.int64).reshape(-1, 6)
    frames = found[:, 0]
    if outside := int(np.sum((frames < 0) | (frames >= video.labels.size))):
        what = f"{outside} of {frames.size} boxes of its tracks are outside its {video.labels.size} frames"
        fix = "check that tracks and frame labels come from the same release"
        raise DataError(what, where=f"video {video.name!r}", fix=fix)
    found = found[np.argsort(frames, kind="stable")]
    return Regions(found[:, 0], found[:, 2:]), found[:, 1]
