"""Labels from MATLAB files: the `.mat` and `.m` files that come with benchmarks."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.files import read_text
from vadkit.core.video_labels import IntervalLabels, VideoLabels, mask_labels
from vadkit.store.external.arrays import array_labels
from vadkit.store.external.mat_file import MatFileError, list_variables, read_variables

_GT_FRAME = re.compile(r"^[^%\n]*gt_frame\s*=\s*\[([^\]]*)\]", re.MULTILINE)
_FORMS = (
    "known are a cell array 'gt' with one 2xK array of intervals per video, a cell array 'volLabel' with one mask per "
    "frame, and one array of 0 and 1 per video"
)


def read_matlab(path: Path, video: str) -> dict[str, VideoLabels]:
    """Read a MATLAB file.

    `gt` (Liu et al., CVPR 2018) holds one cell per video: first and last frames, counted from 1.
    The videos are named "1", "2" and so on. UCSD's `.m` files hold the same as `gt_frame` lists.
    `volLabel` (Avenue) holds the masks of one video, which gets the name `video`.

    Raises:
        DataError: unreadable, or of another form.
    """
    if path.suffix.lower() == ".m":
        spans = [re.findall(r"(\d+)\s*(?::\s*(\d+))?", text) for text in _GT_FRAME.findall(read_text(path))]
        found = [np.array([[float(a), float(b or a)] for a, b in pairs]).reshape(-1, 2).T for pairs in spans]
        return _intervals(found, path, "gt_frame")
    with _readable(path):
        variables = list_variables(path)
    for variable in variables:
        if variable.name == "volLabel" and variable.is_cell:
            return {video: mask_labels(str(path), int(np.prod(variable.shape)), partial(_masks, path))}
    content = load_matlab(path)
    if (cells := content.get("gt")) is not None and cells.dtype == object:
        return _intervals(list(cells.ravel()), path, "gt")
    arrays = {name: array for name, array in content.items() if array is not None and array.size > 1}
    if not arrays or len(arrays) < len(content) or any(array.dtype == object for array in arrays.values()):
        what = f"holds no cell array 'gt' or 'volLabel', but {', '.join(content) or 'nothing'}"
        raise DataError(what, where=str(path), fix=f"fetch the label file again; {_FORMS}")
    return array_labels(path, arrays)


def _intervals(cells: Sequence[NDArray[Any] | None], path: Path, name: str) -> dict[str, VideoLabels]:
    if not cells or not all(map(_is_spans, cells)):
        what = f"{name!r} must hold one 2xK array of intervals per video"
        raise DataError(what, where=str(path), fix="fetch the label file again")
    spans = [[(int(first), int(last)) for first, last in cell.reshape(2, -1).T] for cell in cells if _is_spans(cell)]
    return {str(n): IntervalLabels(f"{path}, {name} {n}", 1, pairs) for n, pairs in enumerate(spans, 1)}


def _is_spans(cell: NDArray[Any] | None) -> TypeGuard[NDArray[Any]]:
    if cell is None or cell.dtype == object:
        return False
    return not cell.size or (cell.ndim == 2 and cell.shape[0] == 2 and bool(np.isfinite(cell).all()))


def _masks(path: Path) -> Iterator[NDArray[np.bool_]]:
    cells, shape = load_matlab(path).get("volLabel"), None
    for cell in cells.ravel() if cells is not None else ():
        shape = shape or _shape(cell)
        if shape is None or _shape(cell) != shape:
            raise DataError("the masks differ in size", where=str(path), fix="fetch the label file again")
        yield cell != 0


def _shape(cell: NDArray[Any] | None) -> tuple[int, ...] | None:
    return cell.shape if cell is not None and cell.dtype != object else None


def load_matlab(path: Path) -> Mapping[str, NDArray[Any] | None]:
    """The arrays of a `.mat` file by name; None for a variable of another kind.

    Raises:
        DataError: unreadable.
    """
    with _readable(path):
        return read_variables(path)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (MatFileError, OSError) as error:
        what = f"cannot be read as a .mat file: {error}"
        raise DataError(what, where=str(path), fix="fetch the file again") from error
