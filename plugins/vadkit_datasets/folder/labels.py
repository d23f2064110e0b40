"""Where labels lie, in which form, and which of them belongs to which video."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, closest
from vadkit_datasets.folder.entries import Entry, Marks, Masks
from vadkit_datasets.folder.finding import folder_of, images_under
from vadkit_datasets.folder.intervals import read_object, read_table
from vadkit_datasets.label_files import array_of, names_of_arrays, read_array, read_text
from vadkit_datasets.layout import VIDEOS

FOUND = ("labels.csv", "labels.json", "labels.npz", "labels")
"""Looked for where the recipe names no labels."""
MASKS = "masks"
"""Looked for beside them."""
_FORMS = ".csv or .json with intervals, .npz with an array a video, or a folder of arrays or mask images"
_PER_VIDEO = (".npy", ".npz", ".txt", ".csv")

_T = TypeVar("_T")


def labels_of(root: Path, named: Path | None) -> Path | None:
    """The file or folder that frame labels come from; None if there are none.

    Raises:
        DataError: the one that the recipe names is not there, or it names none and there are two.
    """
    if named is not None:
        path = root / named.expanduser()
        if not path.exists():
            there = [entry.name for entry in root.iterdir() if entry.name[0] != "."]
            raise DataError("there are no such labels", where=str(path), fix=closest(named.name, there))
        return path
    found = [root / name for name in FOUND if (root / name).exists()]
    if len(found) > 1:
        both = " and ".join(path.name for path in found)
        fix = f"say which to read: labels: {found[0].name}"
        raise DataError(f"there are labels in several places: {both}", where=str(root), fix=fix)
    return found[0] if found else None


def read_labels(path: Path) -> Mapping[str, Entry]:
    """Video, as the labels name it -> what they say of it.

    Raises:
        DataError: unreadable, or of no known form.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        return _read_folder(path)
    if suffix == ".csv":
        return read_table(path)
    if suffix == ".json":
        return read_object(path)
    if suffix == ".npz":
        names = names_of_arrays(path)
        return {name: Marks(f"{path}, array {name!r}", partial(array_of, path, name)) for name in names}
    raise DataError("labels are of no known form", where=str(path), fix=f"known are {_FORMS}")


def read_mask_folders(path: Path) -> dict[str, Masks]:
    """Folder below `path` -> its mask images.

    Raises:
        DataError: unreadable.
    """
    found = {folder_of(paths).relative_to(path).as_posix(): paths for paths in images_under(path)}
    return {name: Masks(str(path / name), paths) for name, paths in found.items()}


def matched(entries: Mapping[str, _T], videos: Collection[str], others: Collection[str], path: Path) -> dict[str, _T]:
    """Test video -> its entry. A name may have the suffix of a file, and lack folders where it stays unique.

    Args:
        entries: by the names that the labels use.
        videos: names of the test videos.
        others: names of training videos, whose labels are passed over.
        path: of the labels.

    Raises:
        DataError: a name fits no video, or several, or two names fit one.
    """
    exact = {_plain(name): name for name in videos}
    short: dict[str, list[str]] = {}
    for name in videos:
        short.setdefault(PurePosixPath(_plain(name)).name, []).append(name)
    known = {_plain(name) for name in others}
    found: dict[str, str] = {}
    unknown: list[str] = []
    for given in entries:
        name = _plain(given)
        if name not in exact and name.partition("/")[0] in ("test", "testing"):
            name = name.partition("/")[2]
        if name not in exact and name in known:
            continue
        fits = [exact[name]] if name in exact else short.get(name, [])
        if len(fits) > 1:
            what = f"{given!r} may mean {' or '.join(sorted(fits))}"
            raise DataError(what, where=str(path), fix="write the folder as well")
        if not fits:
            unknown.append(given)
        elif found.setdefault(fits[0], given) != given:
            what = f"labels {fits[0]!r} twice, as {found[fits[0]]!r} and as {given!r}"
            raise DataError(what, where=str(path), fix="write the name of a video always alike")
    if unknown:
        others_too = f" (and {len(unknown) - 1} more names)" if len(unknown) > 1 else ""
        raise DataError(
            f"labels {unknown[0]!r}, and there is no such test video{others_too}",
            where=str(path),
            fix=closest(_plain(unknown[0]), exact.values()),
        )
    return {name: entries[given] for name, given in found.items()}


def _plain(name: str) -> str:
    """A name as it is compared: composed letters, forward slashes, no suffix of a video file."""
    path = PurePosixPath(unicodedata.normalize("NFC", name.strip().replace("\\", "/")))
    if path.suffix.lower() in VIDEOS:
        path = path.with_suffix("")
    return path.as_posix()


def _read_folder(path: Path) -> dict[str, Entry]:
    found: dict[str, Entry] = dict(read_mask_folders(path))
    for file in sorted(path.rglob("*")):
        below = file.relative_to(path)
        if file.suffix.lower() not in _PER_VIDEO or any(part.startswith(".") for part in below.parts):
            continue
        name = below.with_suffix("").as_posix()
        if name in found:
            raise DataError(f"labels {name!r} twice", where=str(path), fix="leave one file a video")
        found[name] = Marks(str(file), partial(array_in, file))
    if not found:
        fix = f"known are {', '.join(f'NAME{suffix}' for suffix in _PER_VIDEO)} and folders of mask images"
        raise DataError("holds no labels", where=str(path), fix=fix)
    return found


def array_in(path: Path) -> NDArray[Any]:
    """What a file with the labels of one video holds: .npy, .npz with one array, or numbers as text.

    Raises:
        DataError: unreadable, or other than numbers.
    """
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return read_array(path)
    if suffix == ".npz":
        names = names_of_arrays(path)
        if len(names) != 1:
            what = f"holds {len(names)} arrays, not one: {', '.join(names)}"
            raise DataError(what, where=str(path), fix="leave the labels alone")
        return array_of(path, names[0])
    words = read_text(path).replace(",", " ").replace(";", " ").split()
    try:
        return np.array([float(word) for word in words])
    except ValueError as error:
        fix = "write one 0 or 1 a frame and nothing else; intervals of all videos go into labels.csv"
        raise DataError(f"does not hold numbers alone: {error}", where=str(path), fix=fix) from error
