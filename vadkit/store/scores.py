"""Score files: the seam between torch on the left and numpy on the right.

One `.npz` a video under `RUN/scores/`, with no label in it; the labels of a run lie beside
them in `RUN/labels.npz`, so that a run can be judged again where its data set is absent.
Nothing is pickled, so a score file from elsewhere is safe to read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.files import atomic_write
from vadkit.core.values import Labels, Track, natural_key

_SCORES, _LABELS = "vadkit scores", "vadkit labels"
_REGIONS, _PLACES = "vadkit regions", "vadkit places"
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
        fps: frames per second; None if unknown.
        anomaly_maps: gives (F, h, w), where in the frame; None if such maps are not kept.
    """

    name: str
    scene: str
    components: Mapping[str, NDArray[np.float64]]
    coverage: NDArray[np.int64]
    fps: float | None = None
    anomaly_maps: Callable[[], NDArray[np.floating[Any]]] | None = None

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


@dataclass(frozen=True, slots=True)
class PositionStats:
    """Mean and deviation of one component's scores at each place of a window, each (T,), on training clips."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def standardise(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """(B, T) -> (B, T)."""
        return (scores - self.mean) / self.std


def score_file(folder: Path, name: str) -> Path:
    """Where the scores of the video `name` lie: the name with unsafe characters escaped as in a URL."""
    safe = quote(name, safe=" ")
    if safe.startswith("."):
        safe = "%2E" + safe[1:]  # files with a leading dot are asides of a write that was killed
    if len(safe) > _LONGEST_NAME:
        safe = f"{safe[: _LONGEST_NAME - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return folder / f"{safe}.npz"


def map_file(folder: Path, scorer: str, name: str) -> Path:
    """Where a scorer's maps of the video `name` lie, beside the scores under `folder`."""
    return folder / "anomaly_maps" / scorer / f"{score_file(folder, name).stem}.npy"


def write_scores(folder: Path, video: VideoScores, *, anomaly_maps: str = "") -> Path:
    """Write one video's score file, aside then renamed; its maps first, if it has any.

    Args:
        folder: usually `RUN/scores`.
        video: what to write.
        anomaly_maps: the scorer that its maps are from.

    Returns:
        The file written.

    Raises:
        RunFolderError: the folder cannot be written or the disk is full.
    """
    arrays: dict[str, NDArray[Any]] = {
        _COMPONENT + name: np.asarray(scores, np.float64) for name, scores in video.components.items()
    }
    path = score_file(folder, video.name)
    if video.anomaly_maps is not None:
        with atomic_write(map_file(folder, anomaly_maps, video.name)) as aside, aside.open("wb") as file:
            np.save(file, np.asarray(video.anomaly_maps(), np.float32), allow_pickle=False)
    arrays |= {"name": np.array(video.name), "scene": np.array(video.scene), "fps": np.array(video.fps or 0.0)}
    _write(path, _SCORES, arrays | {"coverage": np.asarray(video.coverage, np.int64)})
    return path


def read_scores(folder: Path, *, anomaly_maps: str = "") -> list[VideoScores]:
    """Read every score file of a folder (not of the folders in it), in natural order of the names.

    Args:
        folder: usually `RUN/scores`.
        anomaly_maps: the scorer whose maps come along, where they are kept.

    Raises:
        DataError: there is none, one is damaged or foreign, or two hold the same video.
    """
    paths = sorted(path for path in folder.glob("*.npz") if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise DataError("no score file here", where=str(folder), fix="score the test videos first, with 'vadkit run'")
    found: dict[str, Path] = {}
    videos: list[VideoScores] = []
    for path in paths:
        video = read_score(path, anomaly_maps=anomaly_maps)
        if video.name in found:
            raise DataError(f"video {video.name!r} is also in {found[video.name].name}", where=str(path))
        found[video.name] = path
        videos.append(video)
    return sorted(videos, key=lambda video: natural_key(video.name))


def read_score(path: Path, *, anomaly_maps: str = "") -> VideoScores:
    """Read one score file, with the maps of the scorer `anomaly_maps` if they are kept.

    Raises:
        DataError: it is missing, damaged or foreign.
    """
    video = _read(path, _SCORES, _scores_of)
    kept = map_file(path.parent, anomaly_maps, video.name)
    if not anomaly_maps or not kept.is_file():
        return video
    return replace(video, anomaly_maps=partial(_read_maps, kept, len(video.coverage)))


def _read_maps(path: Path, frames: int) -> NDArray[np.float32]:
    try:
        anomaly_maps = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"not a readable file of anomaly_maps: {error}", where=str(path), fix="delete it and score that video again"
        ) from error
    if anomaly_maps.ndim != 3 or len(anomaly_maps) != frames:
        raise DataError(f"holds maps of shape {anomaly_maps.shape}, but {frames} frames are scored", where=str(path))
    return anomaly_maps


