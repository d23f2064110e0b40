"""The true regions of a video, and the tracks that they form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vadkit.api import DataError, ScoredVideo
from vadkit_standard.localization.components import Integers, Regions, linked_regions
from vadkit_standard.localization.reading import read_masks


@dataclass(frozen=True, slots=True)
class Truth:
    """Ground truth of one video.

    Attributes:
        regions: R boxes, in pixels of the source.
        track: (R,), the track of each region, from 0.
        sizes: (N,), number of regions of each track.
        height: height of the source's frames, pixels.
        width: width of the source's frames, pixels.
    """

    regions: Regions
    track: Integers
    sizes: Integers
    height: int
    width: int


def find_truth(video: ScoredVideo, size: tuple[int, int]) -> Truth:
    """Return the regions of the tracks, or else of the masks; none for a normal video without either.

    Args:
        video: the video.
        size: height and width of its maps, used as the source's size if it is unknown.

    Raises:
        DataError: an abnormal video has neither, or they do not fit the frame labels or the frame's size.
    """
    masks = read_masks(video)
    height, width = (video.size or size) if masks is None else masks.shape[1:]
    regions, track = Regions(np.zeros(0, np.int64), np.zeros((0, 4), np.int64)), np.zeros(0, np.int64)
    if video.tracks:
        regions, track = _from_tracks(video)
        if masks is None:
            _check_size(video, regions, (height, width))
    elif masks is not None:
        regions, track = linked_regions(masks)
    elif video.tracks is None and video.labels.any():
        raise DataError(
            f"{video.labels.sum()} of {video.labels.size} frames are abnormal, but there are no masks and no tracks",
            where=f"video {video.name!r}",
            fix="add them to the data set's folder, or remove this metric",
        )
    _, track, sizes = np.unique(track, return_inverse=True, return_counts=True)
    return Truth(regions, track, sizes, height, width)


def _from_tracks(video: ScoredVideo) -> tuple[Regions, Integers]:
    found = [
        (frame, number, box)
        for number, track in enumerate(video.tracks or ())
        for frame, box in sorted(track.boxes.items())
    ]
    frames = np.array([frame for frame, _, _ in found], np.int64)
    if outside := int(np.sum((frames < 0) | (frames >= video.labels.size))):
        raise DataError(
            f"{outside} of {frames.size} boxes of its tracks are outside its {video.labels.size} frames",
            where=f"video {video.name!r}",
            fix="check that tracks and frame labels come from the same release",
        )
    order = np.argsort(frames, kind="stable")
    boxes = np.array([box for _, _, box in found], np.int64).reshape(-1, 4)
    track = np.array([number for _, number, _ in found], np.int64)
    return Regions(frames[order], boxes[order]), track[order]


def _check_size(video: ScoredVideo, regions: Regions, size: tuple[int, int]) -> None:
    height, width = size
    right, bottom = regions.boxes[:, 2:].max(axis=0, initial=0)
    if right > width or bottom > height:
        raise DataError(
            f"its tracks reach x = {right}, y = {bottom}, which is outside {width} x {height}, "
            + ("the frame's size" if video.size else "the maps' size (the frame's size is unknown without masks)"),
            where=f"video {video.name!r}",
            fix="use maps of the source's size, or add masks",
        )
