"""Read a video's maps and masks, and check that they fit its labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, ScoredVideo


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
