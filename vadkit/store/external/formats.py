"""Files of external scores: the known formats, and the ones that are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from vadkit.core.errors import DataError
from vadkit.core.folders import list_folder
from vadkit.store.external.arrays import PICKLED, PICKLES, kind, read_arrays
from vadkit.store.external.detections import are_boxes
from vadkit.store.external.json_files import read_objects
from vadkit.store.external.series import Series, columns_of
from vadkit.store.external.tables import read_table
from vadkit.store.scores import read_score_file

_READERS: dict[str, Callable[[Path], list[Series]]] = {
    **dict.fromkeys((".npz", ".npy"), read_arrays),
    **dict.fromkeys((".csv", ".tsv", ".txt"), read_table),
    **dict.fromkeys((".jsonl", ".json"), read_objects),
}
_REFUSED = {
    **dict.fromkeys(PICKLES, ("is a pickle", PICKLED)),
    ".mat": (
        "is a MATLAB file, in which each author names and nests the scores differently",
        "load it with scipy.io.loadmat and save an array per video with np.savez('scores.npz', **{video: scores, ...})",
    ),
}

_HOLDS_LABELS = ("seems to hold labels", "leave it out")
_NO_SCORES = {
    **dict.fromkeys(("label", "labels", "gt", "ground_truth", "abnormal", "is_abnormal", "gt_label"), _HOLDS_LABELS),
    **dict.fromkeys(("y", "target", "truth", "is_anomaly", "anomaly_label", "class"), _HOLDS_LABELS),
    **dict.fromkeys(
        ("video_name", "video_id", "name", "clip", "clip_id", "vid"), ("seems to name the video", "name it 'video'")
    ),
    **dict.fromkeys(
        ("frame_id", "frame_idx", "frame_index", "frame_number", "frame_no", "idx", "index"),
        ("seems to number the frame", "name it 'frame'"),
    ),
}
"""Name of a column -> what the column seems to do, and what to do about it."""
_OWN = "vadkit scores"


def read_series(path: Path, *, several: bool) -> list[Series]:
    """Read the series of a file or of the files of a folder, including files that vadkit wrote.

    If the only file of a folder holds `several` videos, a series without a name covers all of them, as in a file
    outside a folder. Otherwise it has the name of the file.

    Raises:
        DataError: unreadable, of an unknown form, or a column does not seem to hold scores.
    """
    files = _files(path)
    found: list[Series] = []
    for file in files:
        stored = kind(file)
        if stored == _OWN:
            own = read_score_file(file).spread()
            found.append(Series(own.name, own.components, str(file), None, own.scene, own.coverage, own.fps))
        elif stored:
            raise DataError(f"holds {stored}, not scores", where=str(file), fix="name the folder of the score files")
        else:
            alone = path.is_file() or (len(files) == 1 and several)
            found += [_named(series) for series in _read(file, alone=alone)]
    return found


def _files(path: Path) -> list[Path]:
    """The file itself, or the files of a folder in natural order, without hidden files and inner folders."""
    if path.is_file():
        return [_known(path)]
    if not path.is_dir():
        raise DataError("the file or folder does not exist", where=str(path), fix="check the path")
    files = [file for file in list_folder(path) if file.is_file()]
    if not files:
        inner = next((folder for folder in (path / "scores", path / "labels") if folder.is_dir()), None)
        fix = f"name {inner}" if inner else f"put one file per video here ({', '.join(_READERS)})"
        raise DataError("the folder holds no files", where=str(path), fix=fix)
    counts = Counter(_known(file).suffix.lower() for file in files)
    if len(counts) > 1:
        found = ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common())
        fix = "keep one format and move the other files away"
        raise DataError(f"the folder mixes formats: {found}", where=str(path), fix=fix)
    return files


def _read(path: Path, *, alone: bool) -> list[Series]:
    if not path.stat().st_size:
        raise DataError("is empty", where=str(path), fix="write one number per frame")
    found = _READERS[path.suffix.lower()](path)
    if not found or not all(series.size for series in found):
        raise DataError("holds an empty list or no list of numbers", where=str(path), fix="write one number per frame")
    if alone:
        return found
    if path.suffix.lower() == ".npz":
        # A key is the name of a component, not of a video.
        columns = {series.video: series.columns["score"] for series in found}
        columns = columns_of(columns, str(path)) if len(columns) > 1 else found[0].columns
        return [Series(path.stem, columns, str(path))]
    return [replace(series, video=series.video or path.stem) for series in found]


def _known(path: Path) -> Path:
    suffix = path.suffix.lower()
    if suffix in _READERS:
        return path
    unknown = f"the suffix {path.suffix!r} is not known" if suffix else "the name has no suffix"
    what, fix = _REFUSED.get(suffix, (unknown, f"known are {', '.join(_READERS)}; move other files away"))
    raise DataError(what, where=str(path), fix=fix)


def _named(series: Series) -> Series:
    """Name a single column "score"; refuse columns that hold something else."""
    if are_boxes(list(series.columns)):
        return series
    several = len(series.columns) > 1
    for name, numbers in series.columns.items():
        found = _NO_SCORES.get(name.strip().lower())
        if several and set(np.unique(numbers).tolist()) == {0.0, 1.0}:
            found = found or _HOLDS_LABELS
        if found:
            what = f"the column {name!r} {found[0]}: it would be evaluated as a score"
            raise DataError(what, where=series.where, fix=f"{found[1]}, or rename it if it is a score")
    return series if several else replace(series, columns={"score": next(iter(series.columns.values()))})
