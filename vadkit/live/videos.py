"""Finds the videos of `vadkit score` and `vadkit calibrate`: files, folders, patterns and lists."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from vadkit.core.errors import DataError, join_names
from vadkit.core.files import reading, shorten
from vadkit.core.folders import is_image, is_video, list_folder, walk_folders
from vadkit.core.values import natural_key

_OUTSIDE = "@"


@dataclass(frozen=True, slots=True)
class Video:
    """A video file or a folder of images."""

    path: Path
    # unique name: the path relative to the current folder, or "@" and the absolute path of a video outside it
    name: PurePosixPath

    def fingerprint(self) -> list[int]:
        """Numbers that change when the video changes: number, size and newest time of its files."""
        with reading(str(self.path)):
            files = list_folder(self.path) if self.path.is_dir() else [self.path]
            states = [file.stat() for file in files]
        return [len(states), sum(state.st_size for state in states), max((s.st_mtime_ns for s in states), default=0)]


@dataclass(slots=True)
class Found:
    """The result of `find_videos`."""

    videos: list[Video] = field(default_factory=list)
    ignored: list[Path] = field(default_factory=list)  # files in folders that belong to no video


def find_videos(sources: Sequence[str], lists: Sequence[Path] = (), *, command: str = "vadkit score") -> Found:
    """Find videos, each once, in the order of the arguments.

    A folder gives all videos in it, at any depth: files with the suffix of a video, and folders of images without
    such files. Run folders in it are left out. A file that is named, or that matches a pattern, may have any suffix.

    Args:
        sources: files, folders, and patterns such as "night/**/*.mp4".
        lists: text files with one such source in each line. Lines that start with # are comments.
        command: the command that needs the videos, for messages.

    Raises:
        DataError: a source does not exist, or there are no videos.
    """
    found, here = Found(), Path.cwd()
    known: dict[str, None] = {}
    for where, source in [*((command, source) for source in sources), *_read_lists(lists)]:
        for path in _expand(source, where):
            for video in _videos_in(path, found.ignored):
                known.setdefault(os.path.normpath(here / video))  # links stay as they are named
    found.videos += [Video(Path(path), _name(Path(path), here)) for path in known]
    if not found.videos:
        given = join_names([*sources, *lists])
        what = f"no videos in {given}" if given else "no videos are named"
        raise DataError(what, where=command, fix="give video files, or folders that contain videos")
    return found


def _read_lists(lists: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """The place and the text of each line."""
    for path in lists:
        try:
            lines = os.fsdecode(path.read_bytes().removeprefix(b"\xef\xbb\xbf")).splitlines()
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror or error}", where=f"--list {path}") from error
        for number, line in enumerate(lines, 1):
            if line.strip() and not line.startswith("#"):
                yield f"{path}:{number}", line.strip()


def _expand(source: str, where: str) -> list[Path]:
    """The path, or the paths that match a pattern."""
    path = Path(source)
    if os.path.lexists(path):
        return [path]
    if "://" in source:
        fix = "download the file, or use 'vadkit watch', which reads streams"
        raise DataError(f"{source} is a URL", where=where, fix=fix)
    if not glob.has_magic(source):
        raise DataError(f"{source} does not exist", where=where, fix="correct the path")
    base = Path(path.anchor)
    try:
        matches = [match for match in base.glob(str(path.relative_to(base))) if match.name[0] != "."]
    except ValueError as error:  # before Python 3.13, ** must be a complete part of the path
        raise DataError(f"{source!r} is not a pattern: {error}", where=where, fix="correct the pattern") from error
    if not matches:
        raise DataError(f"no file matches {source!r}", where=where, fix="correct the pattern")
    return sorted(matches, key=lambda match: natural_key(str(match)))


def _videos_in(path: Path, ignored: list[Path]) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, files in walk_folders(path, lambda inner: not (inner / "recipe.yaml").is_file()):
        videos, images = [file for file in files if is_video(file)], any(map(is_image, files))
        if not videos and images:
            yield folder
        yield from videos
        ignored += [file for file in files if not is_video(file) and (videos or not is_image(file))]


def _name(path: Path, here: Path) -> PurePosixPath:
    if path.is_relative_to(here) and path != here:
        parts = path.relative_to(here).parts
    else:
        drive = path.drive.replace(":", "").strip("\\/")
        parts = (_OUTSIDE, *([drive] if drive else []), *path.parts[1:])
    return PurePosixPath(*map(shorten, parts))
