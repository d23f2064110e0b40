"""External scores: files of any method, read as scores of the frames of test videos."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.core.values import Detections
from vadkit.store.external.counts import explain_total, explain_videos
from vadkit.store.external.detections import are_boxes, frame_scores, to_detections
from vadkit.store.external.formats import read_series
from vadkit.store.external.maps import Read, are_maps, read_maps
from vadkit.store.external.names import match_names, refuse_twice
from vadkit.store.external.reading import Ends, Reading
from vadkit.store.external.series import Series
from vadkit.store.scores import VideoScores

_AS_GIVEN = Reading()


def read_external_scores(path: Path, lengths: Mapping[str, int], reading: Reading = _AS_GIVEN) -> list[VideoScores]:
    """Read one file of scores, or a folder with one file per video.

    The file is `.npz`, `.npy`, `.csv`, `.tsv`, `.txt`, `.jsonl` or `.json`. A single column or array is the component
    "score". `lengths` is test video -> F, in the order of the data set; a flat array has the same order, and so has the
    result. Frames without a score become NaN; coverage is 1 where all components have a score, else 0. Anomaly maps or
    boxes are accepted too: the score of a frame is the highest one in its map or of its boxes.

    Raises:
        DataError: unreadable, pickled, not finite, of other videos or of other lengths.
    """
    reading.check_lengths(lengths)
    sign = reading.sign("score")
    if are_maps(path):
        reading.check_components(["score"])
        maps = read_maps(path, lengths, dropped=reading.dropped)
        return [_of_maps(name, read if sign > 0 else partial(_negative, read), reading) for name, read in maps.items()]
    found = read_series(path, several=len(lengths) > 1)
    if are_boxes(list(found[0].columns)):
        reading.check_components(["score"])
        boxes = _boxes(found, lengths, path, sign)
        scores = frame_scores(boxes, lengths)
        return [
            replace(_scored(name, {"score": _cut(scores[name], reading)}), detections=boxes[name]) for name in lengths
        ]
    if len(found) == 1 and not found[0].video:
        found = _split(found[0], lengths, reading.dropped)
    else:
        found = _matched(found, lengths, path)
    _check_counts(found, lengths, reading.dropped)
    placed = {series.video: _place(series, lengths[series.video], reading) for series in found}
    return [placed[name] for name in lengths]


def read_normal(path: Path, reading: Reading = _AS_GIVEN) -> list[VideoScores]:
    """Read scores of normal videos; the file states their lengths. A flat array is one video.

    Errors are those of `read_external_scores`.
    """
    found = [replace(series, video=series.video or "normal") for series in read_series(path, several=True)]
    refuse_twice([series.video for series in found], where=str(path))
    return [_place(series, _length(series, reading.dropped), reading) for series in found]


def read_regions(path: Path, videos: Sequence[VideoScores], dropped: Ends) -> list[VideoScores]:
    """The same videos with the anomaly maps or the boxes of a file or folder; higher = more anomalous.

    Raises:
        DataError: as `read_external_scores`.
    """
    lengths = {video.name: video.coverage.size for video in videos}
    if are_maps(path):
        maps = read_maps(path, lengths, dropped=dropped)
        return [replace(video, anomaly_maps=maps[video.name], detections=None) for video in videos]
    found = read_series(path, several=len(lengths) > 1)
    if not are_boxes(list(found[0].columns)):
        what = f"holds neither anomaly maps nor boxes, but the columns {', '.join(found[0].columns)}"
        fix = "give arrays (frames, height, width), or a table with the columns video, frame, x, y, w, h, score"
        raise DataError(what, where=str(path), fix=fix)
    boxes = _boxes(found, lengths, path, 1)
    return [replace(video, detections=boxes[video.name], anomaly_maps=None) for video in videos]


def scored_lengths(path: Path, names: Sequence[str], *, dropped: Ends = (0, 0)) -> dict[str, tuple[int, float | None]]:
    """F and frame rate of each video by a file of scores. Arguments: see `read_external_scores`.

    Without `names`, the scores name the videos.

    Raises:
        DataError: as `read_external_scores`, or the scores of several videos are one flat array.
    """
    found = read_series(path, several=len(names) != 1)
    if len(names) > 1 and not found[0].video:
        what = f"the scores do not say where each of the {len(names)} videos ends, and the labels do not either"
        fix = (
            "state the number of frames of each video in the label file ('frames'), name the videos of the scores, or "
            "name the data set: --data ucsd_ped and --data avenue know the length of each video"
        )
        raise DataError(what, where=found[0].where, fix=fix)
    if names and (len(found) > 1 or found[0].video):
        found = _matched(found, names, path)
    default = names[0] if names else "video"
    return {series.video or default: (_length(series, dropped), series.fps) for series in found}


def _matched(found: Sequence[Series], videos: Collection[str], path: Path, *, some: bool = False) -> list[Series]:
    """The series with the names of the videos that they are of."""
    names = match_names([series.video for series in found], videos, where=str(path), some=some)
    return [replace(series, video=names[series.video]) for series in found]


def _boxes(found: Sequence[Series], lengths: Mapping[str, int], path: Path, sign: int) -> dict[str, Detections]:
    """Video -> its boxes; none for a video without rows."""
    if len(found) == len(lengths) == 1 and not found[0].video:
        found = [replace(found[0], video=next(iter(lengths)))]
    of_video = {series.video: series for series in _matched(found, lengths, path, some=True)}
    none = Detections(np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0))
    boxes = {
        name: to_detections(of_video[name], frames) if name in of_video else none for name, frames in lengths.items()
    }
    return {name: replace(each, scores=sign * each.scores) for name, each in boxes.items()}


def _of_maps(name: str, read: Read, reading: Reading) -> VideoScores:
    maps = read()
    highest = np.fmax.reduce(np.fmax.reduce(maps, axis=1), axis=1)  # fmax ignores NaN
    return replace(_scored(name, {"score": _cut(highest.astype(np.float64), reading)}), anomaly_maps=read)


def _negative(read: Read) -> NDArray[np.floating[Any]]:
    return -read()


def _scored(name: str, components: Mapping[str, NDArray[np.float64]]) -> VideoScores:
    covered = ~np.any([np.isnan(scores) for scores in components.values()], axis=0)
    return VideoScores(name, "", components, covered.astype(np.int64))


def _split(series: Series, lengths: Mapping[str, int], dropped: Ends) -> list[Series]:
    """Split one series over all videos, in the order of the data set."""
    if len(lengths) == 1:
        return [replace(series, video=next(iter(lengths)))]
    if series.frames is not None and not np.array_equal(series.frames, np.arange(series.size)):
        what = f"the frames are numbered, but the {len(lengths)} videos are not named"
        raise DataError(what, where=series.where, fix="add a column 'video', or write one file a video")
    sizes = [frames - sum(dropped) for frames in lengths.values()]
    if series.size != sum(sizes):
        less = f", {sum(sizes)} without the first {dropped[0]} and last {dropped[1]} of each" if any(dropped) else ""
        what = f"holds {series.size} scores, but the {len(lengths)} videos have {sum(lengths.values())} frames{less}"
        raise DataError(what, where=series.where, fix=explain_total(series.size, lengths, dropped))
    stops = np.cumsum(sizes)
    return [
        Series(name, {key: numbers[stop - size : stop] for key, numbers in series.columns.items()}, series.where)
        for name, size, stop in zip(lengths, sizes, stops, strict=True)
    ]


def _check_counts(found: Sequence[Series], lengths: Mapping[str, int], dropped: Ends) -> None:
    """Check that series without frame numbers have a score for each frame that is not dropped."""
    given = {series.video: series.size for series in found if series.frames is None}
    wanted = {name: lengths[name] - sum(dropped) for name in given}
    misfits = [series for series in found if given.get(series.video) != wanted.get(series.video)]
    if not misfits:
        return
    first = misfits[0]
    less = f" without the first {dropped[0]} and last {dropped[1]}" if any(dropped) else ""
    also = f" ({len(misfits)} of {len(found)} videos do not fit)" if len(misfits) > 1 else ""
    what = f"holds {first.size} scores, expected {wanted[first.video]}: one per frame{less}{also}"
    fix = explain_videos(given, {name: lengths[name] for name in given}, dropped)
    raise DataError(what, where=f"{first.where}, video {first.video!r}", fix=fix)


def _place(series: Series, frames: int, reading: Reading) -> VideoScores:
    where = f"{series.where}, video {series.video!r}"
    reading.check_components(series.columns)
    index = slice(reading.dropped[0], frames - reading.dropped[1])
    if series.frames is not None:
        _check_frames(series.frames, frames, index, where)
        index = series.frames
    components: dict[str, NDArray[np.float64]] = {}
    for name, numbers in series.columns.items():
        if (infinite := np.isinf(numbers)).any():
            what = f"{infinite.sum()} of {numbers.size} scores are infinite, the first is number {infinite.argmax()}"
            raise DataError(what, where=where, fix="write a large finite number, or nan where there is no score")
        scores = np.full(frames, np.nan)
        scores[index] = reading.sign(name) * numbers
        components[name] = _cut(scores, reading)
        if np.isnan(scores).all():
            column = f", component {name!r}" if len(series.columns) > 1 else ""
            fix = "write the scores of this video again, or leave the video out of the scores and of the labels"
            raise DataError(f"all {numbers.size} scores are NaN", where=f"{where}{column}", fix=fix)
    coverage = _scored(series.video, components).coverage if series.coverage is None else series.coverage
    return VideoScores(series.video, series.scene, components, coverage, series.fps)


def _cut(scores: NDArray[np.float64], reading: Reading) -> NDArray[np.float64]:
    """The scores of all F frames, NaN for those that `drop` leaves out."""
    first, last = reading.drop
    inside = np.zeros(scores.size, bool)
    inside[first : scores.size - last] = True
    return np.where(inside, scores, np.nan)


def _check_frames(given: NDArray[np.int64], frames: int, kept: slice, where: str) -> None:
    """Check that frame numbers are in the video, not dropped, and unique."""
    outside = given[(given < 0) | (given >= frames)]
    if outside.size:
        fix = "take the frames from the release of the data set that is evaluated"
        if given.min() == 1 and given.max() == frames:
            fix = "the file counts from 1: subtract 1 from every frame"
        what = f"frame {outside[0]} is not among the video's {frames}: they are 0 to {frames - 1}"
        raise DataError(what, where=where, fix=fix)
    values, counts = np.unique(given, return_counts=True)
    if (counts > 1).any():
        what = f"frame {values[counts > 1][0]} is there more than once ({(counts > 1).sum()} such frames)"
        raise DataError(what, where=where, fix="leave one row a frame")
    if (left := values[(values < kept.start) | (values >= kept.stop)]).size:
        what = f"frame {left[0]} has a score, but is among those that '--dropped' leaves out"
        raise DataError(what, where=where, fix="leave '--dropped' away: the frames are numbered already")


def _length(series: Series, dropped: Ends) -> int:
    return series.size + sum(dropped) if series.frames is None else int(series.frames.max()) + 1
