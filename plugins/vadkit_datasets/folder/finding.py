"""Videos below a folder: files, and folders of images, all of them or those that a pattern names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vadkit.api import DataError, natural_key
from vadkit_datasets.folder.patterns import chosen, fits, leads, split
from vadkit_datasets.layout import IMAGES, VIDEOS

Source = Path | tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A video before anything is known of it but its name.

    Attributes:
        name: the path below the folder that names count from, without the suffix of a file.
        source: a video file, or the images of a folder in natural order.
    """

    name: str
    source: Source


def videos_under(folder: Path) -> list[Found]:
    """Every video below a folder, however deep, named by its path there.

    Raises:
        DataError: a folder or file cannot be read, a link leads nowhere or in a circle, a folder
            holds both video files and images, or two videos get one name.
    """
    return _named(_select(folder, ()), folder)


def videos_like(root: Path, patterns: Sequence[str]) -> list[Found]:
    """The videos that any of the patterns names, each once, named by their path below `root`.

    `*` and `?` do not cross a folder, `**` stands for any number of folders. A pattern that
    names a folder means everything in it.

    Raises:
        DataError: as `videos_under`, or a pattern names no video.
    """
    sources: dict[Source, None] = {}
    for pattern in patterns:
        place, rest = split(root, pattern)
        found = list(_select(place, rest)) if place.is_dir() else []
        if not rest and place.is_file() and place.suffix.lower() in VIDEOS:
            found = [place]
        if not found:
            raise DataError(
                f"{pattern!r} names no video file and no folder of images",
                where=str(root),
                fix="patterns are relative to this folder and tell upper from lower case; ** crosses folders",
            )
        sources |= dict.fromkeys(found)
    return _named(sources, root)


def images_under(folder: Path) -> list[tuple[Path, ...]]:
    """The images of every folder below this one, however deep, each in natural order.

    Raises:
        DataError: a folder or file cannot be read, or a link leads in a circle.
    """
    return [tuple(images) for _, images, _ in _walk(folder, ()) if images]


def folder_of(source: Source) -> Path:
    """What a video is called by: the file, or the folder of its images."""
    return source[0].parent if isinstance(source, tuple) else source


def _select(base: Path, pattern: tuple[str, ...]) -> Iterator[Source]:
    """Videos below `base` that match, or lie in a folder that matches; an empty pattern matches `base`."""
    for folder, images, files in _walk(base, pattern):
        parts = folder.relative_to(base).parts
        if not chosen(parts, pattern):
            images = [path for path in images if fits((*parts, path.name), pattern)]
            files = [path for path in files if fits((*parts, path.name), pattern)]
        if images and files:
            raise DataError(
                f"holds both video files ({files[0].name}) and images ({images[0].name})",
                where=str(folder),
                fix="put the frames into a folder of their own, or choose by pattern, such as train: 'train/**/*.mp4'",
            )
        _check_readable([*images, *files])
        if images:
            yield tuple(images)
        yield from files


def _walk(
    base: Path, pattern: tuple[str, ...], folder: Path | None = None, above: tuple[tuple[int, int], ...] = ()
) -> Iterator[tuple[Path, list[Path], list[Path]]]:
    """Each folder with its images and its video files, in natural order; links are followed."""
    folder = folder or base
    try:
        status = folder.stat()
        entries = sorted(os.scandir(folder), key=lambda entry: (natural_key(entry.name), entry.name))
    except OSError as error:
        raise _unreadable(folder, error) from error
    here = (status.st_dev, status.st_ino)
    if here in above:
        fix = "remove the link, or name the videos by patterns that keep clear of it"
        raise DataError("the link leads back to a folder that it lies in", where=str(folder), fix=fix)
    files: list[Path] = []
    inner: list[Path] = []
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            if entry.is_dir():
                inner.append(Path(entry.path))
                continue
        except OSError as error:
            raise _unreadable(Path(entry.path), error) from error
        path = Path(entry.path)
        if path.suffix.lower() in IMAGES | VIDEOS:
            files.append(path)
    images = [path for path in files if path.suffix.lower() in IMAGES]
    yield folder, images, [path for path in files if path.suffix.lower() in VIDEOS]
    for path in inner:
        parts = path.relative_to(base).parts
        if leads(parts, pattern) or chosen(parts, pattern):
            yield from _walk(base, pattern, path, (*above, here))


def _named(sources: Iterable[Source], base: Path) -> list[Found]:
    found: dict[str, Source] = {}
    for source in sources:
        name = _name(source, base)
        if name in found:
            both = f"{folder_of(found[name])} and {folder_of(source)}"
            raise DataError(
                f"two videos would be named {name!r}: {both}", where=str(base), fix="rename or remove one of the two"
            )
        found[name] = source
    order = sorted(found, key=lambda name: (natural_key(name), name))
    return [Found(name, found[name]) for name in order]


def _name(source: Source, base: Path) -> str:
    path = folder_of(source)
    inside = path.is_relative_to(base)
    below = path.relative_to(base if inside else path.anchor)
    if below == Path():
        return base.name
    return (below if isinstance(source, tuple) else below.with_suffix("")).as_posix()


def _check_readable(paths: Sequence[Path]) -> None:
    wrong = [path for path in paths if not os.access(path, os.R_OK)]
    if not wrong:
        return
    path, others = wrong[0], f" (and {len(wrong) - 1} more files)" if len(wrong) > 1 else ""
    if path.is_symlink() and not path.exists():
        what, fix = "the link leads to no file", "restore the file, or remove the link"
    else:
        what, fix = "may not be read by you", "change its permissions, or move it out of the folder"
    raise DataError(f"{what}{others}", where=str(path), fix=fix)


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"cannot be read: {error.strerror}", where=str(path), fix="mend its permissions or its link, or move it away"
    )
