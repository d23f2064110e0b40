"""Reads a video's maps and masks, and its true regions with the tracks that they form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, ScoredVideo
from vadkit_standard.localization.components import Integers, Regions, linked_regions


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


def read_maps(video: ScoredVideo) -> NDArray[np.floating[Any]]:
    """Return the maps (F, h, w), float32 or float64."""
    if video.anomaly_maps is None:
        what = f"the scores of its {video.labels.size} frames have no maps"
        fix = "fuse a scorer that returns maps and score again, or remove this metric"
        raise DataError(what, where=f"video {video.name!r}", fix=fix)
    maps = np.asarray(video.anomaly_maps())
    _check(video, maps, "maps", "score the video again")
    return maps.astype(np.result_type(maps, np.float32), copy=False)


def read_masks(video: ScoredVideo) -> NDArray[np.bool_] | None:
    """Return the masks (F, H, W), or None if the video has none."""
    if video.masks is None:
        return None
    masks = np.asarray(video.masks())
    _check(video, masks, "masks", "check that masks and frame labels come from the same release")
    return masks.astype(bool, copy=False)


def _check(video: ScoredVideo, stack: NDArray[Any], what: str, fix: str) -> None:
    where = f"video {video.name!r}"
    if stack.ndim != 3 or 0 in stack.shape[1:]:
        raise DataError(
            f"{what} must have the shape (frames, height, width), but it is {stack.shape}", where=where, fix=fix
        )
    if len(stack) != video.labels.size:
        raise DataError(f"there are {len(stack)} {what}, but {video.labels.size} frame labels", where=where, fix=fix)
