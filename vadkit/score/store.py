"""Score files: the seam between torch on the left and numpy on the right.

One `.npz` a video under `RUN/scores/`, with no label in it; the labels of a run lie beside
them in `RUN/labels.npz`, so that a run can be judged again where its data set is absent.
Nothing is pickled, so a score file from elsewhere is safe to read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from vadkit.errors import DataError
from vadkit.files import write_aside
from vadkit.values import Labels, natural

_SCORES, _LABELS = "vadkit scores", "vadkit labels"
_VERSION = 1
_COMPONENT = "component/"
_LONGEST_NAME = 180  # file systems allow 255 bytes; the temporary file's name is longer

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class VideoScores:
    """The scores of one video as they are stored.

    Attributes:
        name: the video's name.
        scene: camera or scene identifier; empty if there is one scene.
        components: name -> (F,) float64, mean over the windows that score the frame, NaN
            where none does. Higher = more anomalous.
        coverage: (F,) int, windows that the frame appears in.
    """

    name: str
    scene: str
    components: Mapping[str, NDArray[np.float64]]
    coverage: NDArray[np.int64]

    def __post_init__(self) -> None:
        where = f"scores of video {self.name!r}"
        if not self.name:
            raise DataError("a video without a name has no score file")
        if not self.components or "" in self.components:
            raise DataError("there is no component, or one without a name", where=where)
        if self.coverage.ndim != 1 or not self.coverage.size:
            raise DataError(f"coverage has shape {self.coverage.shape}, not (F,) with F > 0", where=where)
        for name, scores in self.components.items():
            if scores.shape != self.coverage.shape:
                raise DataError(
                    f"component {name!r} has shape {scores.shape}, but coverage has {self.coverage.shape}", where=where
                )


def score_file(folder: Path, name: str) -> Path:
    """Where the scores of the video `name` lie: the name with unsafe characters escaped as in a URL."""
    safe = quote(name, safe=" ")
    if safe.startswith("."):
        safe = "%2E" + safe[1:]  # files with a leading dot are asides of a write that was killed
    if len(safe) > _LONGEST_NAME:
        safe = f"{safe[: _LONGEST_NAME - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return folder / f"{safe}.npz"


def write_scores(folder: Path, video: VideoScores) -> Path:
    """Write one video's score file, aside then renamed.

    Returns:
        The file written.

    Raises:
        RunFolderError: the folder cannot be written or the disk is full.
    """
    arrays = {_COMPONENT + name: np.asarray(scores, np.float64) for name, scores in video.components.items()}
    path = score_file(folder, video.name)
    _write(
        path,
        _SCORES,
        name=np.array(video.name),
        scene=np.array(video.scene),
        coverage=np.asarray(video.coverage, np.int64),
        **arrays,
    )
    return path


def read_scores(folder: Path) -> list[VideoScores]:
    """Read every score file of a folder (not of the folders in it), in natural order of the names.

    Raises:
        DataError: there is none, one is damaged or foreign, or two hold the same video.
    """
    paths = sorted(path for path in folder.glob("*.npz") if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise DataError("no score file here", where=str(folder), fix="score the test videos first, with 'vadkit run'")
    found: dict[str, Path] = {}
    videos: list[VideoScores] = []
    for path in paths:
        video = read_score(path)
        if video.name in found:
            raise DataError(f"video {video.name!r} is also in {found[video.name].name}", where=str(path))
        found[video.name] = path
        videos.append(video)
    return sorted(videos, key=lambda video: natural(video.name))


def read_score(path: Path) -> VideoScores:
    """Read one score file.

    Raises:
        DataError: it is missing, damaged or foreign.
    """
    return _read(path, _SCORES, _scores_of)


def write_labels(path: Path, labels: Mapping[str, Labels]) -> None:
    """Write the frame labels of a run's test videos into one file; masks and tracks stay with the data set.

    Args:
        path: usually `RUN/labels.npz`.
        labels: video name -> labels; videos that have none are left out.

    Raises:
        RunFolderError: the folder cannot be written or the disk is full.
    """
    arrays = {f"frames/{index}": np.asarray(label.frames, bool) for index, label in enumerate(labels.values())}
    names = np.array(list(labels), dtype=np.str_)
    _write(path, _LABELS, names=names, sources=np.array([label.source for label in labels.values()], np.str_), **arrays)


def read_labels(path: Path) -> dict[str, Labels]:
    """Read what `write_labels` wrote: video name -> labels without masks and tracks.

    Raises:
        DataError: the file is missing, damaged or foreign.
    """
    return _read(path, _LABELS, _labels_of)


def _write(path: Path, kind: str, **arrays: NDArray[Any]) -> None:
    with write_aside(path) as aside, aside.open("wb") as file:
        np.savez(file, allow_pickle=False, kind=np.array(kind), version=np.array(_VERSION), **arrays)


def _read(path: Path, kind: str, parse: Callable[[Mapping[str, NDArray[Any]]], _T]) -> _T:
    if not path.is_file():
        raise DataError("there is no such file", where=str(path), fix="score the test videos first, with 'vadkit run'")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        stored, version = str(arrays["kind"]), int(arrays["version"])
        if (stored, version) == (kind, _VERSION):
            return parse(arrays)
    # A damaged or foreign archive fails in the zip, zlib, header or pickle code, each in its own way.
    except Exception as error:
        raise DataError(
            f"not a readable file of {kind}: {type(error).__name__}: {error}",
            where=str(path),
            fix="delete the file and score that video again",
        ) from error
    raise DataError(
        f"holds {stored!r} version {version}, not {kind!r} version {_VERSION}",
        where=str(path),
        fix="read it with the version of vadkit that wrote it, or score again",
    )


def _scores_of(arrays: Mapping[str, NDArray[Any]]) -> VideoScores:
    components = {
        key.removeprefix(_COMPONENT): _typed(array, np.float64, key)
        for key, array in arrays.items()
        if key.startswith(_COMPONENT)
    }
    coverage = _typed(arrays["coverage"], np.int64, "coverage")
    return VideoScores(str(arrays["name"]), str(arrays["scene"]), components, coverage)


def _labels_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Labels]:
    names, sources = (arrays[key].tolist() for key in ("names", "sources"))
    return {
        name: Labels(_typed(arrays[f"frames/{index}"], np.bool_, name), source=source)
        for index, (name, source) in enumerate(zip(names, sources, strict=True))
    }


def _typed(array: NDArray[Any], dtype: type[np.generic], name: str) -> NDArray[Any]:
    if array.ndim != 1 or array.dtype != dtype:
        raise ValueError(f"{name!r} is {array.dtype}{array.shape}, not {dtype.__name__}(F,)")
    return array
