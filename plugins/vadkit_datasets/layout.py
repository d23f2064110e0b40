"""Files of a data set: videos, folders of frames, lists of names and label arrays."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.api import (
    DataError,
    Dataset,
    Split,
    VideoRef,
    count_frames,
    is_image,
    is_video,
    list_folder,
    read_text,
    walk_folders,
)

_EXTRACTED = frozenset({"training", "testing"})
HOLE = "extract the frames again, because a missing frame shifts every later label"


class OnDisk(Dataset):
    """A data set of files below one folder."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._found: dict[Split, Sequence[VideoRef]] = {}
        self._counted: dict[Path, int] = {}

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """The videos of a split that exist, in natural order of their names.

        Raises:
            DataError: there are no videos, or one cannot be read or named.
        """
        if split not in self._found:
            self._found[split] = self._find(split)
        return self._found[split]

    @abstractmethod
    def _find(self, split: Split) -> Sequence[VideoRef]:
        """The videos of a split; called once."""

    def _videos_if_any(self, split: Split) -> Sequence[VideoRef]:
        try:
            return self.videos(split)
        except DataError:
            return ()

    @cached_property
    def _test_sources(self) -> Mapping[str, object]:
        return {video.name: video.source for video in self.videos("test")}

    def _is_test_video(self, video: VideoRef) -> bool:
        """Whether it is a test video. Training videos may have the same names."""
        return self._test_sources.get(video.name) == video.source

    def _length(self, video: VideoRef) -> int:
        """F; if the data set does not state it, counted once by decoding the file."""
        if video.frames is not None:
            return video.frames
        assert isinstance(video.source, Path)
        if video.source not in self._counted:
            self._counted[video.source] = count_frames(video.source)
        return self._counted[video.source]


def videos_below(base: Path) -> Mapping[str, tuple[Path, ...]]:
    """Name without suffix -> the video files of that name, at any depth, except in training/ and testing/.

    Raises:
        DataError: a folder cannot be read.
    """
    found: dict[str, tuple[Path, ...]] = {}
    for _, files in walk_folders(base, lambda folder: folder.name not in _EXTRACTED):
        for path in files:
            if is_video(path):
                found[path.stem] = (*found.get(path.stem, ()), path)
    return found


def names_in(path: Path) -> list[str]:
    """The names in a list file, one per line, without folders and suffixes.

    Raises:
        DataError: the file is unreadable or empty.
    """
    lines = (line.strip() for line in read_text(path).splitlines())
    paths = [Path(line) for line in lines if line]
    names = [path.stem if is_video(path) else path.name for path in paths]
    if not names:
        raise DataError("the list is empty", where=str(path), fix="download it again")
    return names


def numbered_images(folder: Path) -> tuple[Path, ...]:
    """Image files of a folder in the order of their numbers.

    Raises:
        DataError: there are no images, or a number is missing or occurs twice.
    """
    paths = sorted((path for path in list_folder(folder) if is_image(path)), key=number)
    if not paths:
        raise DataError("no images", where=str(folder), fix="extract the frames again or remove the folder")
    numbers = [number(path) for path in paths]
    if numbers[0] > 1:
        raise DataError(f"frame 1 is missing ({paths[0].name} comes first)", where=str(folder), fix=HOLE)
    for before, after, path in zip(numbers, numbers[1:], paths[1:], strict=False):
        if after != before + 1:
            what = f"frame {before + 1} is missing" if after > before else f"frame {after} occurs twice"
            raise DataError(f"{what} ({path.name} comes next)", where=str(folder), fix=HOLE)
    return tuple(paths)


def number(path: str | Path) -> int:
    """The last number in the name of a file or video, without the extension.

    Raises:
        DataError: the name has no number.
    """
    digits = re.findall(r"\d+", Path(path).stem)
    if not digits:
        raise DataError("the name has no number", where=str(path), fix="rename it, or move it out of the data set")
    return int(digits[-1])


def check_length(labels: int, frames: int | None, *, where: str, source: str) -> None:
    """Raise DataError unless there is one label per frame, or the number of frames is unknown."""
    if frames not in (None, labels):
        what = f"{source} labels {labels} frames, the video has {frames}"
        fix = "extract the missing frames, or fetch the labels of this version of the video"
        raise DataError(what, where=where, fix=fix)


def read_array(path: Path) -> NDArray[Any]:
    """A `.npy` array.

    Raises:
        DataError: unreadable.
    """
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        what = f"cannot be read as a .npy file: {error}"
        raise DataError(what, where=str(path), fix="fetch the file again") from error
