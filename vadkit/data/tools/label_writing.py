"""Labels of a converted data set: an array a video, all in one, and a table of intervals."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.files import atomic_write, atomic_write_text
from vadkit.core.values import Labels, VideoRef, natural_key
from vadkit.data.tools.writing import resized_masks


def filed(video: VideoRef) -> str:
    """A video's name as that of a file: flat, as the field's code expects."""
    return re.sub(r"[\\/]+", "_", video.name)


def write_labels(
    out: Path, video: VideoRef, labels: Labels, count: int, size: tuple[int, int] | None
) -> NDArray[np.uint8]:
    """Frame labels and masks of one test video. Returns (F,), 1 where abnormal.

    Args:
        out: the folder of the conversion.
        video: whose labels they are.
        labels: they fit its frames.
        count: F as written.
        size: height and width as written; None keeps the video's own.

    Raises:
        DataError: there are not as many masks as frames.
    """
    frames = np.asarray(labels.frames).astype(np.uint8)  # (F,)
    _save(out / "testing/test_frame_mask" / f"{filed(video)}.npy", frames)
    path = out / "testing/test_pixel_mask" / f"{filed(video)}.npy"
    if labels.masks is not None and not path.is_file():
        masks = labels.masks()
        if len(masks) != count:
            fix = "'vadkit data check' says more; only labels that fit are written"
            raise DataError(f"{len(masks)} masks for {count} frames", where=f"test video {video.name}", fix=fix)
        _save(path, resized_masks(masks, size).astype(np.uint8))
    return frames


def write_summary(out: Path, labels: Mapping[str, NDArray[np.uint8]], tests: Sequence[str]) -> None:
    """The labels of all videos in one array, if every test video has some, and as a table.

    Args:
        out: the folder of the conversion.
        labels: video, as filed -> (F,).
        tests: all test videos, as filed.
    """
    if tests and all(name in labels for name in tests):
        _save(out / "frame_labels.npy", np.concatenate([labels[name] for name in sorted(tests, key=natural_key)])[None])
    if labels:
        atomic_write_text(out / "labels.csv", _table(labels))


def _save(path: Path, array: NDArray[Any]) -> None:
    with atomic_write(path) as aside:
        np.save(aside, array)


def _table(labels: Mapping[str, NDArray[np.uint8]]) -> str:
    """Intervals counted from 0, both ends abnormal; a normal video has one row without ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("video", "start_frame", "end_frame", "frames"))
    for name, frames in labels.items():
        edges = np.flatnonzero(np.diff(np.concatenate([[0], frames.astype(np.int8), [0]]))).reshape(-1, 2)
        for start, stop in edges.tolist():
            writer.writerow((name, start, stop - 1, len(frames)))
        if not len(edges):
            writer.writerow((name, "", "", len(frames)))
    return text.getvalue()
