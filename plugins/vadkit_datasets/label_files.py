"""What the benchmarks' label files have in common."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import loadmat

from vadkit.api import DataError

_GT_FRAME = re.compile(r"^[^%\n]*gt_frame\s*=\s*\[([^\]]*)\]", re.MULTILINE)


def read_intervals(path: Path) -> list[NDArray[np.int64]]:
    """Abnormal intervals of every video, (2, K) each: first and last frame, counted from 1.

    Reads `.mat` files (`gt`: cells of 2xK, as Liu et al. 2018 ship them) and UCSD's `.m`.

    Raises:
        DataError: unreadable, or not of that form.
    """
    if path.suffix == ".m":
        lists = _GT_FRAME.findall(read_text(path))
        spans = [re.findall(r"(\d+)\s*(?::\s*(\d+))?", text) for text in lists]
        found = [np.array([[int(a), int(b or a)] for a, b in pairs], np.int64).reshape(-1, 2).T for pairs in spans]
    else:
        cells = read_cells(path, "gt")
        if any(cell.size and (cell.ndim != 2 or cell.shape[0] != 2) for cell in cells):
            raise DataError("'gt' must hold one 2xK array of intervals a video", where=str(path))
        found = [cell.astype(np.int64).reshape(2, -1) for cell in cells]
    if not found:
        raise DataError("holds no intervals", where=str(path), fix="fetch the label file again")
    return found


def from_intervals(spans: NDArray[np.int64], frames: int, *, where: str) -> NDArray[np.bool_]:
    """(2, K) intervals, counted from 1 and inclusive, -> (F,) bool.

    Raises:
        DataError: an interval is reversed or reaches beyond the video.
    """
    abnormal = np.zeros(frames, bool)
    for first, last in spans.T:
        if not 1 <= first <= last <= frames:
            raise DataError(
                f"the labels call frames {first} to {last} abnormal, the video has {frames} frames",
                where=where,
                fix="the labels belong to another version of the video, or frames are missing",
            )
        abnormal[first - 1 : last] = True
    return abnormal


def check_length(labels: int, frames: int, *, where: str, source: str) -> None:
    """Raise DataError unless there is one label a frame."""
    if labels != frames:
        raise DataError(
            f"{source} labels {labels} frames, the video has {frames}",
            where=where,
            fix="frames are missing, or the labels belong to another version of the video",
        )


def read_cells(path: Path, key: str) -> list[NDArray[Any]]:
    """The cells of a MATLAB cell array.

    Raises:
        DataError: unreadable, or no such cell array inside.
    """
    try:
        content = loadmat(path)
    # SciPy reports a damaged file by a dozen types of error, some of them zlib's and its own.
    except Exception as error:
        raise DataError(f"cannot be read as a .mat file: {error}", where=str(path), fix="fetch it again") from error
    cells = content.get(key)
    if cells is None or cells.dtype != object:
        names = ", ".join(name for name in content if not name.startswith("__")) or "nothing"
        raise DataError(f"holds no cell array {key!r}, but {names}", where=str(path), fix="fetch the label file again")
    return list(cells.ravel())


def read_array(path: Path) -> NDArray[Any]:
    """A `.npy` array.

    Raises:
        DataError: unreadable.
    """
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"cannot be read as a .npy file: {error}", where=str(path), fix="fetch it again") from error


def names_of_arrays(path: Path) -> list[str]:
    """The names of the arrays in a `.npz` archive.

    Raises:
        DataError: unreadable.
    """
    with _archive(path) as archive:
        return list(archive.files)


def array_of(path: Path, name: str) -> NDArray[Any]:
    """One array of a `.npz` archive.

    Raises:
        DataError: unreadable.
    """
    with _archive(path) as archive:
        try:
            return archive[name]
        # As below; damage of one array is met when it is read.
        except Exception as error:
            raise DataError(f"array {name!r} cannot be read: {error}", where=str(path), fix="write it again") from error


@contextlib.contextmanager
def _archive(path: Path) -> Iterator[Any]:
    with contextlib.ExitStack() as stack:
        try:
            # NumPy leaves a file open that it opened itself and cannot read.
            file = stack.enter_context(path.open("rb"))
            archive = stack.enter_context(np.load(file, allow_pickle=False))
        # zipfile and NumPy report damage by several types of error.
        except Exception as error:
            raise DataError(
                f"cannot be read as an .npz file: {error}", where=str(path), fix="write it again"
            ) from error
        yield archive


def read_text(path: Path) -> str:
    """A text file of whatever encoding.

    Raises:
        DataError: unreadable.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", where=str(path)) from error


def read_masks(paths: Sequence[Path]) -> NDArray[np.bool_]:
    """Mask images -> (F, H, W) bool, True where not black.

    Raises:
        DataError: an image is unreadable, or of another size than the first.
    """
    return np.stack(list(masks_of(paths)))


def masks_of(paths: Sequence[Path]) -> Iterator[NDArray[np.bool_]]:
    """Mask images one by one, each (H, W) bool, True where not black; of a JPEG, where brighter than half.

    Raises:
        DataError: an image is unreadable, or of another size than the first.
    """
    shape = None
    for path in paths:
        # JPEG leaves noise in the black around what is marked.
        black = 127 if path.suffix.lower() in {".jpg", ".jpeg"} else 0
        try:
            with Image.open(path) as image:
                mask = np.asarray(image.convert("L")) > black
        except (OSError, SyntaxError, ValueError) as error:
            raise DataError(f"cannot be decoded: {error}", where=str(path), fix="fetch it again") from error
        shape = shape or mask.shape
        if mask.shape != shape:
            raise DataError("differs in size from the masks before it", where=str(path), fix="fetch it again")
        yield mask
