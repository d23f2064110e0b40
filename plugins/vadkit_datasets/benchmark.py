"""The base of the published data sets."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from vadkit.api import DataError, Labels, Split, Track, VideoRef, is_video, join_names, list_folder, natural_key
from vadkit_datasets.layout import HOLE, OnDisk, number, numbered_images, videos_below
from vadkit_datasets.tracks import read_tracks


class Benchmark(OnDisk):
    """A published data set in one folder, with labels of its test videos. Subclasses set the attributes."""

    inside: Sequence[str] = ()  # names of the data set's folder below `root`, to try if `root` is another folder
    # folders of training videos, as files or folders of frames; the first with videos is used
    train_folders: ClassVar[tuple[str, ...]] = ("training/frames", "training/videos")
    test_folders: ClassVar[tuple[str, ...]] = ("testing/frames", "testing/videos")  # the same of the test videos
    signs: Sequence[str] = ()  # more files or folders that identify the data set's folder; one is enough
    fps: ClassVar[float]  # frames per second of all videos
    scene: ClassVar[str] = ""  # pattern of a video's name with the scene as its group; empty if there is one scene
    example: ClassVar[str] = ""  # a name that matches the pattern
    normal: ClassVar[str] = ""  # prefix of the normal training videos; the others are ignored
    # message for a split without videos, if the split is not defined by folders alone
    missing: ClassVar[Mapping[Split, str]] = {}
    totals: Mapping[str, int] = {}  # what `expected` returns

    def labels(self, video: VideoRef) -> Labels | None:
        """Ground truth of a test video; None for a training video.

        Raises:
            DataError: the labels are missing or do not fit the video.
        """
        return self._labels(video) if self._is_test_video(video) else None

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """The labelled test videos. Where the labels name all of them, the videos may be missing.

        Raises:
            DataError: the labels are missing or do not fit.
        """
        there = {video.name: video for video in self._videos_if_any("test")}
        return [(video, self._labels(video)) for video in self._labelled(there)]

    def expected(self) -> Mapping[str, int]:
        """Totals as published."""
        return self.totals

    @abstractmethod
    def _labels(self, video: VideoRef) -> Labels:
        """Labels of a test video, which may be missing itself."""

    def _labelled(self, there: Mapping[str, VideoRef]) -> Iterable[VideoRef]:
        """All labelled test videos by the label files, as in `there` if they exist; default: those that exist."""
        return there.values() or self.videos("test")

    def _listed(self, split: Split) -> Sequence[VideoRef]:
        """The videos of a split that has no folder."""
        del split
        return ()

    @cached_property
    def _files(self) -> Mapping[str, tuple[Path, ...]]:
        return videos_below(self._base)

    def _those_there(self, names: Iterable[str], prefer: str = "") -> list[VideoRef]:
        """The named videos that exist, in natural order; if a name occurs twice, from a folder with this prefix."""
        found: list[VideoRef] = []
        for name in sorted(set(names) & self._files.keys(), key=natural_key):
            path = min(self._files[name], key=lambda path: not path.parent.name.startswith(prefer))
            found.append(VideoRef(name, path, fps=self.fps))
        return found

    def _absent(self, name: str, frames: int | None = None) -> VideoRef:
        return self._placed(VideoRef(name, (), frames=frames, fps=self.fps))

    def _tracks(self, video: VideoRef, frames: int) -> tuple[Track, ...] | None:
        """The tracks of a test video from tracks/NAME.txt or testing/tracks/NAME.txt; None if neither exists."""
        file = self._first(f"{folder}/{video.name}.txt" for folder in ("tracks", "testing/tracks"))
        return read_tracks(file, frames) if file else None

    @cached_property
    def _base(self) -> Path:
        if self._root is None:
            raise DataError("the data set needs a folder", where="--data-root", fix=self.layout)
        if not self._root.is_dir():
            raise DataError("the folder does not exist", where=str(self._root), fix=self.layout)
        signs = (*self.train_folders, *self.test_folders, *self.signs)
        for base in (self._root / name for name in ("", *self.inside)):
            if any((base / sign).exists() for sign in signs):
                return base
        folders = ", ".join(f"{name}/" for name in self.inside)
        what = f"the folder contains none of {join_names(signs)}" + (f", and no folder {folders}" if folders else "")
        raise DataError(what, where=str(self._root.absolute()), fix=self.layout)

    def _find(self, split: Split) -> list[VideoRef]:
        folders = self._folders(split)
        found = next(filter(None, map(self._videos_in, folders)), ()) if folders else self._listed(split)
        what = f"no videos: looked for {', '.join(self.test_folders if split == 'test' else self.train_folders)}"
        if split in self.missing and (found or not folders):
            what = self.missing[split]
        if split == "train":
            found = [video for video in found if video.name.startswith(self.normal)]
        if not found:
            raise DataError(what, where=str(self._base), fix=self.layout)
        return [self._placed(video) for video in found]

    def _folders(self, split: Split) -> list[Path]:
        """The folders of a split that exist, in the order in which they are tried."""
        names = self.test_folders if split == "test" else self.train_folders
        return [self._base / name for name in names if (self._base / name).is_dir()]

    def ignored(self, split: Split) -> Sequence[Path]:
        """The folders of a split that are not read, because one before them has videos."""
        filled = [folder for folder in self._folders(split) if any(map(_is_entry, list_folder(folder)))]
        return filled[1:]

    def _videos_in(self, folder: Path) -> list[VideoRef]:
        """Video files and folders of frames. All folders start at the same number, 0 or 1."""
        found: list[VideoRef] = []
        for entry in list_folder(folder):
            if is_video(entry) and not entry.is_dir():
                found.append(VideoRef(entry.stem, entry, fps=self.fps))
            elif _is_entry(entry):
                frames = numbered_images(entry)
                found.append(VideoRef(entry.name, frames, frames=len(frames), fps=self.fps))
        starts = [video.source[0] for video in found if isinstance(video.source, tuple)]
        first = min(map(number, starts), default=0)
        for path in starts:
            if number(path) != first:
                what = f"frame {first} is missing: the other folders start with it, this one with {path.name}"
                raise DataError(what, where=str(path.parent), fix=HOLE)
        return found

    def _placed(self, video: VideoRef) -> VideoRef:
        """The video with its scene."""
        if not self.scene:
            return video
        found = re.match(self.scene, video.name)
        if found is None:
            fix = f"name it as the authors do, such as {self.example}, or move it out"
            raise DataError("the name has no scene", where=f"video {video.name!r}", fix=fix)
        return replace(video, scene=found[1])

    def _first(self, names: Iterable[str]) -> Path | None:
        """The first of `names` that is a file of the data set."""
        return next((self._base / name for name in names if (self._base / name).is_file()), None)

    def _file(self, names: Sequence[str], what: str) -> Path:
        found = self._first(names)
        if found is None:
            raise DataError(f"no {what}: looked for {', '.join(names)}", where=str(self._base), fix=self.layout)
        return found


def _is_entry(path: Path) -> bool:
    """Whether it may be a video: a video file or a folder of frames."""
    return is_video(path) or (path.is_dir() and not path.name.endswith("_gt"))


def published(**counts: int) -> Mapping[str, int]:
    """Totals with the keys of `Dataset.expected`.

    >>> published(test_videos=21)
    {'test videos': 21}
    """
    return {name.replace("_", " "): count for name, count in counts.items()}