def write_labels(path: Path, labels: Mapping[str, Labels]) -> None:
    """Write the frame labels of a run's test videos into one file; masks and tracks stay with the data set.

    Args:
        path: usually `RUN/labels.npz`.
        labels: video name -> labels; videos that have none are left out.

    Raises:
        RunFolderError: the folder cannot be written or the disk is full.
    """
    arrays: dict[str, NDArray[Any]] = {
        f"frames/{index}": np.asarray(label.frames, bool) for index, label in enumerate(labels.values())
    }
    arrays["names"] = np.array(list(labels), np.str_)
    arrays["sources"] = np.array([label.source for label in labels.values()], np.str_)
    _write(path, _LABELS, arrays)


def read_labels(path: Path, regions: Path | None = None) -> dict[str, Labels]:
    """Read what `write_labels` wrote: video name -> labels.

    Args:
        path: usually `RUN/labels.npz`.
        regions: the folder of `write_regions`; without it, or for videos that it lacks, there
            are no masks and tracks.

    Raises:
        DataError: the file is missing, damaged or foreign.
    """
    labels = _read(path, _LABELS, _labels_of)
    if regions is None or not regions.is_dir():
        return labels
    return {name: _with_regions(score_file(regions, name), label) for name, label in labels.items()}


def write_regions(folder: Path, name: str, labels: Labels) -> None:
    """Write one video's masks and tracks, so that a run can be judged by place where its data set is absent.

    Raises:
        RunFolderError: the folder cannot be written or the disk is full.
    """
    arrays: dict[str, NDArray[Any]] = {}
    if labels.masks is not None:
        masks = np.asarray(labels.masks(), bool)
        arrays |= {"shape": np.array(masks.shape), "masks": np.packbits(masks, axis=None)}
    if labels.tracks is not None:
        rows = [
            (number, frame, *box) for number, track in enumerate(labels.tracks) for frame, box in track.boxes.items()
        ]
        arrays["identities"] = np.array([track.identity for track in labels.tracks], np.str_)
        arrays["boxes"] = np.array(rows, np.int64).reshape(-1, 6)
    if labels.size is not None:
        arrays["size"] = np.array(labels.size, np.int64)
    _write(score_file(folder, name), _REGIONS, arrays, compressed=True)


def write_position_stats(path: Path, digest: str, places: Mapping[str, PositionStats]) -> None:
    """Keep what calibrated windows are standardised with.

    Args:
        path: beside the weights.
        digest: of all that it depends on.
        places: component -> its places.

    Raises:
        RunFolderError: the folder cannot be written or the disk is full.
    """
    arrays = {f"{part}/{name}": getattr(one, part) for name, one in places.items() for part in ("mean", "std")}
    _write(path, _PLACES, arrays | {"digest": np.array(digest)})


def read_position_stats(path: Path, digest: str) -> dict[str, PositionStats] | None:
    """Read what `write_position_stats` wrote; None if there is none, or of another digest.

    Raises:
        DataError: the file is damaged or foreign.
    """
    if not path.is_file():
        return None
    arrays = _read(path, _PLACES, dict)
    if str(arrays["digest"]) != digest:
        return None
    names = [key.removeprefix("mean/") for key in arrays if key.startswith("mean/")]
    return {name: PositionStats(arrays[f"mean/{name}"], arrays[f"std/{name}"]) for name in names}


def _with_regions(path: Path, labels: Labels) -> Labels:
    if not path.is_file():
        return labels
    keys, tracks, size = _read(path, _REGIONS, lambda arrays: (set(arrays), _tracks_of(arrays), _size_of(arrays)))
    masks = partial(_read, path, _REGIONS, _masks_of) if "masks" in keys else None
    return replace(labels, masks=masks, tracks=tracks, size=size)


def _size_of(arrays: Mapping[str, NDArray[Any]]) -> tuple[int, int] | None:
    if "size" not in arrays:
        return None
    height, width = arrays["size"].tolist()
    return height, width


def _masks_of(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    shape = tuple(int(size) for size in arrays["shape"])
    return np.unpackbits(arrays["masks"], count=int(np.prod(shape))).astype(bool).reshape(shape)


def _tracks_of(arrays: Mapping[str, NDArray[Any]]) -> tuple[Track, ...] | None:
    if "boxes" not in arrays:
        return None
    boxes: list[dict[int, tuple[int, int, int, int]]] = [{} for _ in arrays["identities"]]
    for number, frame, x0, y0, x1, y1 in arrays["boxes"].tolist():
        boxes[number][frame] = (x0, y0, x1, y1)
    return tuple(Track(str(name), one) for name, one in zip(arrays["identities"], boxes, strict=True))


def _write(path: Path, kind: str, arrays: Mapping[str, NDArray[Any]], *, compressed: bool = False) -> None:
    save: Any = np.savez_compressed if compressed else np.savez
    with atomic_write(path) as aside, aside.open("wb") as file:
        save(file, allow_pickle=False, kind=np.array(kind), version=np.array(_VERSION), **arrays)


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
    fps = float(arrays["fps"]) if "fps" in arrays else 0.0  # older files have none
    return VideoScores(str(arrays["name"]), str(arrays["scene"]), components, coverage, fps or None)


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
