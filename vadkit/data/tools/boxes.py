"""Boxes of what differs from the background of a fixed camera, for `data.boxes` without a detector."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from vadkit.core.errors import DataError
from vadkit.core.files import atomic_write_text
from vadkit.core.progress import Progress
from vadkit.core.values import Split, VideoRef
from vadkit.data.tools.target import Target
from vadkit.video.damage import Damages
from vadkit.video.decode import decode

_KEPT = 64  # smallest number of frames of which the median is the background, in a long video

Box = tuple[int, int, int, int, int]
"""Frame, x, y, width, height."""


def write_boxes(target: Target, out: Path, *, threshold: float, least: int, progress: Progress) -> dict[Path, int]:
    """Write `train.csv` and `test.csv` with the boxes of regions that differ from the background.

    The background of a video is the median of 64 to 127 of its frames.

    Args:
        target: a data set with a fixed camera.
        out: folder of the files.
        threshold: a pixel differs from the background by more than this, gray levels.
        least: smallest number of such pixels in a region.
        progress: receives the progress.

    Returns:
        File -> number of boxes.

    Raises:
        DataError: a video cannot be decoded, or no region is found in a split.
    """
    written: dict[Path, int] = {}
    for split in get_args(Split):
        lines = list(_lines(target, split, threshold, least, progress))
        if not lines:
            what = f"no region of the {split} videos differs from the background"
            raise DataError(what, where=target.name, fix="set a lower --threshold or --least")
        written[out / f"{split}.csv"] = len(lines)
        atomic_write_text(out / f"{split}.csv", "\n".join(["video,frame,x,y,w,h", *lines]) + "\n")
    return written


def _lines(target: Target, split: Split, threshold: float, least: int, progress: Progress) -> Iterator[str]:
    videos = target.dataset.videos(split)
    progress.begin(f"boxes of {split}", len(videos), unit="videos")
    for number, video in enumerate(videos, 1):
        name = f'"{video.name}"' if set(video.name) & set(', "') else video.name
        for box in video_boxes(video, threshold=threshold, least=least):
            yield ",".join([name, *map(str, box)])
        progress.advance(number, amount=1)
    progress.end()


def video_boxes(video: VideoRef, *, threshold: float, least: int) -> Iterator[Box]:
    """The boxes of one video, frame by frame.

    Raises:
        DataError: it cannot be decoded.
    """
    background = _background(video)
    for number, frame in enumerate(decode(video, color="gray", damages=Damages())):
        differs = np.abs(frame[..., 0].astype(np.float32) - background) > threshold
        closed = ndimage.binary_closing(ndimage.binary_opening(differs), iterations=2)
        regions: NDArray[np.int32] = ndimage.label(closed)[0]  # pyright: ignore
        sizes = np.bincount(regions.ravel())
        for region, (rows, columns) in enumerate(ndimage.find_objects(regions), 1):
            if sizes[region] >= least:
                yield number, columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start


def _background(video: VideoRef) -> NDArray[np.float32]:
    """(H, W) the median of frames at equal distances, 64 to 127 of them in a long video."""
    kept: list[NDArray[np.uint8]] = []
    step = 1
    for number, frame in enumerate(decode(video, color="gray", damages=Damages())):
        if number % step == 0:
            kept.append(frame[..., 0])
        if len(kept) == 2 * _KEPT:
            kept, step = kept[::2], 2 * step
    return np.median(np.stack(kept), axis=0).astype(np.float32)
