"""Reads single frames of test videos for figures, in the model's size and colours. Does not import torch."""

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

FrameReader = Callable[[str, Sequence[int]], Sequence[NDArray[np.uint8]]]
"""Maps a test video's name and frame numbers to frames, each (H, W, C) uint8."""


def read_frames(
    videos: Callable[[Split], Sequence[VideoRef]],
    frames: Callable[[VideoRef], Frames],
    name: str,
    numbers: Sequence[int],
) -> list[NDArray[np.uint8]]:
    """Read the frames with these numbers, from 0, of a test video, each (H, W, C) uint8.

    Raises:
        DataError: there is no video of this name, or it has fewer frames.
    """
    by_name = {video.name: video for video in videos("test")}
    if name not in by_name:
        raise DataError(f"the data set has no test video {name!r}", fix=closest(name, by_name))
    all_frames = frames(by_name[name])
    if numbers and max(numbers) >= len(all_frames):
        what = f"has {len(all_frames)} frames, so frame {max(numbers)} does not exist"
        raise DataError(what, where=f"video {name}", fix=f"use frames 0 to {len(all_frames) - 1}")
    return [np.asarray(all_frames[number]) for number in numbers]


def open_frame_reader(data: Data, data_root: str | Path | None) -> FrameReader:
    """Return a frame reader of a recipe's data set. It opens the data set when the first frame is read."""

    @cache
    def dataset() -> Dataset:
        return open_data(data, data_root)

    def frames(video: VideoRef) -> Frames:
        return FrameCache(default_cache()).frames(video, data.clip)

    return lambda name, numbers: read_frames(lambda split: dataset().videos(split), frames, name, numbers)
