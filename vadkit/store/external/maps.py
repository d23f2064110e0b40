"""Anomaly maps of other methods: NumPy files with an array (F, h, w) per video."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.folders import list_folder
from vadkit.store.external.arrays import load_arrays
from vadkit.store.external.names import match_names

Read = Callable[[], NDArray[np.floating[Any]]]
_SUFFIXES = (".npy", ".npz")
_FIX = "write one array (frames, height, width) of numbers per video: NAME.npy in a folder, or an .npz by name"


def are_maps(path: Path) -> bool:
    """Whether a file, or the first file of a folder, holds arrays of three dimensions."""
    if path.is_dir():
        path = next((file for file in list_folder(path) if file.suffix.lower() in _SUFFIXES), path)
    return any(len(shape) == 3 for shape in _shapes(path).values())


def read_maps(path: Path, lengths: Mapping[str, int], *, dropped: tuple[int, int] = (0, 0)) -> dict[str, Read]:
    """Video -> a function that reads its maps (F, h, w), higher = more anomalous.

    `lengths` is test video -> F. The frames that the method `dropped` at the start and end of each video are NaN.

    Raises:
        DataError: no maps, maps of other videos, or maps of another number of frames.
    """
    folder = path.is_dir()
    files = [file for file in list_folder(path) if file.suffix.lower() in _SUFFIXES] if folder else [path]
    found: dict[str, tuple[Path, str, tuple[int, ...]]] = {}
    for file in files:
        shapes = _shapes(file)
        if folder and len(shapes) != 1:
            raise DataError(f"holds {len(shapes)} arrays, not the maps of one video", where=str(file), fix=_FIX)
        found |= {file.stem if folder else key: (file, key, shape) for key, shape in shapes.items()}
    if not found:
        raise DataError("holds no maps", where=str(path), fix=_FIX)
    if len(found) == len(lengths) == 1 and not folder:
        found = dict(zip(lengths, found.values(), strict=True))
    names = match_names(list(found), lengths, where=str(path))
    read: dict[str, Read] = {}
    for given, (file, key, shape) in found.items():
        expected = lengths[names[given]] - sum(dropped)
        if len(shape) != 3 or shape[0] != expected or 0 in shape:
            what = f"the array has the shape {shape}, not ({expected}, height, width)"
            raise DataError(what, where=f"{file}, video {names[given]!r}", fix=_FIX)
        read[names[given]] = partial(_load, file, key, dropped)
    return {name: read[name] for name in lengths}


def _load(path: Path, key: str, dropped: tuple[int, int]) -> NDArray[np.floating[Any]]:
    if path.suffix.lower() == ".npy":
        maps = np.load(path, mmap_mode="r", allow_pickle=False)
    else:
        arrays = load_arrays(path)
        maps = arrays[key] if key in arrays else arrays[""]
    if maps.dtype.kind not in "biuf":
        raise DataError(f"the maps hold {maps.dtype}, not numbers", where=str(path), fix=_FIX)
    if not any(dropped):
        return maps
    size = maps.shape[1:]
    return np.concatenate([np.full((dropped[0], *size), np.nan), maps, np.full((dropped[1], *size), np.nan)])


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Array -> its shape, from the headers alone; nothing for another file, or a damaged one."""
    try:
        if path.suffix.lower() == ".npy":
            return {path.stem: np.load(path, mmap_mode="r", allow_pickle=False).shape}
        if path.suffix.lower() == ".npz":
            with zipfile.ZipFile(path) as archive:
                members = {name.removesuffix(".npy"): name for name in archive.namelist()}
                return {key: _shape(archive, name) for key, name in members.items()}
    except Exception:  # a damaged file fails in the zip, zlib, header or token code, each with its own exceptions
        return {}
    return {}


def _shape(archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return tuple(read(file)[0])
