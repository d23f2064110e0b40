"""Reads label files of every known form, for data sets and for `vadkit eval --labels`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.values import Labels, natural_key
from vadkit.core.video_labels import FrameLabels, IntervalLabels, VideoLabels, mask_images, mask_labels
from vadkit.store.external.arrays import PICKLED, is_unnamed, kind, load_arrays
from vadkit.store.external.label_json import read_json
from vadkit.store.external.label_tables import read_table
from vadkit.store.external.matlab import read_matlab
from vadkit.store.scores import read_labels

_OWN = "vadkit labels"
_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp"})
_FIRST = (".npy", ".npz", ".txt", ".csv")
_READERS: dict[str, Callable[[Path, str], dict[str, VideoLabels]]] = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), read_table),
    **dict.fromkeys((".json", ".jsonl"), read_json),
    **dict.fromkeys((".mat", ".m"), read_matlab),
}
_FORMS = f"known are {', '.join(sorted({*_FIRST, *_READERS}))}, and a folder of these or of mask images"
_UNNAMED = (
    "give an .npz with one array per video, a folder with one file per video, or a table with a column 'video'; "
    "for the labels of a data set, name the data set"
)

Scored = Mapping[str, tuple[int, float | None]]
"""Video -> number of frames F and frame rate (None if unknown)."""


def read_label_file(path: Path, video: str = "") -> dict[str, VideoLabels]:
    """Read a label file, or a folder of label files or mask images.

    Args:
        path: `.csv`, `.tsv`, `.txt`, `.json`, `.jsonl`, `.npz`, `.npy`, `.mat`, `.m`, or a folder.
            A file in a folder names its video by its path there, without the suffix.
        video: name of the video, for a single file without names.

    Returns:
        Video name as in the file -> its labels, not yet compared with the video.

    Raises:
        DataError: the file is unreadable or of an unknown form, or neither the file nor `video` names the video.
    """
    return _named(_read(path), video, path)


def frame_labels(path: Path, scored: Callable[[list[str]], Scored]) -> dict[str, Labels]:
    """The labels of a file for scores of the same videos.

    Args:
        path: see `read_label_file`.
        scored: gives F and frame rate of the named videos, from the scores. It is called if the labels do not
            state F, or are in seconds. Without names it gives all videos of the scores.

    Returns:
        Video name -> labels, in natural order.

    Raises:
        DataError: see `read_label_file`; or the labels do not fit the video.
    """
    by_video = _read(path, inner=False)
    if "" in by_video:
        videos = list(scored([]))
        by_video = _named(by_video, videos[0] if len(videos) == 1 else "", path)
    if not by_video:
        raise DataError("holds no labels", where=str(path), fix=_FORMS)
    names = sorted(by_video, key=natural_key)
    intervals = [labels for labels in by_video.values() if isinstance(labels, IntervalLabels)]
    needed = any(labels.stated is None or (labels.in_seconds and not labels.fps) for labels in intervals)
    lengths = scored(names) if needed else {}
    result: dict[str, Labels] = {}
    for name in names:
        frames, fps = lengths.get(name, (0, None))
        labels = by_video[name]
        abnormal = labels.frames(labels.length() or frames, fps)
        result[name] = Labels(abnormal, labels.pixels, source=labels.source or path.resolve().name)
    return result


def _read(path: Path, *, inner: bool = True) -> dict[str, VideoLabels]:
    """Read labels; a video without a name has the name "".

    If not `inner`, label files directly in a folder hide those of its inner folders.
    """
    if path.is_dir():
        return _read_folder(path, inner=inner)
    if not path.exists():
        raise DataError("the file or folder does not exist", where=str(path), fix="check the path")
    return _read_file(path, "")


def _named(by_video: Mapping[str, VideoLabels], video: str, path: Path) -> dict[str, VideoLabels]:
    if "" in by_video and not video:
        raise DataError("does not name the videos of the labels", where=str(path), fix=_UNNAMED)
    return {name or video: labels for name, labels in by_video.items()}


def _read_file(path: Path, video: str) -> dict[str, VideoLabels]:
    """Labels of one file; `video` is the name from the file's path in a folder."""
    suffix = path.suffix.lower()
    if suffix in (".pkl", ".pickle", ".pt", ".pth"):
        raise DataError("is a pickle", where=str(path), fix=PICKLED)
    file_kind = kind(path)
    if file_kind == _OWN:
        return {
            name: FrameLabels(f"{path}, video {name!r}", partial(np.asarray, labels.frames), labels.source)
            for name, labels in read_labels(path).items()
        }
    if file_kind:
        raise DataError(f"holds {file_kind}, not labels", where=str(path), fix="name a file of labels")
    if suffix == ".npy" or (suffix == ".npz" and video):
        return {video: FrameLabels(str(path), partial(_sole_array, path))}
    if suffix == ".npz":
        arrays = load_arrays(path)
        return {
            "" if len(arrays) == 1 and is_unnamed(name) else name: FrameLabels(
                f"{path}, array {name!r}", partial(np.asarray, array)
            )
            for name, array in arrays.items()
        }
    if suffix not in _READERS:
        raise DataError("is not a label file of a known form", where=str(path), fix=_FORMS)
    return _READERS[suffix](path, video)


