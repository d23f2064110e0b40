"""Frame labels from files, for videos that belong to no data set that vadkit knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError, join_names
from vadkit.core.values import Labels, natural_key
from vadkit.store.external.arrays import kind
from vadkit.store.external.formats import find_files, read_file
from vadkit.store.external.json_files import load_json
from vadkit.store.external.series import Series
from vadkit.store.scores import read_labels

_OWN = "vadkit labels"
_LONGEST = 10**9  # frames: a year of video at 30 fps; more is a slip of the pen
_COLUMNS = "intervals are rows of video, first, last, frames; first and last count from 0 and are both abnormal"
_OBJECT = 'write {"01": {"frames": 180, "abnormal": [[60, 179]]}, ...}; frames count from 0, both ends are abnormal'
_VALUES = "write 1 for an abnormal frame and 0 for a normal one"

_Span = tuple[float, float]


def read_label_file(path: Path) -> dict[str, Labels]:
    """Read a file of labels, or a folder with one file a video.

    A folder of `.npy`, `.txt`, `.csv` or other arrays of 0 and 1; one `.npz` with an array a
    video; a table or JSON with a 0 or 1 for each video and frame; a table of intervals
    (video, first, last, frames) or a JSON mapping from videos to their frames and intervals;
    or the `labels.npz` of a run. Intervals count from 0 and include both ends.

    Returns:
        Video name -> labels, in natural order of the names.

    Raises:
        DataError: unreadable, a value is neither 0 nor 1, or no video is named.
    """
    source = path.resolve().name
    labels: dict[str, Labels] = {}
    for file in find_files(path):
        read = _read(file, path, source)
        if twice := labels.keys() & read.keys():
            what = f"{len(twice)} videos are there more than once: {join_names(sorted(twice, key=natural_key))}"
            raise DataError(what, where=str(file), fix="leave one of each")
        labels |= read
    return {name: labels[name] for name in sorted(labels, key=natural_key)}


def _read(file: Path, path: Path, source: str) -> dict[str, Labels]:
    marked = kind(file)
    if marked == _OWN:
        return read_labels(file)
    if marked:
        raise DataError(f"holds {marked}, not labels", where=str(file), fix="name a file of labels")
    if file.suffix.lower() == ".json":
        content = load_json(file)
        if isinstance(content, dict) and content and all(isinstance(value, dict) for value in content.values()):
            return {
                name: Labels(_from_object(value, f"{file}, {name!r}"), source=source) for name, value in content.items()
            }
    found = read_file(file, alone=path.is_file())
    twice = [name for name, count in Counter(series.video for series in found).items() if count > 1]
    if twice:
        twice.sort(key=natural_key)
        raise DataError(
            f"{len(twice)} videos are there more than once: {join_names(sorted(twice, key=natural_key))}",
            where=str(file),
            fix="leave one of each",
        )
    return {series.video: Labels(_frames(series), source=source) for series in found}


def _frames(series: Series) -> NDArray[np.bool_]:
    """(F,) bool of one video's rows."""
    if not series.video:
        raise DataError(
            f"holds {series.size} labels, but does not say of which videos",
            where=series.where,
            fix="give an .npz with one array a video, or a folder with one file a video; "
            "if the labels are those of a data set, name the data set",
        )
    where = f"{series.where}, video {series.video!r}"
    columns = {name.strip().lower(): values for name, values in series.columns.items()}
    if {"first", "last"} & columns.keys():
        return _from_rows(columns, where)
    if len(columns) > 1:
        what = f"has {len(columns)} columns of numbers: {', '.join(columns)}"
        raise DataError(what, where=where, fix=f"leave the labels alone, one column of 0 and 1; {_COLUMNS}")
    (values,) = columns.values()
    return _binary(_in_order(values, series, where), where)


def _in_order(values: NDArray[np.float64], series: Series, where: str) -> NDArray[np.float64]:
    """The values by frame; every frame must have one, for nothing else tells the video's length."""
    if series.frames is None:
        return values
    order = np.argsort(series.frames, kind="stable")
    wrong = np.flatnonzero(series.frames[order] != np.arange(series.size))
    if wrong.size:
        what = f"the frames are not 0 to {series.size - 1}, each once: the first to differ is frame {wrong[0]}"
        raise DataError(what, where=where, fix="write one row a frame, counted from 0, for normal frames as well")
    return values[order]


def _binary(values: NDArray[np.float64], where: str) -> NDArray[np.bool_]:
    wrong = np.flatnonzero((values != 0) & (values != 1))
    if wrong.size:
        value = values[wrong[0]]
        shown = "empty" if np.isnan(value) else f"{value:g}"
        what = f"frame {wrong[0]} is {shown}, not 0 or 1 ({wrong.size} of {values.size} frames)"
        raise DataError(what, where=where, fix=_VALUES)
    return values == 1


def _from_rows(columns: Mapping[str, NDArray[np.float64]], where: str) -> NDArray[np.bool_]:
    if missing := [name for name in ("first", "last", "frames") if name not in columns]:
        raise DataError(f"the table has no column {missing[0]!r}", where=where, fix=_COLUMNS)
    stated = set(columns["frames"][~np.isnan(columns["frames"])].tolist())
    if len(stated) != 1:
        what = f"the column 'frames' says {join_names(f'{frames:g}' for frames in stated) or 'nothing'}"
        raise DataError(what, where=where, fix="write the video's number of frames in each of its rows")
    spans = zip(columns["first"].tolist(), columns["last"].tolist(), strict=True)
    return _fill(stated.pop(), [span for span in spans if not np.isnan(span).all()], where, _COLUMNS)


def _from_object(value: Mapping[str, Any], where: str) -> NDArray[np.bool_]:
    frames, spans = value.get("frames"), value.get("abnormal")
    if set(value) != {"frames", "abnormal"}:
        raise DataError(f"has the keys {join_names(value) or 'none'}", where=where, fix=_OBJECT)
    if not _is_number(frames) or not isinstance(spans, list):
        raise DataError("'frames' is not a number or 'abnormal' is not a list", where=where, fix=_OBJECT)
    for span in spans:
        if not (isinstance(span, list) and len(span) == 2 and all(map(_is_number, span))):
            raise DataError(f"{span!r} is not [first, last]", where=where, fix=_OBJECT)
    return _fill(frames, [(first, last) for first, last in spans], where, _OBJECT)


def _fill(frames: float, spans: Iterable[_Span], where: str, fix: str) -> NDArray[np.bool_]:
    """(F,) bool, True from the first to the last frame of each span."""
    if not (1 <= frames <= _LONGEST and frames == int(frames)):
        raise DataError(f"{frames:g} is not a number of frames", where=where, fix=fix)
    abnormal = np.zeros(int(frames), bool)
    for first, last in spans:
        if not 0 <= first <= last < frames or first != int(first) or last != int(last):
            what = f"frames {first:g} to {last:g} are no interval of a video with the frames 0 to {frames - 1:g}"
            raise DataError(what, where=where, fix=fix)
        abnormal[int(first) : int(last) + 1] = True
    return abnormal


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LONGEST
