"""Intervals from a CSV table or a JSON file."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from vadkit.api import DataError, closest
from vadkit_datasets.folder.entries import Spans, frame, interval
from vadkit_datasets.label_files import read_text

_VIDEO = "video"
_PAIRS = {
    ("start_frame", "end_frame"): False,
    ("first", "last"): False,  # as 'vadkit eval --labels' has them
    ("start_seconds", "end_seconds"): True,
}
_TABLE = (
    "write the columns video, start_frame, end_frame (counted from 0, both abnormal) or video, start_seconds, "
    "end_seconds; a normal video has one row with both left empty"
)
_OBJECT = (
    'write {"01": [[60, 179]], "02": [], "03": {"abnormal_seconds": [[2.5, 4]]}}; frames count from 0 and both ends '
    "are abnormal, [] is a normal video"
)
_CLOCK = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)")


def read_table(path: Path) -> dict[str, Spans]:
    """Video, as written -> its intervals, from a table with a header; `,`, `;` or tabs between the columns.

    Raises:
        DataError: unreadable, a column is missing, or a row makes no sense; names the line.
    """
    lines = read_text(path).removeprefix("\ufeff").splitlines()
    header = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=header.count)
    rows = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    columns: list[str] = []
    found: dict[str, Spans] = {}
    pair = ("", "")
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if not columns:
            columns = [cell.strip().lower() for cell in row]
            pair = _pair(columns, path)
            continue
        where = f"{path}, line {rows.line_num}"
        cells = {name: cell.strip() for name, cell in zip(columns, row, strict=False)}
        name = cells[_VIDEO]
        if not name:
            raise DataError("the row names no video", where=where, fix=_TABLE)
        spans = found.setdefault(name, Spans(f"{path}, video {name!r}", stated=_stated(cells, where)))
        if _stated(cells, where) not in (None, spans.stated):
            raise DataError(f"other rows of {name!r} state other 'frames'", where=where, fix="state the same in each")
        _add(spans, cells, pair, where)
    if not columns:
        raise DataError("the table is empty", where=str(path), fix=_TABLE)
    return found


def read_object(path: Path) -> dict[str, Spans]:
    """Video, as written -> its intervals, from JSON.

    Raises:
        DataError: unreadable, or of another form; names the video.
    """
    try:
        content = json.loads(read_text(path).removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        what = f"is no JSON: {error.msg}"
        raise DataError(what, where=f"{path}, line {error.lineno}", fix=_OBJECT) from error
    if not isinstance(content, dict):
        raise DataError("does not map videos to their intervals", where=str(path), fix=_OBJECT)
    return {name: _of_object(value, f"{path}, video {name!r}") for name, value in content.items()}


def _pair(columns: list[str], path: Path) -> tuple[str, str]:
    """The two columns that hold the ends."""
    found = [pair for pair in _PAIRS if set(pair) <= set(columns)]
    if _VIDEO in columns and len(found) == 1:
        return found[0]
    if len(found) > 1:
        what = f"has several kinds of intervals: {', '.join(' and '.join(pair) for pair in found)}"
        raise DataError(what, where=str(path), fix="leave one kind")
    if {"start", "end"} <= set(columns):
        fix = "name the columns start_frame and end_frame, or start_seconds and end_seconds"
        raise DataError("does not say whether start and end are frames or seconds", where=str(path), fix=fix)
    # The user most likely meant the pair that is nearly there.
    wanted = max(_PAIRS, key=lambda pair: len(set(pair) & set(columns)))
    missing = next(name for name in (_VIDEO, *wanted) if name not in columns)
    near = closest(missing, [name for name in columns if name]).partition("?")[0]
    hint = f"the nearest is {near.split(chr(39))[1]!r}; " if near.startswith("did you mean") else ""
    what = f"has no column {missing!r}, but {', '.join(columns)}"
    raise DataError(what, where=f"{path}, header", fix=hint + _TABLE)


def _add(spans: Spans, cells: Mapping[str, str], pair: tuple[str, str], where: str) -> None:
    texts = [cells.get(name, "") for name in pair]
    if not any(texts):
        return
    seconds = _PAIRS[pair]
    ends = [_number(text, name, seconds=seconds, where=where) for text, name in zip(texts, pair, strict=True)]
    first, last = interval(ends[0], ends[1], seconds=seconds, where=where)
    if seconds:
        spans.in_seconds.append((first, last))
    else:
        spans.in_frames.append((int(first), int(last)))


def _stated(cells: Mapping[str, str], where: str) -> int | None:
    text = cells.get("frames", "")
    return frame(_number(text, "frames", seconds=False, where=where), where=where) if text else None


def _number(text: str, name: str, *, seconds: bool, where: str) -> float:
    """A cell's number; seconds may be written 0:01:23.5."""
    found = _CLOCK.fullmatch(text)
    if not found or (":" in text and not seconds):
        what = f"{name} is {text!r}, not a number" if text else f"{name} is empty"
        raise DataError(what, where=where, fix=_TABLE)
    hours, minutes, rest = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest)


def _of_object(value: Any, where: str) -> Spans:
    given = {"abnormal": value} if isinstance(value, list) else value
    known = {"abnormal", "abnormal_seconds", "frames"}
    if not isinstance(given, dict) or not set(given) <= known or not {"abnormal", "abnormal_seconds"} & set(given):
        raise DataError(f"says {json.dumps(value)[:60]}", where=where, fix=_OBJECT)
    stated = given.get("frames")
    if not (stated is None or _is_number(stated)):
        raise DataError(f"'frames' is {stated!r}, not a number", where=where, fix=_OBJECT)
    spans = Spans(where, stated=None if stated is None else frame(stated, where=where))
    for key, seconds in (("abnormal", False), ("abnormal_seconds", True)):
        pairs = given.get(key, [])
        if not isinstance(pairs, list):
            raise DataError(f"{key!r} is no list", where=where, fix=_OBJECT)
        for pair in pairs:
            if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair))):
                raise DataError(f"{pair!r} is not [start, end]", where=where, fix=_OBJECT)
            first, last = interval(pair[0], pair[1], seconds=seconds, where=where)
            if seconds:
                spans.in_seconds.append((first, last))
            else:
                spans.in_frames.append((int(first), int(last)))
    return spans


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
