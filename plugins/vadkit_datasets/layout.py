"""What the benchmarks' folders and label files have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import loadmat

from vadkit.api import DataError, Split, VideoRef, natural

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
VIDEOS = frozenset({".avi", ".mp4", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".ts", ".wmv"})
_GT_FRAME = re.compile(r"^[^%\n]*gt_frame\s*=\s*\[([^\]]*)\]", re.MULTILINE)
_HOLE = "extract the frames again: a hole would shift every later label"


def locate(root: Path | None, inside: Iterable[str], signs: Sequence[str], *, layout: str) -> Path:
    """The data set's folder: `root` itself or a folder inside it, by what it holds.

    Args:
        root: what the user named.
        inside: folders under `root` to try as well, nearest first.
        signs: sub-folders of which the data set has at least one.
        layout: what must be on disk and where it comes from.

    Raises:
        DataError: no folder named, or none that holds any of `signs`.
    """
    if root is None:
        raise DataError("the data set needs a folder", where="data.root", fix=layout)
    if not root.is_dir():
        raise DataError("no such folder", where=str(root), fix=layout)
    for base in (root, *(root / name for name in inside)):
        if any((base / sign).is_dir() for sign in signs):
            return base
    raise DataError(f"holds none of {', '.join(signs)}", where=str(root), fix=layout)


def find_videos(base: Path, folders: Sequence[str], *, fps: float, layout: str) -> list[VideoRef]:
    """Videos of the first of `folders` that holds any: files, or folders of frames.

    Raises:
        DataError: there are none, or a folder of frames is empty or has a hole.
    """
    for name in folders:
        found = [
            VideoRef(entry.stem, entry, fps=fps) if entry.is_file() else _folder_of_frames(entry, fps)
            for entry in entries(base / name)
            if entry.suffix.lower() in VIDEOS or (entry.is_dir() and not entry.name.endswith("_gt"))
        ]
        if found:
            _refuse_late_starts(found)
            return found
    raise DataError(f"no videos: looked for {', '.join(folders)}", where=str(base), fix=layout)


def found_if_any(find: Callable[[Split], Sequence[VideoRef]], split: Split) -> Sequence[VideoRef]:
    """The videos of a split, none where there are none."""
    try:
        return find(split)
    except DataError:
        return ()


def _refuse_late_starts(videos: Sequence[VideoRef]) -> None:
    """Frames count from 0 or from 1, in all folders alike: otherwise one has lost its first."""
    folders = [video.source for video in videos if isinstance(video.source, tuple)]
    first = min((number(frames[0]) for frames in folders), default=0)
    for frames in folders:
        if number(frames[0]) != first:
            what = f"frame {first} is missing, from which the other folders count ({frames[0].name} comes first)"
            raise DataError(what, where=str(frames[0].parent), fix=_HOLE)


def entries(folder: Path) -> list[Path]:
    """What a folder holds, in natural order; nothing hidden, and nothing if there is no folder."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if path.name[0] != "."), key=lambda path: natural(path.name))


def numbered_images(folder: Path) -> tuple[Path, ...]:
    """Image files of a folder in the order of their numbers.

    Raises:
        DataError: there are none, or a number is missing or doubled.
    """
    paths = sorted((path for path in entries(folder) if path.suffix.lower() in IMAGES), key=number)
    if not paths:
        raise DataError("holds no images", where=str(folder), fix="extract the frames again or remove the folder")
    numbers = [number(path) for path in paths]
    if numbers[0] > 1:
        raise DataError(f"frame 1 is missing ({paths[0].name} comes first)", where=str(folder), fix=_HOLE)
    for before, after, path in zip(numbers, numbers[1:], paths[1:], strict=False):
        if after != before + 1:
            what = f"frame {before + 1} is missing" if after > before else f"frame {after} is there twice"
            raise DataError(f"{what} ({path.name} comes next)", where=str(folder), fix=_HOLE)
    return tuple(paths)


def number(path: Path) -> int:
    """The last number in a file's name, extension left out.

    Raises:
        DataError: the name holds no number.
    """
    digits = re.findall(r"\d+", path.stem)
    if not digits:
        raise DataError("the name holds no number", where=str(path), fix="rename it, or move it out of the data set")
    return int(digits[-1])


def first_file(base: Path, names: Sequence[str], *, what: str, layout: str) -> Path:
    """The first of `names` that is a file under `base`.

    Raises:
        DataError: there is none.
    """
    for name in names:
        if (base / name).is_file():
            return base / name
    raise DataError(f"no {what}: looked for {', '.join(names)}", where=str(base), fix=layout)


def is_among(video: VideoRef, videos: Iterable[VideoRef]) -> bool:
    """Whether it is one of these; by source, for training videos may bear the same names."""
    return any(video.source == other.source for other in videos)


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


def _folder_of_frames(folder: Path, fps: float) -> VideoRef:
    frames = numbered_images(folder)
    return VideoRef(folder.name, frames, frames=len(frames), fps=fps)
