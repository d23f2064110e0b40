"""Compares the files of `data.boxes` with the videos of a recipe."""

from __future__ import annotations

from typing import get_args

from vadkit.core.contracts import Dataset
from vadkit.core.values import Split
from vadkit.recipe.model import Data
from vadkit.video.boxes import BoxReader
from vadkit.video.decode import frame_size


def check_boxes(data: Data, dataset: Dataset, read: BoxReader | None) -> None:
    """Compare boxes with videos, as far as that is possible without decoding the videos.

    The sizes of pictures are compared for the first video of each split.

    Raises:
        DataError: a video is unknown, or a box does not fit its video. The message has the line of the file.
    """
    if read is None or data.boxes is None:
        return
    for split in get_args(Split):
        videos = dataset.videos(split)
        rows = read(split, [video.name for video in videos])
        for number, video in enumerate(videos):
            if video.name in rows:
                size = frame_size(video) if number == 0 else None
                rows[video.name].check(video.name, size=size, frames=video.frames, most=data.boxes.most)
