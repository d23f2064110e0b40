"""Files of a data set in folders: the known suffixes, natural order, and a walk that follows links."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath

from vadkit.core.errors import DataError
from vadkit.core.values import natural_key

_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
IMAGE_FORMATS = ("JPEG", "PNG", "TIFF", "BMP")
"""Formats that Pillow may open. Of others, whatever their suffix, one even starts a program (EPS: Ghostscript)."""
# Suffixes of the video files that FFmpeg reads, without those of raw pixels, which need their size, and of animations.
_VIDEOS = frozenset(
    {
        *(".avi", ".divx", ".mp4", ".m4v", ".f4v", ".mov", ".qt", ".3gp", ".3g2", ".mkv", ".mk3d", ".webm"),
        *(".mpg", ".mpeg", ".mpe", ".m1v", ".m2v", ".m2p", ".vob", ".ts", ".mts", ".m2ts", ".m2t", ".trp", ".tod"),
        *(".wmv", ".asf", ".flv", ".kux", ".rm", ".rmvb", ".ogv", ".ogm", ".mxf", ".gxf", ".dv", ".nut", ".y4m"),
        *(".264", ".h264", ".avc", ".265", ".h265", ".hevc", ".266", ".h266", ".vvc", ".h261", ".h263", ".vc1"),
        *(".av1", ".obu", ".ivf", ".mjpg", ".mjpeg", ".dav", ".ifv", ".wtv", ".dvr-ms", ".amv"),
    }
)


def is_image(path: PurePath) -> bool:
    """Return whether the suffix is that of an image file."""
    return path.suffix.lower() in _IMAGES


def is_video(path: PurePath) -> bool:
    """Return whether the suffix is that of a video file."""
    return path.suffix.lower() in _VIDEOS


def list_folder(folder: Path) -> list[Path]:
    """Return the content of a folder in natural order, without hidden files."""
    return sorted((path for path in folder.iterdir() if path.name[0] != "."), key=_in_natural_order)


def walk_folders(
    folder: Path, enter: Callable[[Path], bool] = lambda _: True, above: tuple[tuple[int, int], ...] = ()
) -> Iterator[tuple[Path, list[Path]]]:
    """Yield each folder with its files, at any depth, in natural order, without hidden ones. Links are followed.

    `enter` tells whether to enter an inner folder; `above` identifies the folders that contain this one.

    Raises:
        DataError: a folder cannot be read, or a link points to a folder that contains it.
    """
    try:
        status = folder.stat()
        with os.scandir(folder) as entries:
            found = {Path(entry.path): entry.is_dir() for entry in entries if entry.name[0] != "."}
    except OSError as error:
        fix = "correct its permissions or its link, or move it away"
        raise DataError(f"cannot be read: {error.strerror}", where=str(error.filename or folder), fix=fix) from error
    here = (status.st_dev, status.st_ino)
    if here in above:
        fix = "remove the link, or use patterns that do not match it"
        raise DataError("the link points to a folder that contains it", where=str(folder), fix=fix)
    paths = sorted(found, key=_in_natural_order)
    yield folder, [path for path in paths if not found[path]]
    for path in paths:
        if found[path] and enter(path):
            yield from walk_folders(path, enter, (*above, here))


def _in_natural_order(path: Path) -> tuple[list[str | int], str]:
    return natural_key(path.name), path.name
