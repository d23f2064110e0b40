"""Labels from rows: tables of text, and JSON objects with the same columns."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError, closest
from vadkit.core.video_labels import FrameLabels, IntervalLabels, VideoLabels
from vadkit.store.external.series import Series, to_number
from vadkit.store.external.tables import is_number, open_table, read_rows
from vadkit.store.external.text import decimal_comma, read_utf8

_PAIRS = {("start_frame", "end_frame"): False, ("first", "last"): False, ("start_seconds", "end_seconds"): True}
_ENDS = frozenset(name for pair in _PAIRS for name in pair)
_DECIMALS = re.compile(r"(?:^|(?<=[;\t]))\s*[+-]?\d+,\d+\s*(?=[;\t\r\n]|$)")
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d*)?)")
INTERVALS = (
    "write the columns video, start_frame, end_frame (counted from 0, both abnormal) or video, start_seconds, "
    "end_seconds, and if known frames (length of the video); a normal video has one row with both ends empty"
)


def read_table(path: Path, video: str) -> dict[str, VideoLabels]:
    """Read a table, with `,`, `;`, tabs or blanks between columns: intervals, or one 0 or 1 per row.

    `video` names the video of a table without a column 'video'; empty if unknown.

    Raises:
        DataError: unreadable, or not labels; names the line.
    """
    try:
        return _read(read_utf8(path).splitlines(keepends=True), path, video)
    except csv.Error as error:
        raise DataError(f"cannot be read as a table: {error}", where=str(path), fix="write it again") from error


def _read(lines: Sequence[str], path: Path, video: str) -> dict[str, VideoLabels]:
    start = next((line for line in lines if line.strip()), "")
    if comma := next((cell for cell in _DECIMALS.findall(start) if ";" in start or "\t" in start), ""):
        raise DataError(f"{comma!r} has a decimal comma", where=str(path), fix=decimal_comma(comma) + INTERVALS)
    table = open_table(lines, "".join(sorted("\t;,", key=start.count, reverse=True)))
    if table is None:
        raise DataError("the table is empty", where=str(path), fix=INTERVALS)
    first, names, rows = table
    header = [cell.lower() for cell in names or first[1]]
    if are_intervals(header):
        rows = rows if names else islice(rows, 1, None)
        cells_at = ((f"{path}, line {n}", _by_column(header, cells, path, n)) for n, cells in rows if any(cells))
        return read_intervals(cells_at, header, path, video)
    if not names and all(map(is_number, _words(first[1]))):
        return {video: FrameLabels(str(path), partial(np.asarray, _values(rows, path)))}
    return of_series(read_rows(first, names, rows, path), video)


def _by_column(header: Sequence[str], cells: Sequence[str], path: Path, line: int) -> dict[str, str]:
    if any(cells[len(header) :]):
        what = f"the row has {len(cells)} cells, but the header has {len(header)}"
        fix = "write decimals with a point, and names with commas in quotes"
        raise DataError(what, where=f"{path}, line {line}", fix=fix)
    return dict(zip(header, cells, strict=False))


def are_intervals(columns: Collection[str]) -> bool:
    """Whether a table with these columns, in lower case, holds intervals."""
    return bool(_ENDS & set(columns)) or {"start", "end"} <= set(columns)


def read_intervals(
    rows: Iterable[tuple[str, Mapping[str, Any]]], columns: Collection[str], path: Path, video: str
) -> dict[str, VideoLabels]:
    """Rows with one interval each, or with none for a normal video -> labels by video.

    A row is its place and its cells by column. Columns are in lower case; those of no interval have no effect.

    Raises:
        DataError: a column is missing, or a row is not an interval.
    """
    pair = _pair(columns, path, named=not video)
    seconds = _PAIRS[pair]
    found: dict[str, IntervalLabels] = {}
    for where, cells in rows:
        name = cells.get("video") if "video" in columns else video
        if not name or not isinstance(name, str):
            raise DataError("the row names no video", where=where, fix=INTERVALS)
        labels = found.setdefault(name, IntervalLabels(f"{path}, video {name!r}"))
        ends = [_number(cells, key, seconds, where) for key in pair]
        if not all(map(math.isnan, ends)):
            if any(map(math.isnan, ends)):
                raise DataError(f"{pair[math.isnan(ends[1])]} is empty", where=where, fix=INTERVALS)
            labels.add(*ends, seconds=seconds, where=where)
        if not math.isnan(frames := _number(cells, "frames", False, where)):
            labels.state(frames, where=where)
        if seconds and (fps := _number(cells, "fps", False, where)) > 0:
            labels.fps = fps
    return dict(found)


def of_series(found: Iterable[Series], video: str) -> dict[str, VideoLabels]:
    """One 0 or 1 per row, video by video.

    Raises:
        DataError: a video is there twice, or there are several columns of numbers.
    """
    labels: dict[str, VideoLabels] = {}
    for series in found:
        name = series.video or video
        where = f"{series.where}, video {name!r}" if name else series.where
        if name in labels:
            raise DataError("the video is there more than once", where=where, fix="keep one of them")
        if len(series.columns) > 1:
            what = f"has {len(series.columns)} columns of numbers: {', '.join(series.columns)}"
            raise DataError(what, where=where, fix=f"keep one column of 0 and 1; for intervals {INTERVALS}")
        labels[name] = FrameLabels(where, partial(_in_order, series, where))
    return labels


def _in_order(series: Series, where: str) -> NDArray[np.float64]:
    """The values by frame; every frame must have one."""
    (values,) = series.columns.values()
    if series.frames is None:
        return values
    order = np.argsort(series.frames, kind="stable")
    wrong = np.flatnonzero(series.frames[order] != np.arange(series.size))
    if wrong.size:
        what = f"the frames are not 0 to {series.size - 1}, each once: the first to differ is frame {wrong[0]}"
        raise DataError(what, where=where, fix="write one row per frame, counted from 0, for normal frames as well")
    return values[order]


def _pair(columns: Collection[str], path: Path, *, named: bool) -> tuple[str, str]:
    """The two columns that hold the ends."""
    found = [pair for pair in _PAIRS if set(pair) <= set(columns)]
    if len(found) == 1 and ("video" in columns or not named):
        return found[0]
    if len(found) > 1:
        what = f"has several kinds of intervals: {', '.join(' and '.join(pair) for pair in found)}"
        raise DataError(what, where=str(path), fix="keep one kind")
    if not found and {"start", "end"} <= set(columns):
        fix = "name the columns start_frame and end_frame, or start_seconds and end_seconds"
        raise DataError("does not say whether start and end are frames or seconds", where=str(path), fix=fix)
    # The user most likely meant the pair of which one column is there.
    wanted = max(_PAIRS, key=lambda pair: len(set(pair) & set(columns)))
    missing = next(name for name in (*wanted, "video") if name not in columns)
    near = closest(missing, [name for name in columns if name]).partition("?")[0]
    hint = f"rename {near.split(chr(39))[1]!r}, or " if near.startswith("did you mean") else ""
    what = f"has no column {missing!r}, but {', '.join(columns)}"
    raise DataError(what, where=f"{path}, header", fix=hint + INTERVALS)


def _number(cells: Mapping[str, Any], key: str, seconds: bool, where: str) -> float:
    """A cell's number, NaN if it is empty; seconds may be written 0:01:23.5."""
    cell = cells.get(key)
    if isinstance(cell, str) and seconds and (clock := _CLOCK.fullmatch(cell)):
        hours, minutes, rest = clock.groups()
        return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest)
    try:
        if isinstance(cell, bool | list | dict):
            raise ValueError(cell)
        return to_number(cell or "") if cell is None or isinstance(cell, str) else float(cell)
    except (ValueError, OverflowError) as error:
        fix = decimal_comma(cell) + INTERVALS
        raise DataError(f"{key} is {cell!r}, not a number", where=where, fix=fix) from error


def _words(cells: Iterable[str]) -> list[str]:
    return [word for word in re.split(r"[\s,;\"]+", " ".join(cells)) if word]


def _values(rows: Iterable[tuple[int, Sequence[str]]], path: Path) -> NDArray[np.float64]:
    """The numbers of a text without a header; of rows of frame and label, the labels by frame."""
    found: list[list[float]] = []
    for count, cells in rows:
        try:
            found.append([to_number(word) for word in _words(cells)])
        except ValueError as error:
            what, fix = f"{' '.join(cells)!r} is not numbers", "write one 0 or 1 per frame and nothing else"
            raise DataError(what, where=f"{path}, line {count}", fix=f"{fix}; for intervals {INTERVALS}") from error
    found = [row for row in found if row]
    if (
        len(found) > 1
        and all(len(row) == 2 for row in found)
        and sorted(row[0] for row in found) == [*range(len(found))]
    ):
        found = [[label] for _, label in sorted(found, key=lambda row: row[0])]
    return np.array([value for row in found for value in row])
