"""Where labels are, and which of them belongs to which video."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path, PurePosixPath

from vadkit.api import DataError, VideoLabels, closest, is_image, is_video, mask_images, mask_labels, walk_folders

FOUND = ("labels.csv", "labels.json", "labels.npz", "labels")  # read if the recipe names no labels
MASKS = "masks"  # folder of mask images, read in addition


def labels_of(root: Path, named: Path | None) -> Path | None:
    """The file or folder of the frame labels; None if there are none.

    Raises:
        DataError: the labels that the recipe names do not exist, or it names none and there are several.
    """
    if named is not None:
        path = root / named.expanduser()
        if not path.exists():
            there = [entry.name for entry in root.iterdir() if entry.name[0] != "."]
            raise DataError("the labels do not exist", where=str(path), fix=closest(named.name, there))
        return path
    found = [root / name for name in FOUND if (root / name).exists()]
    if len(found) > 1:
        both = " and ".join(path.name for path in found)
        fix = f"choose one in the recipe: labels: {found[0].name}"
        raise DataError(f"there are labels in several places: {both}", where=str(root), fix=fix)
    return found[0] if found else None


def read_mask_folders(path: Path) -> dict[str, VideoLabels]:
    """Folder in `path`, however deep -> its mask images.

    Raises:
        DataError: unreadable.
    """
    found: dict[str, VideoLabels] = {}
    for folder, files in walk_folders(path):
        if images := [file for file in files if is_image(file)]:
            name = folder.relative_to(path).as_posix()
            found[name] = mask_labels(str(folder), len(images), partial(mask_images, images))
    return found


def matched(
    entries: Mapping[str, VideoLabels], videos: Collection[str], others: Collection[str], path: Path
) -> dict[str, VideoLabels]:
    """Test video -> its labels.

    A name may include the suffix of a file. It may lack folders if it is still unique. A number also means the only
    video with that number. Labels of `others`, the training videos, are ignored.

    Raises:
        DataError: a name fits no video, or several, or two names fit one.
    """
    exact = {_plain(name): name for name in videos}
    short: dict[str, list[str]] = {}
    for name in videos:
        short.setdefault(PurePosixPath(_plain(name)).name, []).append(name)
    known = {_plain(name) for name in others}
    found: dict[str, str] = {}
    unknown: list[str] = []
    for given in entries:
        name = _plain(given)
        if name not in exact and name.partition("/")[0] in ("test", "testing"):
            name = name.partition("/")[2]
        if name not in exact and name in known:
            continue
        fits = [exact[name]] if name in exact else short.get(name, [])
        if not fits and name.isdecimal():
            fits = [video for video in videos if list(map(int, re.findall(r"\d+", video))) == [int(name)]]
        if len(fits) > 1:
            what = f"{given!r} may mean {' or '.join(sorted(fits))}"
            raise DataError(what, where=str(path), fix="write the name of the video with its folder")
        if not fits:
            unknown.append(given)
        elif found.setdefault(fits[0], given) != given:
            what = f"labels {fits[0]!r} twice, as {found[fits[0]]!r} and as {given!r}"
            raise DataError(what, where=str(path), fix="write the name of a video in one way")
    if unknown:
        others_too = f" (and {len(unknown) - 1} more names)" if len(unknown) > 1 else ""
        what = f"labels {unknown[0]!r}, but no test video has that name{others_too}"
        raise DataError(what, where=str(path), fix=closest(_plain(unknown[0]), exact.values()))
    return {name: entries[given] for name, given in found.items()}


def _plain(name: str) -> str:
    """A name as it is compared: composed letters, forward slashes, no suffix of a video file."""
    path = PurePosixPath(unicodedata.normalize("NFC", name.strip().replace("\\", "/")))
    if is_video(path):
        path = path.with_suffix("")
    return path.as_posix()
