"""NumPy files, `.npy` and `.npz`; nothing is unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.store.external.series import Series

PICKLED = (
    "vadkit does not open pickles, since a pickle can run any program: if you trust the file, load it and save plain "
    "numbers with np.save('scores.npy', np.asarray(scores, float)) or np.savez('scores.npz', **{video: scores, ...})"
)
_UNNAMED = frozenset({"arr_0", "score", "scores", "label", "labels"})
_NPY, _ZIP, _PICKLE = b"\x93NUMPY", (b"PK\x03\x04", b"PK\x05\x06"), b"\x80"


def read_arrays(path: Path) -> list[Series]:
    """Read one series per array. A `.npy`, or a single array with a general name, names no video.

    Raises:
        DataError: unreadable, pickled, or not arrays with one number per frame.
    """
    arrays = load_arrays(path)
    if len(arrays) == 1:
        ((name, array),) = arrays.items()
        arrays = {"" if is_unnamed(name) else name: array}
    return [Series(name, {"score": _flat(array, path, name)}, str(path)) for name, array in arrays.items()]


def kind(path: Path) -> str:
    """The kind that a file written by vadkit states; "" for any other file."""
    if path.suffix.lower() != ".npz":
        return ""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return str(archive["kind"]) if {"kind", "version"} <= set(archive.files) else ""
    # A damaged archive fails in many ways; reading its arrays reports how.
    except Exception:
        return ""


def is_unnamed(name: str) -> bool:
    """Whether the name of a single array is general, and not that of a video."""
    return name in _UNNAMED


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a `.npz` by name; that of a `.npy` under the name "".

    Raises:
        DataError: unreadable, or pickled.
    """
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
    raise DataError("is not a NumPy file", where=str(path), fix="fetch it again, or write it with np.save or np.savez")


def _flat(array: NDArray[Any], path: Path, name: str) -> NDArray[np.float64]:
    where = f"{path}, array {name!r}" if name else str(path)
    if array.ndim != 1:
        fix = "save array.ravel()" if array.size == max(array.shape, default=1) else "reduce it to one number per frame"
        raise DataError(f"the array has shape {array.shape}, not (frames,)", where=where, fix=fix)
    if array.dtype.kind not in "biuf":
        raise DataError(f"the array holds {array.dtype}, not numbers", where=where, fix="save it as floats")
    return array.astype(np.float64)
