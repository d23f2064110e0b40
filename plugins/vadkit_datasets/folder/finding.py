"""Find videos below a folder: files, and folders of images, all or those that match a pattern."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from vadkit.api import DataError, is_image, is_video, join_names, natural_key, walk_folders
from vadkit_datasets.folder.patterns import chosen, fits, has_suffix, leads, split

Source = Path | tuple[Path, ...]
"""A video file, or the images of a folder in natural order."""


def videos_under(folder: Path, ignored: list[Path]) -> Mapping[str, Source]:
    """Find every video below a folder, at any depth: name -> source. A name is the path there, without a suffix.

    `ignored` receives the files that are neither a video nor an image.

    Raises:
        DataError: a folder or file cannot be read, a link is broken or circular, a folder contains both video
            files and images, or two videos have the same name.
    """
    return _named(_select(folder, (), ignored), folder)


def videos_like(root: Path, patterns: Sequence[str], ignored: list[Path]) -> Mapping[str, Source]:
    """Find the videos that match any of the patterns, each once, named by their path below `root`.

    `*` and `?` match within a name, `**` matches any number of folders. A pattern that matches a folder selects
    everything in it. A pattern that ends with a suffix, such as `*.cam1`, selects all files with this suffix; other
    patterns select only files with a known suffix. `ignored` receives the other files that match.

    Raises:
        DataError: as `videos_under`, or a pattern matches no video.
    """
    sources: dict[Source, None] = {}
    for pattern in patterns:
        start, rest = split(root, pattern)
        found = list(_select(start, rest, ignored)) if start.is_dir() else []
        if not rest and start.is_file() and not is_image(start):
            found = [start]
        if not found:
            others = f"; it matches {join_names([path.name for path in ignored])}" if ignored else ""
            what = f"the pattern {pattern!r} matches no video file and no folder of images{others}"
            fix = "write it relative to this folder, check upper and lower case, and use ** to cross folders"
            raise DataError(what, where=str(root), fix=fix)
        sources |= dict.fromkeys(found)
    return _named(sources, root)


def folder_of(source: Source) -> Path:
    """The path that names a video: the file, or the folder of its images."""
    return source[0].parent if isinstance(source, tuple) else source


def _select(base: Path, pattern: tuple[str, ...], ignored: list[Path]) -> Iterator[Source]:
    """Yield the videos below `base` that match, or are in a folder that matches; an empty pattern matches `base`.

    `ignored` receives the other files.
    """
    any_suffix = bool(pattern) and has_suffix(pattern[-1])

    def enter(folder: Path) -> bool:
        parts = folder.relative_to(base).parts
        return leads(parts, pattern) or chosen(parts, pattern)

    for folder, files in walk_folders(base, enter):
        parts = folder.relative_to(base).parts
        matching = not chosen(parts, pattern)
        if matching:
            files = [path for path in files if fits((*parts, path.name), pattern)]
        images, videos = list[Path](), list[Path]()
        for path in files:
            known = is_video(path) or (matching and any_suffix)
            (images if is_image(path) else videos if known else ignored).append(path)
        if images and videos:
            what = f"the folder contains both video files ({videos[0].name}) and images ({images[0].name})"
            fix = "move the frames to another folder, or use a pattern, for example train: 'train/**/*.mp4'"
            raise DataError(what, where=str(folder), fix=fix)
        _check_readable(images or videos)
        if images:
            yield tuple(images)
        yield from videos


def _named(sources: Iterable[Source], base: Path) -> Mapping[str, Source]:
    found: dict[str, Source] = {}
    for source in sources:
        name = _name(source, base)
        if name in found:
            both = f"{folder_of(found[name])} and {folder_of(source)}"
            fix = "rename or remove one of them"
            raise DataError(f"two videos have the name {name!r}: {both}", where=str(base), fix=fix)
        found[name] = source
    return {name: found[name] for name in sorted(found, key=lambda name: (natural_key(name), name))}


def _name(source: Source, base: Path) -> str:
    path = folder_of(source)
    below = path.relative_to(base if path.is_relative_to(base) else path.anchor)
    if below == Path():
        return base.name
    return (below if isinstance(source, tuple) else below.with_suffix("")).as_posix()


def _check_readable(paths: Sequence[Path]) -> None:
    wrong = [path for path in paths if not os.access(path, os.R_OK)]
    if not wrong:
        return
    path, others = wrong[0], f" (and {len(wrong) - 1} more files)" if len(wrong) > 1 else ""
    what, fix = "no permission to read the file", "change its permissions, or move it out of the folder"
    if path.is_symlink() and not path.exists():
        what, fix = "the link is broken", "restore the file, or remove the link"
    raise DataError(f"{what}{others}", where=str(path), fix=fix)
