"""Boxes of objects from a detector: a table with one row per box of a frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from vadkit.core.errors import DataError
from vadkit.core.values import Split
from vadkit.recipe.boxes_section import Boxes
from vadkit.store.external.detections import FORMS, are_boxes, box_corners
from vadkit.store.external.names import match_names
from vadkit.store.external.tables import read_table
from vadkit.video.boxes import BoxReader, BoxRows


def box_reader(boxes: Boxes | None) -> BoxReader | None:
    """A function that reads the files of `data.boxes`; None without them.

    Raises:
        DataError: a file cannot be read or is not a table of boxes. The message has the line.
    """
    if boxes is None:
        return None
    tables = {"train": read_boxes(boxes.train), "test": read_boxes(boxes.test)}

    def matched(split: Split, videos: Sequence[str]) -> Mapping[str, BoxRows]:
        found = tables[split]
        names = _matched(found, videos)
        return {names[name]: rows for name, rows in found.items()}

    return matched


@cache
def _of_content(path: Path, modified: int) -> dict[str, BoxRows]:
    del modified
    found: dict[str, BoxRows] = {}
    for series in read_table(path):
        if not are_boxes(list(series.columns)) or series.frames is None or not series.video:
            columns = ", ".join(series.columns)
            raise DataError(f"is not a table of boxes; it has the columns {columns}", where=str(path), fix=FORMS)
        boxes, lines = box_corners(series), np.asarray(series.lines)
        wrong = ~np.isfinite(boxes).all(1) | (boxes[:, 2:] <= boxes[:, :2]).any(1)
        if wrong.any():
            where = f"{path}, line {lines[wrong.argmax()]}"
            raise DataError("the box is empty, or not four numbers", where=where, fix=FORMS)
        if (early := series.frames < 0).any():
            where = f"{path}, line {lines[early.argmax()]}"
            fix = "count the frames of each video from 0"
            raise DataError(f"frame {series.frames[early.argmax()]} is below 0", where=where, fix=fix)
        found[series.video] = BoxRows(str(path), series.frames, boxes, lines)
    return found


def read_boxes(path: Path) -> dict[str, BoxRows]:
    """Read a table of boxes: name of a video, as in the file -> its boxes.

    Raises:
        DataError: it cannot be read, or a row is not a box. The message has the line.
    """
    return _of_content(path, path.stat().st_mtime_ns)


def _matched(found: Mapping[str, BoxRows], videos: Sequence[str]) -> dict[str, str]:
    """Name in the file -> name in the data set."""
    for name, rows in found.items():  # one by one: the message names the line
        match_names([name], videos, where=f"{rows.where}, line {rows.lines[0]}", some=True)
    where = next(iter(found.values())).where if found else ""
    return match_names(list(found), videos, where=where, some=True)
