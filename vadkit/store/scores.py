"""Score files: the seam between inference (torch) and evaluation (NumPy).

`RUN/scores/` has one `.npz` file for each video, without labels. `RUN/labels.npz` has the labels of all
videos, so that a run can be evaluated again without its data set. Nothing is pickled, so score files of
other people are safe to read. The writers raise RunFolderError if the folder cannot be written or the
disk is full.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.files import atomic_write
from vadkit.core.protocol import Overlap
from vadkit.core.values import Detections, Labels, Track, natural_key
from vadkit.video.sampling import Sampling

_SCORES, _LABELS = "vadkit scores", "vadkit labels"
_REGIONS, _POSITION_STATS = "vadkit regions", "vadkit places"
_VERSION = 1
_COMPONENT, _CALIBRATED = "component/", "calibrated/"
_NUMBERS, _NEAREST = "sampling/numbers", "sampling/nearest"
_LONGEST_NAME = 180  # file systems allow 255 bytes, and the temporary file's name is longer
_SCORE_AGAIN = "delete it and score that video again"

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class VideoScores:
    """The scores of one video, as a score file stores them."""

    name: str
    scene: str  # empty if there is one scene
    # name -> (F,) float64, mean over the windows that score the frame, NaN if no window does. Higher = more anomalous
    components: Mapping[str, NDArray[np.float64]]
    coverage: NDArray[np.int64]  # (F,) int, number of windows that show the frame
    fps: float | None = None  # frames per second; None if unknown
    # gives the anomaly maps (F, h, w); None if they are not stored
    anomaly_maps: Callable[[], NDArray[np.floating[Any]]] | None = None
    size: tuple[int, int] | None = None  # height and width of the video, in pixels; None if unknown
    # like `components`, but each position in a window was standardised before the mean; None if it was not measured
    calibrated: Mapping[str, NDArray[np.float64]] | None = None
    detections: Detections | None = None  # boxes of another method that gives boxes instead of maps; not stored
    times: NDArray[np.float64] | None = None  # seconds of each frame of the video if its frame rate varies; else None
    # which frames of the video are scored: then F above is their number; None if all are
    sampling: Sampling | None = None
    recorded: str | None = None  # clock time of the first frame, in ISO 8601; None if unknown

    def __post_init__(self) -> None:
        where = f"scores of video {self.name!r}"
        if not self.name:
            raise DataError("a video without a name has no score file")
        if not self.components or "" in self.components:
            raise DataError("a component is missing or has no name", where=where)
        if self.coverage.ndim != 1 or not self.coverage.size:
            raise DataError(f"coverage has shape {self.coverage.shape}, not (F,) with F > 0", where=where)
        for name, scores in self.components.items():
            if scores.shape != self.coverage.shape:
                what = f"component {name!r} has shape {scores.shape}, but coverage has {self.coverage.shape}"
                raise DataError(what, where=where)

    @property
    def length(self) -> int:
        """Number of frames of the video, also of those without their own score."""
        return self.coverage.size if self.sampling is None else self.sampling.nearest.size

    def spread(self) -> VideoScores:
        """The scores with an entry for each frame of the video: the entry of the nearest scored frame."""
        if self.sampling is None:
            return self
        nearest, maps = self.sampling.nearest, self.anomaly_maps
        return replace(
            self,
            components={name: scores[nearest] for name, scores in self.components.items()},
            coverage=self.coverage[nearest],
            calibrated=self.calibrated and {name: scores[nearest] for name, scores in self.calibrated.items()},
            anomaly_maps=None if maps is None else (lambda: maps()[nearest]),
            sampling=None,
        )

    def combined(self, overlap: Overlap) -> VideoScores:
        """The scores with `components` as the protocol's rule `overlap` combines the windows.

        Raises:
            DataError: the rule needs calibrated scores, and there are none.
        """
        if overlap == "mean":
            return self
        if self.calibrated is None:
            what = "has no scores with 'overlap: calibrated'"
            fix = "score it: 'vadkit run RECIPE --resume' with this protocol; or set evaluate.protocol.overlap=mean"
            raise DataError(what, where=f"video {self.name!r}", fix=fix)
        return replace(self, components=self.calibrated)


@dataclass(frozen=True, slots=True)
class PositionStats:
    """Mean and standard deviation of one component's scores at each position of a window, from training clips."""

    mean: NDArray[np.float64]  # (T,)
    std: NDArray[np.float64]  # (T,)

    def standardise(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores (B, T) -> standardised scores (B, T)."""
        return (scores - self.mean) / self.std


def score_file(folder: Path, name: str) -> Path:
    """Path of the score file of the video `name`. Unsafe characters are escaped as in a URL."""
    safe = quote(name, safe=" ")
    if safe.startswith("."):
        safe = "%2E" + safe[1:]  # a leading dot marks temporary files
    if len(safe) > _LONGEST_NAME:
        safe = f"{safe[: _LONGEST_NAME - 17]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return folder / f"{safe}.npz"


def map_file(folder: Path, scorer: str, name: str) -> Path:
    """Path of a scorer's anomaly maps of the video `name`; `folder` holds the score files."""
    return folder / "anomaly_maps" / scorer / f"{score_file(folder, name).stem}.npy"


def write_scores(folder: Path, video: VideoScores, *, anomaly_maps: str = "") -> Path:
    """Write one video's anomaly maps, if it has any, and then its score file; return the score file's path.

    `anomaly_maps` is the name of the scorer that gave the anomaly maps.
    """
    path = score_file(folder, video.name)
    if video.anomaly_maps is not None:
        with atomic_write(map_file(folder, anomaly_maps, video.name)) as temporary, temporary.open("wb") as file:
            np.save(file, np.asarray(video.anomaly_maps(), np.float32), allow_pickle=False)
    arrays = {_COMPONENT + name: np.asarray(scores, np.float64) for name, scores in video.components.items()}
    arrays |= {_CALIBRATED + name: np.asarray(scores, np.float64) for name, scores in (video.calibrated or {}).items()}
    arrays |= {"name": np.array(video.name), "scene": np.array(video.scene), "fps": np.array(video.fps or 0.0)}
    arrays |= {"size": np.array(video.size, np.int64)} if video.size else {}
    arrays |= {"times": video.times} if video.times is not None else {}
    arrays |= {"recorded": np.array(video.recorded)} if video.recorded else {}
    if video.sampling is not None:
        arrays |= {_NUMBERS: video.sampling.numbers, _NEAREST: video.sampling.nearest}
    write_arrays(path, _SCORES, arrays | {"coverage": np.asarray(video.coverage, np.int64)})
    return path


def read_scores(folder: Path, *, anomaly_maps: str = "") -> list[VideoScores]:
    """Read every score file of a folder (not of its subfolders), in natural order of the videos' names.

    With `anomaly_maps`, the stored anomaly maps of the scorer of that name are read too.

    Raises:
        DataError: there are no score files, one is damaged or not a score file, or two hold the same video.
    """
    paths = sorted(path for path in folder.glob("*.npz") if path.is_file() and not path.name.startswith("."))
    if not paths:
        raise DataError("has no score files", where=str(folder), fix="score the test videos first, with 'vadkit run'")
    found: dict[str, tuple[Path, VideoScores]] = {}
    for path in paths:
        video = read_score_file(path, anomaly_maps=anomaly_maps)
        other, _ = found.setdefault(video.name, (path, video))
        if other != path:
            what = f"video {video.name!r} is also in {other.name}"
            raise DataError(what, where=str(path), fix="delete one of the two files")
    return [found[name][1] for name in sorted(found, key=natural_key)]


def read_score_file(path: Path, *, anomaly_maps: str = "") -> VideoScores:
    """Read one score file, with the stored anomaly maps of the scorer `anomaly_maps`, if there are any.

    Raises:
        DataError: the file is missing, damaged or not a score file.
    """
    with opened_arrays(path, _SCORES) as arrays:
        components, calibrated = (
            {
                key.removeprefix(prefix): _typed(array, np.float64, key)
                for key, array in arrays.items()
                if key.startswith(prefix)
            }
            for prefix in (_COMPONENT, _CALIBRATED)
        )
        coverage = _typed(arrays["coverage"], np.int64, "coverage")
        fps = float(arrays["fps"]) if "fps" in arrays else 0.0  # older files have no fps
        height, width = arrays["size"].tolist() if "size" in arrays else (0, 0)
        size = (height, width) if height and width else None
        name, scene = str(arrays["name"]), str(arrays["scene"])
        times = _typed(arrays["times"], np.float64, "times") if "times" in arrays else None
        recorded = str(arrays["recorded"]) if "recorded" in arrays else None
        sampling = _sampling(arrays) if _NUMBERS in arrays else None
        optional = {"size": size, "calibrated": calibrated or None, "times": times}
        optional |= {"sampling": sampling, "recorded": recorded}
        video = VideoScores(name, scene, components, coverage, fps or None, **optional)
    maps = map_file(path.parent, anomaly_maps, video.name)
    if not anomaly_maps or not maps.is_file():
        return video
    return replace(video, anomaly_maps=partial(_read_maps, maps, len(video.coverage)))


def _sampling(arrays: Arrays) -> Sampling:
    return Sampling(*(_typed(arrays[key], np.int64, key) for key in (_NUMBERS, _NEAREST)))


def _read_maps(path: Path, frames: int) -> NDArray[np.float32]:
    try:
        anomaly_maps = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header fails in the token or the parser code
        what = f"is not a readable file of anomaly maps: {error}"
        raise DataError(what, where=str(path), fix=_SCORE_AGAIN) from error
    if anomaly_maps.ndim != 3 or len(anomaly_maps) != frames:
        what = f"holds maps of shape {anomaly_maps.shape}, but {frames} frames are scored"
        raise DataError(what, where=str(path), fix=_SCORE_AGAIN)
    return anomaly_maps


def write_labels(path: Path, labels: Mapping[str, Labels]) -> None:
    """Write the frame labels of a run's test videos into `RUN/labels.npz`, without masks and tracks."""
    arrays: dict[str, NDArray[Any]]
    arrays = {f"frames/{index}": np.asarray(label.frames, bool) for index, label in enumerate(labels.values())}
    arrays["names"] = np.array(list(labels), np.str_)
    arrays["sources"] = np.array([label.source for label in labels.values()], np.str_)
    write_arrays(path, _LABELS, arrays)


def read_labels(path: Path, regions: Path | None = None) -> dict[str, Labels]:
    """Read the file of `write_labels`: video name -> labels.

    Args:
        path: usually `RUN/labels.npz`.
        regions: the folder of `write_regions`, for masks and tracks. If it is None or lacks a video, the
            labels have neither.

    Raises:
        DataError: the file is missing, damaged or not a label file.
    """
    with opened_arrays(path, _LABELS) as arrays:
        names, sources = (arrays[key].tolist() for key in ("names", "sources"))
        labels = {
            name: Labels(_typed(arrays[f"frames/{index}"], np.bool_, name), source=source)
            for index, (name, source) in enumerate(zip(names, sources, strict=True))
        }
    if regions is None or not regions.is_dir():
        return labels
    return {name: _with_regions(score_file(regions, name), label) for name, label in labels.items()}


def write_regions(folder: Path, name: str, labels: Labels) -> None:
    """Write one video's masks and tracks, so that a run's anomaly maps can be evaluated without its data set."""
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
    write_arrays(score_file(folder, name), _REGIONS, arrays, compressed=True)


def write_position_stats(path: Path, digest: str, position_stats: Mapping[str, PositionStats]) -> None:
    """Write each component's statistics, and the digest of everything that they depend on."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, stats in position_stats.items():
        arrays |= {f"mean/{name}": stats.mean, f"std/{name}": stats.std}
    write_arrays(path, _POSITION_STATS, arrays | {"digest": np.array(digest)})


def read_position_stats(path: Path, digest: str) -> dict[str, PositionStats] | None:
    """Read the file of `write_position_stats`; None if it does not exist or has another digest.

    Raises:
        DataError: the file is damaged or of another kind.
    """
    if not path.is_file():
        return None
    with opened_arrays(path, _POSITION_STATS) as arrays:
        if str(arrays["digest"]) != digest:
            return None
        names = [key.removeprefix("mean/") for key in arrays if key.startswith("mean/")]
        return {name: PositionStats(arrays[f"mean/{name}"], arrays[f"std/{name}"]) for name in names}


def _with_regions(path: Path, labels: Labels) -> Labels:
    if not path.is_file():
        return labels
    with opened_arrays(path, _REGIONS) as arrays:
        tracks, size = _parse_tracks(arrays) if "boxes" in arrays else None, None
        if "size" in arrays:
            height, width = arrays["size"].tolist()
            size = height, width
        masks = partial(_read_masks, path) if "masks" in arrays else None
    return replace(labels, masks=masks, tracks=tracks, size=size)


def _read_masks(path: Path) -> NDArray[np.bool_]:
    with opened_arrays(path, _REGIONS) as arrays:
        shape = tuple(arrays["shape"].tolist())
        return np.unpackbits(arrays["masks"], count=int(np.prod(shape))).astype(bool).reshape(shape)


def _parse_tracks(arrays: Arrays) -> tuple[Track, ...]:
    boxes: list[dict[int, tuple[int, int, int, int]]] = [{} for _ in arrays["identities"]]
    for number, frame, x0, y0, x1, y1 in arrays["boxes"].tolist():
        boxes[number][frame] = (x0, y0, x1, y1)
    return tuple(Track(str(name), track) for name, track in zip(arrays["identities"], boxes, strict=True))


def write_arrays(path: Path, kind: str, arrays: Arrays, *, compressed: bool = False) -> None:
    """Write a file of arrays with its kind and version."""
    save: Any = np.savez_compressed if compressed else np.savez
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        save(file, allow_pickle=False, kind=np.array(kind), version=np.array(_VERSION), **arrays)


@contextmanager
def opened_arrays(path: Path, kind: str) -> Iterator[Arrays]:
    """The arrays of a file of this kind. An error in the context means that the file is damaged."""
    if not path.is_file():
        raise DataError("does not exist", where=str(path), fix="score the test videos first, with 'vadkit run'")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        file_kind, version = str(arrays["kind"]), int(arrays["version"])
        if (file_kind, version) == (kind, _VERSION):
            yield arrays
            return
    # A damaged file fails in the zip, zlib, header or pickle code, each with its own exceptions.
    except Exception as error:
        what = f"is not a readable file of {kind}: {type(error).__name__}: {error}"
        raise DataError(what, where=str(path), fix=_SCORE_AGAIN) from error
    what = f"holds {file_kind!r} version {version}, not {kind!r} version {_VERSION}"
    fix = "read it with the version of vadkit that wrote it, or score again"
    raise DataError(what, where=str(path), fix=fix)


def _typed(array: NDArray[Any], dtype: type[np.generic], name: str) -> NDArray[Any]:
    if array.ndim != 1 or array.dtype != dtype:
        raise ValueError(f"{name!r} is {array.dtype}{array.shape}, not {dtype.__name__}(F,)")
    return array
