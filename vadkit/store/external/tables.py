"""Tables of text, with commas, semicolons, tabs or blanks between cells, with or without a header."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from vadkit.core.errors import DataError
from vadkit.store.external.series import RowCollector, Series, to_frame, to_number
from vadkit.store.external.text import decimal_comma, not_utf8

_Line = tuple[int, list[str]]

_HEADER = "name the columns in the first line: video, frame, then one or more columns of numbers"
_NAME = re.compile(r"[^\W\d]")


@dataclass(frozen=True, slots=True)
class _Layout:
    width: int  # cells of a row
    video: int | None  # index of the cell; None without that column
    frame: int | None
    numbers: dict[str, int]  # column -> index


def read_table(path: Path) -> list[Series]:
    """Read a table: one series per video; the video is "" if no column names it.

    An empty cell is NaN. So is an empty line in a table of one column. Lines that start with # are
    comments, but the last one before the first row may be the header.

    Raises:
        DataError: unreadable, a cell is not a number, or the columns are unknown.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            table = open_table(file)
            if table is None:
                raise DataError("is empty", where=str(path), fix="write one number per frame")
            if any("\0" in cell for cell in table[0][1]):
                raise not_utf8(path)
            return read_rows(*table, path)
    except UnicodeDecodeError as error:
        raise not_utf8(path) from error
    except csv.Error as error:
        raise DataError(f"cannot be read as a table: {error}", where=str(path), fix="write it again") from error
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path)) from error


def open_table(lines: Iterable[str], separators: str = "\t;,") -> tuple[_Line, list[str], Iterator[_Line]] | None:
    """The first row of a table, the names of its columns, and the rows below them; None without any row.

    The names are in the first row or in the last comment before it; otherwise they are empty. The first of `separators`
    in the first row separates cells; without any, blanks do.
    """
    lines, separator, comment = _peek(lines, separators)
    rows = (row for row in _cells(lines, separator) if not (row[1] and row[1][0].startswith("#")))
    first = next((row for row in rows if any(row[1])), None)
    if first is None:
        return None
    if _is_header(first[1]):
        return first, first[1], rows
    # np.savetxt writes the header as a comment.
    names = next((cells for _, cells in _cells([comment], separator)), [])
    return first, names if len(names) == len(first[1]) and _names_rows(names) else [], chain([first], rows)


def read_rows(first: _Line, names: list[str], rows: Iterable[_Line], path: Path) -> list[Series]:
    """The series of an open table; `path` is for messages.

    Raises:
        DataError: see `read_table`.
    """
    count, cells = first
    where = f"{path}, line {count}"
    bad = next((cell for cell in cells if not is_number(cell)), None)
    if bad is not None and cells is not names:
        raise DataError(f"{bad!r} is not a number", where=where, fix=decimal_comma(bad) + _HEADER)
    if not names and len(cells) > 2:
        what = f"{len(cells)} columns and no header"
        raise DataError(what, where=where, fix=f"write one row per frame; {_HEADER}")
    return _collect(rows, _layout(names or ["frame", "score"][-len(cells) :], where), path)


def _peek(file: Iterable[str], separators: str) -> tuple[Iterator[str], str, str]:
    """All lines, the separator in the first row, and the last comment before it."""
    lines, seen, comment = iter(file), list[str](), ""
    for line in lines:
        seen.append(line)
        text = line.strip()
        if text.startswith("#"):
            comment = text.lstrip("#").strip()
        elif text:
            break
    content = seen[-1] if seen else ""
    separator = next((mark for mark in separators if mark in content.strip(" \r\n")), " ")
    return chain(seen, lines), separator, comment


def _cells(lines: Iterable[str], separator: str) -> Iterator[_Line]:
    """Number and cells of each line; an empty line has no cells."""
    if separator == " ":
        lines = (line.strip() for line in lines)
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    for row in reader:
        yield reader.line_num, [cell.strip() for cell in row]


def is_number(cell: str) -> bool:
    """Whether a cell is empty or a number."""
    try:
        to_number(cell)
    except ValueError:
        return False
    return True


def _names_rows(cells: Sequence[str]) -> bool:
    """Whether these are names of columns, with the video or the frame among them."""
    return not {"video", "frame"}.isdisjoint(cell.lower() for cell in cells)


def _is_header(cells: Sequence[str]) -> bool:
    named = [cell for cell in cells if cell]
    return _names_rows(cells) or (bool(named) and all(_NAME.match(cell) and not is_number(cell) for cell in named))


def _layout(cells: Sequence[str], where: str) -> _Layout:
    lower = [cell.lower() for cell in cells]
    # The column without a name is the index that pandas writes.
    known = [name for name in lower if name and not name.startswith("unnamed:")]
    if twice := sorted({name for name in known if known.count(name) > 1}):
        raise DataError(f"the header names {', '.join(twice)} more than once", where=where, fix="rename the columns")
    numbers = {cells[i]: i for i, name in enumerate(lower) if name in known and name not in ("video", "frame")}
    if not numbers:
        raise DataError("the header names no column of scores", where=where, fix=_HEADER)
    video, frame = (lower.index(name) if name in lower else None for name in ("video", "frame"))
    return _Layout(len(cells), video, frame, numbers)


def _collect(lines: Iterable[_Line], layout: _Layout, path: Path) -> list[Series]:
    rows = RowCollector(list(layout.numbers), str(path))
    empty = 0
    for count, cells in lines:
        if not any(cells) and (layout.width > 1 or not cells):
            empty += layout.width == 1
            continue
        for _ in range(empty):
            rows.add("", None, (math.nan,), count)
        empty = 0
        _add(rows, cells, layout, count, f"{path}, line {count}")
    found = rows.series()
    if not found:
        raise DataError("holds a header and no rows", where=str(path), fix="write one row per frame")
    return found


def _add(rows: RowCollector, cells: Sequence[str], layout: _Layout, line: int, where: str) -> None:
    if len(cells) != layout.width:
        what = f"the row has {len(cells)} cells, the rows before it have {layout.width}"
        raise DataError(what, where=where, fix="write one cell per column, and names with blanks in quotes")
    video = "" if layout.video is None else cells[layout.video]
    if layout.video is not None and not video:
        raise DataError("the cell of the column 'video' is empty", where=where, fix="name the video in each row")
    cell, wanted = "", "a whole number: the column 'frame' counts from 0"
    try:
        frame = None if layout.frame is None else to_frame(to_number(cell := cells[layout.frame]))
        wanted = "a number"
        numbers = [to_number(cell := cells[index]) for index in layout.numbers.values()]
    except ValueError as error:
        what = f"{cell!r} is not {wanted}"
        fix = f"leave a cell without a score empty, write decimals with a point; {_HEADER}"
        raise DataError(what, where=where, fix=fix) from error
    rows.add(video, frame, numbers, line)
