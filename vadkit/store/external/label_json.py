"""Labels from JSON: a mapping from videos to intervals or frame labels, or objects with the columns of a table."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from vadkit.core.errors import DataError
from vadkit.core.video_labels import FrameLabels, IntervalLabels, VideoLabels
from vadkit.store.external.json_files import items_to_series, load_json, to_numbers
from vadkit.store.external.label_tables import are_intervals, of_series, read_intervals

_FORMS = (
    'write {"01": [[60, 179]], "02": [], "03": {"frames": 180, "abnormal": [[5, 9]]}, "04": {"abnormal_seconds": '
    '[[2.5, 4]]}, "05": [0, 0, 1]}; frames count from 0 and both ends are abnormal, [] is a normal video'
)
_KINDS = {"abnormal": False, "abnormal_seconds": True}


def read_json(path: Path, video: str) -> dict[str, VideoLabels]:
    """Read JSON, or one JSON object per line. `video` names the video of a file that names none.

    Raises:
        DataError: unreadable, or of another form; names the line or the video.
    """
    content = load_json(path, _FORMS, _is_row)
    if isinstance(content, dict):
        return {
            name or video: _of_video(value, f"{path}, video {name!r}" if name else str(path))
            for name, value in content.items()
        }
    columns = [key.strip().lower() for key in content[0][1]]
    if not are_intervals(columns):
        return of_series(items_to_series(content, path), video)
    rows = ((where, {key.strip().lower(): row[key] for key in row}) for where, row in content)
    return read_intervals(rows, columns, path, video)


def _is_row(content: dict[str, Any]) -> bool:
    """Whether an object is one video with its name, or frame labels without one."""
    scores = content.get("scores")
    flat = isinstance(scores, list) and bool(scores) and not isinstance(scores[0], list)
    return isinstance(content.get("video"), str) or (set(content) == {"scores"} and flat)


def _of_video(value: Any, where: str) -> VideoLabels:
    column: Any = next(iter(value.values())) if isinstance(value, dict) and len(value) == 1 else value
    flat = isinstance(column, list) and bool(column) and not any(isinstance(one, list) for one in column)
    if flat and not (isinstance(value, dict) and _KINDS.keys() & value.keys()):
        return FrameLabels(where, partial(np.asarray, to_numbers(column, where)))
    stated: Any = {"abnormal": value} if isinstance(value, list) else value
    if not isinstance(stated, dict) or not _KINDS.keys() & stated.keys() or stated.keys() - {*_KINDS, "frames", "fps"}:
        raise DataError(f"is {json.dumps(value)[:60]}", where=where, fix=_FORMS)
    labels = IntervalLabels(where)
    for key in ("frames", "fps"):
        number = stated.get(key)
        if number is not None and not (_is_number(number) and number > 0):
            raise DataError(f"{key!r} is {number!r}, not a number above 0", where=where, fix=_FORMS)
    if stated.get("frames") is not None:
        labels.state(stated["frames"], where=where)
    labels.fps = stated.get("fps")
    for key, seconds in _KINDS.items():
        pairs = stated.get(key, [])
        if not isinstance(pairs, list):
            raise DataError(f"{key!r} is not a list", where=where, fix=_FORMS)
        for pair in pairs:
            if not (isinstance(pair, list) and len(pair) == 2 and all(map(_is_number, pair))):
                raise DataError(f"{pair!r} is not [start, end]", where=where, fix=_FORMS)
            labels.add(*pair, seconds=seconds, where=where)
    return labels


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15
