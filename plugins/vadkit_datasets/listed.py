"""Data sets that ship all videos together, and the splits as lists of names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from vadkit.api import DataError, VideoRef, natural_key
from vadkit_datasets.label_files import read_text
from vadkit_datasets.layout import VIDEOS

_EXTRACTED = frozenset({"training", "testing"})


def videos_below(base: Path) -> Mapping[str, tuple[Path, ...]]:
    """Name without suffix -> the video files of that name, however deep; training/ and testing/ are left out.

    Raises:
        OSError: a folder may not be read; by itself `os.walk` passes it over.
    """

    def refuse(error: OSError) -> None:
        raise error

    found: dict[str, list[Path]] = {}
    for folder, inner, files in os.walk(base, onerror=refuse):
        inner[:] = sorted(name for name in inner if name not in _EXTRACTED and not name.startswith("."))
        for path in (Path(folder, name) for name in sorted(files) if not name.startswith(".")):
            if path.suffix.lower() in VIDEOS:
                found.setdefault(path.stem, []).append(path)
    return {name: tuple(paths) for name, paths in found.items()}


def names_in(path: Path) -> list[str]:
    """The names of a list, one a line, without their folders and suffixes.

    Raises:
        DataError: unreadable or empty.
    """
    lines = (line.strip() for line in read_text(path).splitlines())
    names = [Path(line).stem if Path(line).suffix.lower() in VIDEOS else Path(line).name for line in lines if line]
    if not names:
        raise DataError("the list is empty", where=str(path), fix="fetch it again")
    return names


def those_there(
    names: Iterable[str], files: Mapping[str, tuple[Path, ...]], *, fps: float, prefer: str = ""
) -> list[VideoRef]:
    """The listed videos that are there, in natural order.

    Args:
        names: of the list.
        files: as `videos_below` gives them.
        fps: of all.
        prefer: where a name is there twice, take the one in a folder whose name begins so.
    """
    found: list[VideoRef] = []
    for name in sorted(set(names) & files.keys(), key=natural_key):
        paths = sorted(files[name], key=lambda path: not path.parent.name.startswith(prefer))
        found.append(VideoRef(name, paths[0], fps=fps))
    return found
