"""Single frames of test videos, as the model sees them, for figures. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, closest
from vadkit.core.values import Split, VideoRef
from vadkit.data.opening import open_data
from vadkit.recipe.model import Data
from vadkit.video.cache import FrameCache, Frames, default_cache

Look = Callable[[str, Sequence[int]], Sequence[NDArray[np.uint8]]]


def look(
    videos: Callable[[Split], Sequence[VideoRef]],
    frames: Callable[[VideoRef], Frames],
    name: str,
    numbers: Sequence[int],
) -> list[NDArray[np.uint8]]:
    """Frames of a test video, each (H, W, C) uint8.

    Args:
        videos: of a split.
        frames: of a video, decoded and resized.
        name: of the video.
        numbers: of the frames, from 0.

    Raises:
        DataError: there is no such video, or it is shorter.
    """
    there = {video.name: video for video in videos("test")}
    if name not in there:
        raise DataError(f"the data set has no test video {name!r}", fix=closest(name, there))
    found = frames(there[name])
    if numbers and max(numbers) >= len(found):
        raise DataError(f"has {len(found)} frames, and frame {max(numbers)} is asked for", where=f"video {name}")
    return [np.asarray(found[number]) for number in numbers]


def look_at(data: Data, data_root: str | Path | None) -> Look:
    """The same for a recipe's data; nothing is opened before a frame is asked for.

    Args:
        data: of the recipe.
        data_root: as of `open_data`.
    """

    @cache
    def dataset() -> Dataset:
        return open_data(data, data_root)

    def frames(video: VideoRef) -> Frames:
        return FrameCache(default_cache()).frames(video, data.clip)

    return lambda name, numbers: look(lambda split: dataset().videos(split), frames, name, numbers)
