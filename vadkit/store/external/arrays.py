"""NumPy's own files, `.npy` and `.npz`; nothing in them is unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.store.external.series import Series

PICKLED = (
    "vadkit opens no pickles, for a pickle can run any program: where you trust the file, load it and save plain "
    "numbers with np.save('scores.npy', np.asarray(scores, float)) or np.savez('scores.npz', **{video: scores, ...})"
)
_UNNAMED = frozenset({"arr_0", "score", "scores", "label", "labels"})
_NPY, _ZIP, _PICKLE = b"\x93NUMPY", (b"PK\x03\x04", b"PK\x05\x06"), b"\x80"


def read_arrays(path: Path) -> list[Series]:
    """One series an array; a `.npy`, or a sole array by a name that says nothing, names no video.

    Raises:
        DataError: unreadable, pickled, or not arrays of one number a frame.
    """
    arrays = _load(path)
    if len(arrays) == 1:
        ((name, array),) = arrays.items()
        arrays = {"" if name in _UNNAMED else name: array}
    return [Series(name, {"score": _flat(array, path, name)}, str(path)) for name, array in arrays.items()]


def kind(path: Path) -> str:
    """What one of vadkit's own files says that it is; empty for any other file."""
    if path.suffix.lower() != ".npz":
        return ""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return str(archive["kind"]) if {"kind", "version"} <= set(archive.files) else ""
    # A damaged archive fails in many ways; whoever reads the whole of it says how.
    except Exception:
        return ""


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file:
            start = file.read(len(_NPY))
            file.seek(0)
            if start.startswith(_PICKLE):
                raise DataError("is a pickle", where=str(path), fix=PICKLED)
            if start == _NPY:
                return {"": np.load(file, allow_pickle=False)}
            if start.startswith(_ZIP):
                with np.load(file, allow_pickle=False) as archive:
                    return {name: np.asarray(archive[name]) for name in archive.files}
    except DataError:
        raise
    # A damaged file fails in the zip, zlib or header code, each in its own way.
    except Exception as error:
        if "allow_pickle" in str(error):
            raise DataError("holds Python objects, which are pickled", where=str(path), fix=PICKLED) from error
        raise DataError(
            f"cannot be read: {type(error).__name__}: {error}", where=str(path), fix="fetch or write it again"
        ) from error
    raise DataError("is no file of NumPy's", where=str(path), fix="write it with np.save or np.savez")


def _flat(array: NDArray[Any], path: Path, name: str) -> NDArray[np.float64]:
    where = f"{path}, array {name!r}" if name else str(path)
    if array.ndim != 1:
        fix = "save array.ravel()" if array.size == max(array.shape, default=1) else "reduce it to one number a frame"
        raise DataError(f"the array has shape {array.shape}, not (frames,)", where=where, fix=fix)
    if array.dtype.kind not in "biuf":
        raise DataError(f"the array holds {array.dtype}, not numbers", where=where, fix="save it as floats")
    return array.astype(np.float64)
