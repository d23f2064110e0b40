"""File formats of external scores: the known ones, and the ones that are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vadkit.core.errors import DataError
from vadkit.core.values import natural_key
from vadkit.store.external.arrays import PICKLED, PICKLES, read_arrays
from vadkit.store.external.json_files import read_objects
from vadkit.store.external.series import Series
from vadkit.store.external.tables import read_table

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


def find_files(path: Path) -> list[Path]:
    """The file itself, or the files of a folder in natural order, without hidden files and inner folders.

    Raises:
        DataError: nothing exists there, a format is not known, or the folder mixes formats.
    """
    if path.is_file():
        return [_known(path)]
    if not path.is_dir():
        raise DataError("the file or folder does not exist", where=str(path), fix="check the path")
    files = [file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
    if not files:
        inner = next((folder for folder in (path / "scores", path / "labels") if folder.is_dir()), None)
        fix = f"name {inner}" if inner else f"put one file per video here ({', '.join(_READERS)})"
        raise DataError("the folder holds no files", where=str(path), fix=fix)
    files = [_known(file) for file in sorted(files, key=lambda file: natural_key(file.name))]
    counts = Counter(file.suffix.lower() for file in files)
    if len(counts) > 1:
        found = ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common())
        fix = "keep one format and move the other files away"
        raise DataError(f"the folder mixes formats: {found}", where=str(path), fix=fix)
    return files


def read_file(path: Path, *, alone: bool) -> list[Series]:
    """The series of one file.

    Args:
        path: a file from `find_files`.
        alone: the file holds all videos, and a single series without a name covers all of them.
            Otherwise such a series has the name of the file.

    Raises:
        DataError: unreadable, or of an unknown form.
    """
    try:
        if not path.stat().st_size:
            raise DataError("is empty", where=str(path), fix="write one number per frame")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    found = _READERS[path.suffix.lower()](path)
    if not found or not all(series.size for series in found):
        raise DataError("holds an empty list or no list of numbers", where=str(path), fix="write one number per frame")
    if alone:
        return found
    if path.suffix.lower() == ".npz":
        if len(found) > 1:
            what = f"{len(found)} arrays in a file of a folder: {', '.join(series.video for series in found[:6])}"
            fix = "save one array per video, or give the path of the file if it holds all videos"
            raise DataError(what, where=str(path), fix=fix)
        return [replace(found[0], video=path.stem)]  # the key is the name of the array, not of the video
    return [replace(series, video=series.video or path.stem) for series in found]


def _known(path: Path) -> Path:
    suffix = path.suffix.lower()
    if suffix in _READERS:
        return path
    unknown = f"the suffix {path.suffix!r} is not known" if suffix else "the name has no suffix"
    what, fix = _REFUSED.get(suffix, (unknown, f"known are {', '.join(_READERS)}; move other files away"))
    raise DataError(what, where=str(path), fix=fix)
