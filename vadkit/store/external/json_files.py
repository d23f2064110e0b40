"""JSON: one object per line, a list of objects, or one mapping from videos to lists of numbers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.store.external.series import RowCollector, Series, columns_of, to_frame
from vadkit.store.external.text import read_utf8

Items = list[tuple[str, dict[str, Any]]]
"""Where each item of a list of objects is, and the item."""

_FORMS = (
    'write {"video": "01", "frame": 0, "score": 0.5} or {"video": "01", "scores": [0.5, ...]} per line, '
    'or one mapping {"01": [0.5, ...], ...}'
)


def load_json(path: Path, forms: str, is_item: Callable[[dict[str, Any]], bool]) -> Items | dict[str, Any]:
    """The objects of a JSON file with one per line or a list of them, or else its content by video.

    A list of something else is the content of the video "". `forms` names the known content for messages. `is_item`
    tells whether the only object of a file is about one video, and does not map videos to their content.

    Raises:
        DataError: unreadable, not JSON, neither a list nor an object, or some items of a list are not objects.
    """
    text = read_utf8(path)
    if not text.strip():
        raise DataError("is empty", where=str(path), fix=forms)
    lines = [(count, line) for count, line in enumerate(text.split("\n"), 1) if line.strip()]
    if path.suffix.lower() == ".jsonl" or (len(lines) > 1 and _is_object(lines[0][1])):
        items = [(f"{path}, line {count}", _parse(line, path, count, forms)) for count, line in lines]
        if len(items) > 1 or isinstance(items[0][1], dict):
            return _objects(items, forms)
        content = items[0][1]
    else:
        content = _parse(text, path, 1, forms)
    if isinstance(content, dict):
        return [(str(path), content)] if is_item(content) else content
    if not isinstance(content, list) or not content:
        raise DataError("is empty" if content == [] else f"holds {_called(content)}", where=str(path), fix=forms)
    if isinstance(content[0], dict):
        return _objects([(f"{path}, item {count}", item) for count, item in enumerate(content, 1)], forms)
    return {"": content}


def _objects(items: Items, forms: str) -> Items:
    for where, item in items:
        if not isinstance(item, dict):
            raise DataError(f"is {_called(item)}, not an object", where=where, fix=forms)
    return items


def read_objects(path: Path) -> list[Series]:
    """Read JSON: one series per video; the video is "" if the file names none.

    null is NaN. In place of a list there may be a mapping from components to lists.

    Raises:
        DataError: unreadable, not JSON, or of an unknown form.
    """
    content = load_json(path, _FORMS, lambda item: isinstance(item.get("video"), str) or set(item) == {"scores"})
    if not content:
        raise DataError("is empty", where=str(path), fix=_FORMS)
    if isinstance(content, list):
        return items_to_series(content, path)
    places = {video: f"{path}, {video!r}" if video else str(path) for video in content}
    return [Series(video, _columns(value, places[video]), str(path)) for video, value in content.items()]


def _parse(text: str, path: Path, first: int, forms: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        where = f"{path}, line {first + error.lineno - 1}"
        raise DataError(f"is not JSON: {error.msg} (column {error.colno})", where=where, fix=forms) from error
    except RecursionError as error:
        raise DataError("is nested too deeply", where=str(path), fix=forms) from error
    except ValueError as error:
        raise DataError(str(error), where=f"{path}, line {first}", fix="correct it, or write the file again") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there more than once")
    return content


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def items_to_series(items: Items, path: Path) -> list[Series]:
    """One series per video, from objects of which each is a frame or a video.

    Raises:
        DataError: an item has other keys than the first.
    """
    keys = list(items[0][1])
    for where, item in items:
        if set(item) != set(keys):
            raise DataError(f"has the keys {_list(item)}, the objects before it {_list(keys)}", where=where, fix=_FORMS)
        if not isinstance(item.get("video", "01"), str) or item.get("video") == "":
            raise DataError("'video' is not a name in quotes", where=where, fix=_FORMS)
    if "scores" in keys and set(keys) <= {"video", "scores"}:
        return [Series(item.get("video", ""), _columns(item["scores"], where), str(path)) for where, item in items]
    names = [key for key in keys if key not in ("video", "frame")]
    if not names:
        raise DataError(f"the objects have only the keys {_list(keys)}", where=items[0][0], fix=_FORMS)
    rows = RowCollector(names, str(path))
    for where, item in items:
        try:
            frame = to_frame(float(to_numbers([item["frame"]], where)[0])) if "frame" in item else None
        except ValueError as error:
            raise DataError("'frame' is not a whole number", where=where, fix="count the frames from 0") from error
        rows.add(item.get("video", ""), frame, to_numbers([item[name] for name in names], where))
    return rows.series()


def _columns(value: Any, where: str) -> Mapping[str, NDArray[np.float64]]:
    """A list, or a mapping from components to lists of equal length."""
    if isinstance(value, list):
        return {"score": to_numbers(value, where)}
    if isinstance(value, dict) and value and all(isinstance(numbers, list) for numbers in value.values()):
        return columns_of({name: to_numbers(numbers, f"{where}, {name!r}") for name, numbers in value.items()}, where)
    raise DataError(f"is {_called(value)}, not a list of numbers", where=where, fix=_FORMS)


def to_numbers(values: Sequence[Any], where: str) -> NDArray[np.float64]:
    """(N,) float64 of a list, NaN for null.

    Raises:
        DataError: a value is not a number.
    """
    if set(map(type, values)) <= {int, float, bool}:
        numbers = values
    else:
        bad = next((value for value in values if not isinstance(value, int | float | None)), None)
        if bad is not None:
            fix = "write one number per frame, and null for a frame without one"
            raise DataError(f"{_called(bad)} is not a number", where=where, fix=fix)
        numbers = [np.nan if value is None else value for value in values]
    try:
        return np.array(numbers, np.float64)
    except OverflowError as error:
        raise DataError("a number is too large", where=where, fix="write finite numbers") from error


def _called(value: Any) -> str:
    """The JSON type of a value; a string in quotes."""
    if isinstance(value, str):
        return repr(value) if len(value) <= 40 else f"{value[:40]!r}..."
    names = {dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _list(keys: Iterable[str]) -> str:
    return ", ".join(keys) or "none"
