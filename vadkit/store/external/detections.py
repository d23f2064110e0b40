"""Boxes of other methods: tables with one row per box of a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.values import Detections
from vadkit.store.external.series import Series

_SIZED, _ENDS = ("x", "y", "w", "h"), ("x_min", "y_min", "x_max", "y_max")
FORMS = "write the columns video, frame, x, y, w, h, score (or x_min, y_min, x_max, y_max), in pixels of the video"


def are_boxes(columns: Sequence[str]) -> bool:
    """Whether these columns describe boxes."""
    return any(set(form) <= {name.lower() for name in columns} for form in (_SIZED, _ENDS))


def box_corners(series: Series) -> NDArray[np.float64]:
    """The boxes of a series, (N, 4) as x0, y0, x1, y1."""
    columns = {name.lower(): numbers for name, numbers in series.columns.items()}
    form = _SIZED if set(_SIZED) <= set(columns) else _ENDS
    first, ends = np.stack([columns[name] for name in form[:2]], 1), np.stack([columns[name] for name in form[2:]], 1)
    return np.concatenate([first, first + ends if form == _SIZED else ends], 1)


def to_detections(series: Series, frames: int) -> Detections:
    """The boxes of one video with F frames.

    Raises:
        DataError: a column is missing, a box is empty, or a frame does not exist.
    """
    where = f"{series.where}, video {series.video!r}"
    columns = {name.lower(): numbers for name, numbers in series.columns.items()}
    if series.frames is None or "score" not in columns:
        lacking = "frame" if series.frames is None else "score"
        raise DataError(f"the boxes have no column {lacking!r}", where=where, fix=FORMS)
    boxes = box_corners(series)
    values = np.concatenate([boxes, columns["score"][:, None]], 1)
    empty = ~np.isfinite(values).all(axis=1) | (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
    if empty.any():
        row = int(empty.argmax())
        what = (
            f"{empty.sum()} of {empty.size} boxes are empty or not numbers, the first is in frame {series.frames[row]}"
        )
        raise DataError(what, where=where, fix="write boxes with a width, a height and a score")
    outside = series.frames[(series.frames < 0) | (series.frames >= frames)]
    if outside.size:
        what = f"frame {outside[0]} is not among the video's {frames}: they are 0 to {frames - 1}"
        raise DataError(what, where=where, fix="count the frames from 0, in the release of the data set's videos")
    return Detections(series.frames, boxes, columns["score"])


def frame_scores(videos: Mapping[str, Detections], lengths: Mapping[str, int]) -> dict[str, NDArray[np.float64]]:
    """Video -> (F,), the highest score of a frame's boxes; the lowest of all boxes if the frame has none.

    Raises:
        DataError: there is no box.
    """
    scores = np.concatenate([video.scores for video in videos.values()])
    if not scores.size:
        raise DataError("no test video has a box", fix=FORMS)
    highest = {name: np.full(frames, scores.min()) for name, frames in lengths.items()}
    for name, video in videos.items():
        np.maximum.at(highest[name], video.frames, video.scores)
    return highest
