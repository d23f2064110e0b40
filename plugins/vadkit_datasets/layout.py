"""What the benchmarks' folders have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from vadkit.api import DataError, Split, VideoRef, natural_key

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
VIDEOS = frozenset({".avi", ".mp4", ".mkv", ".mov", ".m4v", ".webm", ".mpg", ".mpeg", ".ts", ".wmv"})
_HOLE = "extract the frames again: a hole would shift every later label"


def locate(root: Path | None, inside: Iterable[str], signs: Sequence[str], *, layout: str) -> Path:
    """The data set's folder: `root` itself or a folder inside it, by what it holds.

    Args:
        root: what the user named.
        inside: folders under `root` to try as well, nearest first.
        signs: files or folders of which the data set has at least one.
        layout: what must be on disk and where it comes from.

    Raises:
        DataError: no folder named, or none that holds any of `signs`.
    """
    if root is None:
        raise DataError("the data set needs a folder", where="--data-root", fix=layout)
    if not root.is_dir():
        raise DataError("no such folder", where=str(root), fix=layout)
    for base in (root, *(root / name for name in inside)):
        if any((base / sign).exists() for sign in signs):
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


def find_if_extracted(base: Path, folders: Sequence[str], *, fps: float, layout: str) -> list[VideoRef]:
    """`find_videos` if any of the folders is there; else nothing, for the videos may lie elsewhere.

    Raises:
        DataError: as `find_videos`.
    """
    if not any((base / name).is_dir() for name in folders):
        return []
    return find_videos(base, folders, fps=fps, layout=layout)


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
    return sorted((path for path in folder.iterdir() if path.name[0] != "."), key=lambda path: natural_key(path.name))


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


def _folder_of_frames(folder: Path, fps: float) -> VideoRef:
    frames = numbered_images(folder)
    return VideoRef(folder.name, frames, frames=len(frames), fps=fps)
