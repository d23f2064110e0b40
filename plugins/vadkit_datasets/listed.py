"""Helpers for data sets that store all videos together and define the splits by lists of names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vadkit.api import DataError, read_text
from vadkit_datasets.layout import VIDEOS

_EXTRACTED = frozenset({"training", "testing"})


def videos_below(base: Path) -> Mapping[str, tuple[Path, ...]]:
    """Name without suffix -> the video files of that name, at any depth, except in training/ and testing/.

    Raises:
        OSError: a folder cannot be read; `os.walk` would skip it silently.
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
    """The names in a list file, one per line, without folders and suffixes.

    Raises:
        DataError: the file is unreadable or empty.
    """
    lines = (line.strip() for line in read_text(path).splitlines())
    names = [Path(line).stem if Path(line).suffix.lower() in VIDEOS else Path(line).name for line in lines if line]
    if not names:
        raise DataError("the list is empty", where=str(path), fix="download it again")
    return names
