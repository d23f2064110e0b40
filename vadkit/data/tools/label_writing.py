"""Writes the labels of a converted data set: an array for each video, one of all videos, and a table of intervals."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.alarms import intervals_of
from vadkit.core.errors import DataError
from vadkit.core.files import atomic_write
from vadkit.core.values import Labels, VideoRef, natural_key
from vadkit.data.tools.writing import resized_masks


def filed(video: VideoRef) -> str:
    """A video's name as a file name without folders, as code of the field expects."""
    return re.sub(r"[\\/]+", "_", video.name)


def write_labels(
    out: Path, video: VideoRef, labels: Labels, count: int, size: tuple[int, int] | None
) -> NDArray[np.uint8]:
    """Write frame labels and masks of one test video; return (F,) uint8, 1 where abnormal.

    `count` is F as written, and `size` height and width as written; None for the video's own.

    Raises:
        DataError: the number of labels or masks differs from the number of frames.
    """
    frames = np.asarray(labels.frames).astype(np.uint8)  # (F,)
    _require(len(frames) == count, f"{len(frames)} labels for {count} frames", video)
    _save(out / "testing/test_frame_mask" / f"{filed(video)}.npy", frames)
    path = out / "testing/test_pixel_mask" / f"{filed(video)}.npy"
    if labels.masks is not None and not path.is_file():
        masks = labels.masks()
        _require(len(masks) == count, f"{len(masks)} masks for {count} frames", video)
        _save(path, resized_masks(masks, size).astype(np.uint8))
    return frames


def _require(same: bool, what: str, video: VideoRef) -> None:
    if not same:
        fix = "run 'vadkit data check' for details; labels must have one value for each frame"
        raise DataError(what, where=f"test video {video.name}", fix=fix)


def write_summary(out: Path, labels: Mapping[str, NDArray[np.uint8]], tests: Sequence[str]) -> None:
    """Write the labels of all videos as a table and, if every test video has labels, as one array.

    `labels` is file name of the video -> (F,); `tests` are the file names of all test videos. The table has abnormal
    intervals from frame 0, both ends included; a normal video has one row without ends.
    """
    if tests and all(name in labels for name in tests):
        _save(out / "frame_labels.npy", np.concatenate([labels[name] for name in sorted(tests, key=natural_key)])[None])
    if not labels:
        return
    with atomic_write(out / "labels.csv") as aside, aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("video", "start_frame", "end_frame", "frames"))
        for name, frames in labels.items():
            spans = [(start, stop - 1) for start, stop in intervals_of(frames.astype(bool))] or [("", "")]
            writer.writerows((name, *span, len(frames)) for span in spans)


def _save(path: Path, array: NDArray[Any]) -> None:
    with atomic_write(path) as aside:
        np.save(aside, array)