def _read_folder(path: Path, *, inner: bool) -> dict[str, VideoLabels]:
    walk = _walk(path)
    folders = dict([next(walk)])
    label_files = [file for file in folders[path] if file.suffix.lower() in {*_FIRST, *_READERS}]
    if not inner and label_files:
        folders = {path: label_files}
    else:
        folders.update(walk)
    by_video: dict[str, VideoLabels] = {}
    all_files: list[Path] = []
    for folder, files in folders.items():
        images = [file for file in files if file.suffix.lower() in _IMAGES]
        if images:
            name = "" if folder == path else folder.relative_to(path).as_posix()
            by_video[name] = mask_labels(str(folder), len(images), partial(mask_images, images))
        all_files += files
    label_files = [file for file in all_files if file.suffix.lower() in _FIRST]
    if not label_files and not by_video:
        label_files = [file for file in all_files if file.suffix.lower() in _READERS]
    for file in label_files:
        name = file.relative_to(path).with_suffix("").as_posix()
        for video, labels in _read_file(file, name.removesuffix("_label") if file.suffix == ".mat" else name).items():
            if video in by_video:
                raise DataError(f"labels {video!r} twice", where=str(file), fix="keep one file per video")
            by_video[video] = labels
    if not by_video:
        raise DataError("holds no label files", where=str(path), fix=_FORMS)
    return by_video


def _walk(folder: Path, parents: tuple[tuple[int, int], ...] = ()) -> Iterator[tuple[Path, list[Path]]]:
    """Give each folder with its files in natural order, without hidden files. Links are followed."""
    try:
        status = folder.stat()
        entries = [entry for entry in os.scandir(folder) if not entry.name.startswith(".")]
        inner = {entry.name for entry in entries if entry.is_dir()}
    except OSError as error:
        fix = "correct its permissions or its link, or move it away"
        raise DataError(f"cannot be read: {error.strerror}", where=str(folder), fix=fix) from error
    identity = (status.st_dev, status.st_ino)
    if identity in parents:
        raise DataError("the link leads back to a folder that contains it", where=str(folder), fix="remove the link")
    names = sorted((entry.name for entry in entries), key=lambda name: (natural_key(name), name))
    yield folder, [folder / name for name in names if name not in inner]
    for name in names:
        if name in inner:
            yield from _walk(folder / name, (*parents, identity))


def _sole_array(path: Path) -> NDArray[Any]:
    arrays = load_arrays(path)
    if len(arrays) != 1:
        what = f"holds {len(arrays)} arrays, not one: {', '.join(arrays)}"
        raise DataError(what, where=str(path), fix="keep only the array of labels")
    return next(iter(arrays.values()))
