"""Files of numbers frame by frame: which formats are read, and which are refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vadkit.core.errors import DataError
from vadkit.core.values import natural_key
from vadkit.store.external.arrays import PICKLED, read_arrays
from vadkit.store.external.json_files import read_objects
from vadkit.store.external.series import Series
from vadkit.store.external.tables import read_table

_READERS: dict[str, Callable[[Path], list[Series]]] = {
    **dict.fromkeys((".npz", ".npy"), read_arrays),
    **dict.fromkeys((".csv", ".tsv", ".txt"), read_table),
    **dict.fromkeys((".jsonl", ".json"), read_objects),
}
_REFUSED = {
    **dict.fromkeys((".pkl", ".pickle", ".pt", ".pth"), ("is a pickle", PICKLED)),
    ".mat": (
        "is a MATLAB file, in which every author names and nests the scores in another way",
        "load it with scipy.io.loadmat and save one array a video with np.savez('scores.npz', **{video: scores, ...})",
    ),
}


def find_files(path: Path) -> list[Path]:
    """The file itself, or a folder's files in natural order: nothing hidden, no folders in it.

    Raises:
        DataError: nothing is there, a format is not known, or the folder holds several.
    """
    if path.is_file():
        return [_known(path)]
    if not path.is_dir():
        raise DataError("there is no such file or folder", where=str(path), fix="check the path")
    files = [file for file in path.iterdir() if file.is_file() and not file.name.startswith(".")]
    if not files:
        inner = next((folder for folder in (path / "scores", path / "labels") if folder.is_dir()), None)
        fix = f"name {inner}" if inner else f"put one file a video here ({', '.join(_READERS)})"
        raise DataError("the folder holds no files", where=str(path), fix=fix)
    files = [_known(file) for file in sorted(files, key=lambda file: natural_key(file.name))]
    counts = Counter(file.suffix.lower() for file in files)
    if len(counts) > 1:
        found = ", ".join(f"{count} {suffix}" for suffix, count in counts.most_common())
        raise DataError(
            f"the folder mixes formats: {found}", where=str(path), fix="leave one format, move the rest out"
        )
    return files


def read_file(path: Path, *, alone: bool) -> list[Series]:
    """The series of one file.

    Args:
        path: one of what `find_files` gives.
        alone: it stands for all videos, and a sole series without a video runs over them all;
            otherwise such a series is of the video that the file is named after.

    Raises:
        DataError: unreadable, or not of a form that is known.
    """
    try:
        if not path.stat().st_size:
            raise DataError("is empty", where=str(path), fix="write one number a frame")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
    found = _READERS[path.suffix.lower()](path)
    if not found or not all(series.size for series in found):
        raise DataError("holds an empty list or no list of numbers", where=str(path), fix="write one number a frame")
    if alone:
        return found
    if path.suffix.lower() == ".npz":
        if len(found) > 1:
            names = ", ".join(series.video for series in found[:6])
            what = f"{len(found)} arrays in a file of a folder: {names}"
            fix = "save one array a video, or name the file itself if it holds all videos"
            raise DataError(what, where=str(path), fix=fix)
        return [replace(found[0], video=path.stem)]  # the key is the array's name, not the video's
    return [replace(series, video=series.video or path.stem) for series in found]


def _known(path: Path) -> Path:
    suffix = path.suffix.lower()
    if suffix in _REFUSED:
        what, fix = _REFUSED[suffix]
        raise DataError(what, where=str(path), fix=fix)
    if suffix not in _READERS:
        what = f"the suffix {path.suffix!r} is not known" if suffix else "the name has no suffix"
        fix = f"known are {', '.join(_READERS)}; files of another kind must not lie among them"
        raise DataError(what, where=str(path), fix=fix)
    return path
