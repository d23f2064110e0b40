"""A video's maps and masks, refused where they do not fit its labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, ScoredVideo


def read_maps(video: ScoredVideo) -> NDArray[np.floating[Any]]:
    """(F, h, w), float32 or float64.

    Raises:
        DataError: there are none, or not one for each frame.
    """
    if video.anomaly_maps is None:
        raise DataError(
            f"the scores of its {video.labels.size} frames have no maps",
            where=f"video {video.name!r}",
            fix="fuse a scorer that gives maps and score again, or leave this metric out",
        )
    maps = np.asarray(video.anomaly_maps())
    _check(video, maps, "anomaly_maps", "score the video again")
    return maps.astype(np.result_type(maps, np.float32), copy=False)


def read_masks(video: ScoredVideo) -> NDArray[np.bool_] | None:
    """(F, H, W), or None if the video has none.

    Raises:
        DataError: there is not one for each frame.
    """
    if video.masks is None:
        return None
    masks = np.asarray(video.masks())
    _check(video, masks, "masks", "check that masks and frame labels are of the same release")
    return masks.astype(bool, copy=False)


def _check(video: ScoredVideo, stack: NDArray[Any], what: str, fix: str) -> None:
    where = f"video {video.name!r}"
    if stack.ndim != 3 or 0 in stack.shape[1:]:
        raise DataError(f"{what} must be (frames, height, width), not {stack.shape}", where=where, fix=fix)
    if len(stack) != video.labels.size:
        raise DataError(f"there are {len(stack)} {what}, but {video.labels.size} frame labels", where=where, fix=fix)
