"""Label files: every form in which labels are read, by data sets and by `vadkit eval --labels`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.folders import is_image, walk_folders
from vadkit.core.values import Labels, natural_key
from vadkit.core.video_labels import FrameLabels, IntervalLabels, VideoLabels, mask_images, mask_labels
from vadkit.store.external.arrays import PICKLED, PICKLES, array_labels, kind, load_arrays
from vadkit.store.external.counts import known_total
from vadkit.store.external.label_json import read_json
from vadkit.store.external.label_tables import read_table
from vadkit.store.external.matlab import read_matlab
from vadkit.store.scores import read_labels

_OWN = "vadkit labels"
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


def read_label_file(path: Path, video: str = "") -> dict[str, VideoLabels]:
    """Read a label file, or a folder of label files or mask images: see `vadkit.api.read_label_file`.

    A file in a folder names its video by its path there, without the suffix.

    Raises:
        DataError: unreadable, of no known form, or without names of videos while `video` is empty.
    """
    return _named(_read(path), video, path)


def frame_labels(path: Path, scored: Callable[[list[str]], Scored]) -> dict[str, Labels]:
    """The labels of a file for scores of the same videos: video name -> labels, in natural order.

    `scored` gives F and frame rate by the scores, for the videos that the labels name; it is called where the labels do
    not state F, or are in seconds. With no names it gives the scores' own.

    Raises:
        DataError: see `read_label_file`; or the labels do not fit the video.
    """
    found = _read(path, inner=False)
    if "" in found:
        _refuse_joined(found[""], path)
        alone = list(scored([]))
        found = _named(found, alone[0] if len(alone) == 1 else "", path)
    if not found:
        raise DataError("holds no labels", where=str(path), fix=_FORMS)
    names = sorted(found, key=natural_key)
    spans = [labels for labels in found.values() if isinstance(labels, IntervalLabels)]
    needed = any(labels.stated is None or (labels.in_seconds and not labels.fps) for labels in spans)
    known = scored(names) if needed else {}
    read: dict[str, Labels] = {}
    for name in names:
        frames, fps = known.get(name, (0, None))
        labels = found[name]
        abnormal = labels.frames(labels.length() or frames, fps)
        read[name] = Labels(abnormal, labels.pixels, source=labels.source or path.resolve().name)
    return read


def _refuse_joined(labels: VideoLabels, path: Path) -> None:
    """Raise a DataError if an array without names holds the labels of all videos of a known data set."""
    if data_set := known_total(labels.length() or 0):
        what = f"one array holds the labels of all test videos of {data_set}, and does not say where each video ends"
        fix = "name the data set with --data, which reads such a file in its folder (--data-root); or split the array"
        raise DataError(what, where=str(path), fix=fix)


def _read(path: Path, *, inner: bool = True) -> dict[str, VideoLabels]:
    """`read_label_file` with "" for a video without a name; not `inner`: a folder's own label files, if it has any."""
    if path.is_dir():
        return _read_folder(path, inner=inner)
    if not path.exists():
        raise DataError("the file or folder does not exist", where=str(path), fix="check the path")
    return _read_file(path, "")


def _named(found: Mapping[str, VideoLabels], video: str, path: Path) -> dict[str, VideoLabels]:
    if "" in found and not video:
        raise DataError("does not name the videos that the labels belong to", where=str(path), fix=_UNNAMED)
    return {name or video: labels for name, labels in found.items()}


def _read_file(path: Path, video: str) -> dict[str, VideoLabels]:
    """Labels of one file; `video` is the name that its place in a folder gives it."""
    suffix = path.suffix.lower()
    if suffix in PICKLES:
        raise DataError("is a pickle", where=str(path), fix=PICKLED)
    stored = kind(path)
    if stored == _OWN:
        return {
            name: FrameLabels(f"{path}, video {name!r}", partial(np.asarray, labels.frames), labels.source)
            for name, labels in read_labels(path).items()
        }
    if stored:
        raise DataError(f"holds {stored}, not labels", where=str(path), fix="name a file of labels")
    if suffix == ".npy" or (suffix == ".npz" and video):
        return {video: FrameLabels(str(path), partial(_sole_array, path))}
    if suffix == ".npz":
        return array_labels(path, load_arrays(path))
    if suffix not in _READERS:
        raise DataError("is not a label file of a known form", where=str(path), fix=_FORMS)
    return _READERS[suffix](path, video)


def _read_folder(path: Path, *, inner: bool) -> dict[str, VideoLabels]:
    walk = walk_folders(path)
    folders = dict([next(walk)])
    own = [file for file in folders[path] if file.suffix.lower() in {*_FIRST, *_READERS}]
    folders = {path: own} if own and not inner else folders | dict(walk)
    found: dict[str, VideoLabels] = {}
    files: list[Path] = []
    for folder, there in folders.items():
        images = [file for file in there if is_image(file)]
        if images:
            name = "" if folder == path else folder.relative_to(path).as_posix()
            found[name] = mask_labels(str(folder), len(images), partial(mask_images, images))
        files += there
    kept = [file for file in files if file.suffix.lower() in _FIRST]
    if not kept and not found:
        kept = [file for file in files if file.suffix.lower() in _READERS]
    for file in kept:
        name = file.relative_to(path).with_suffix("").as_posix()
        for one, labels in _read_file(file, name.removesuffix("_label") if file.suffix == ".mat" else name).items():
            if one in found:
                raise DataError(f"labels {one!r} twice", where=str(file), fix="keep one file per video")
            found[one] = labels
    if not found:
        raise DataError("holds no label files", where=str(path), fix=_FORMS)
    return found


def _sole_array(path: Path) -> NDArray[Any]:
    arrays = load_arrays(path)
    if len(arrays) != 1:
        what = f"holds {len(arrays)} arrays, not one: {', '.join(arrays)}"
        raise DataError(what, where=str(path), fix="keep the array of labels alone")
    return next(iter(arrays.values()))
