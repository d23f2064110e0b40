"""NumPy files, `.npy` and `.npz`; nothing is unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.video_labels import FrameLabels, VideoLabels
from vadkit.store.external.series import Series, columns_of

PICKLES = (".pkl", ".pickle", ".pt", ".pth")
PICKLED = (
    "vadkit does not open pickles, since a pickle can run any program: if you trust the file, load it and save plain "
    "numbers with np.save('scores.npy', np.asarray(scores, float)) or np.savez('scores.npz', **{video: scores, ...})"
)
_UNNAMED = frozenset({"arr_0", "score", "scores", "label", "labels"})
_NPY, _ZIP, _PICKLE = b"\x93NUMPY", (b"PK\x03\x04", b"PK\x05\x06"), b"\x80"


def read_arrays(path: Path) -> list[Series]:
    """Read one series per array, or one per video if all keys have the form `VIDEO:COMPONENT`.

    Raises:
        DataError: unreadable, pickled, not arrays with one number per frame, or the components of a video differ in
            length.
    """
    arrays = {name: _flat(array, _where(path, name)) for name, array in load_arrays(path).items()}
    if not all(":" in name for name in arrays):
        return [Series(name, {"score": array}, str(path)) for name, array in arrays.items()]
    videos: dict[str, dict[str, NDArray[np.float64]]] = {}
    for name, array in arrays.items():
        video, _, component = name.rpartition(":")
        videos.setdefault(video, {})[component] = array
    return [Series(video, columns_of(found, f"{path}, {video!r}"), str(path)) for video, found in videos.items()]


def array_labels(path: Path, arrays: Mapping[str, NDArray[Any]]) -> dict[str, VideoLabels]:
    """Arrays of a file with one label per frame -> labels by the names of the arrays."""
    return {name: FrameLabels(_where(path, name), partial(np.asarray, array)) for name, array in arrays.items()}


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


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a `.npz` by name. That of a `.npy`, or a single one with a general name, has the name "".

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
                    arrays = {name: np.asarray(archive[name]) for name in archive.files}
                general = len(arrays) == 1 and arrays.keys() <= _UNNAMED
                return {"": next(iter(arrays.values()))} if general else arrays
    except DataError:
        raise
    # A damaged file fails in the zip, zlib or header code, each in its own way.
    except Exception as error:
        if "allow_pickle" in str(error):
            raise DataError("holds Python objects, which are pickled", where=str(path), fix=PICKLED) from error
        what = f"cannot be read: {type(error).__name__}: {error}"
        raise DataError(what, where=str(path), fix="fetch or write it again") from error
    raise DataError("is not a NumPy file", where=str(path), fix="fetch it again, or write it with np.save or np.savez")


def _where(path: Path, name: str) -> str:
    return f"{path}, array {name!r}" if name else str(path)


def _flat(array: NDArray[Any], where: str) -> NDArray[np.float64]:
    if array.ndim != 1:
        fix = "save array.ravel()" if array.size == max(array.shape, default=1) else "reduce it to one number per frame"
        raise DataError(f"the array has shape {array.shape}, not (frames,)", where=where, fix=fix)
    if array.dtype.kind not in "biuf":
        raise DataError(f"the array holds {array.dtype}, not numbers", where=where, fix="save it as floats")
    return array.astype(np.float64)
