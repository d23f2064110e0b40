"""External scores: files of any method, read as scores of the frames of test videos."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.store.external.counts import explain_total, explain_videos
from vadkit.store.external.formats import read_series
from vadkit.store.external.names import match_names, refuse_twice
from vadkit.store.external.series import Series
from vadkit.store.scores import VideoScores

High = Literal["abnormal", "normal"]


def read_external_scores(
    path: Path,
    lengths: Mapping[str, int],
    *,
    dropped: tuple[int, int] = (0, 0),
    high: High = "abnormal",
) -> list[VideoScores]:
    """Read one file of scores, or a folder with one file per video.

    The file is `.npz`, `.npy`, `.csv`, `.tsv`, `.txt`, `.jsonl` or `.json`. A single column or array is the component
    "score". `lengths` is test video -> F, in the order of the data set; a flat array has the same order, and so has the
    result. The `dropped` frames at the start and end of each video have no scores. Frames without a score become NaN;
    coverage is 1 where all components have a score, else 0. `high` is what a high score means; "normal" (PSNR,
    regularity) changes the sign.

    Raises:
        DataError: unreadable, pickled, not finite, of other videos or of other lengths.
    """
    _check_lengths(lengths, dropped)
    found = read_series(path, several=len(lengths) > 1)
    if len(found) == 1 and not found[0].video:
        found = _cut(found[0], lengths, dropped)
    else:
        found = _matched(found, lengths, path)
    _check_counts(found, lengths, dropped)
    placed = {series.video: _place(series, lengths[series.video], dropped, high) for series in found}
    return [placed[name] for name in lengths]


def read_normal(path: Path, *, dropped: tuple[int, int] = (0, 0), high: High = "abnormal") -> list[VideoScores]:
    """Read scores of normal videos; the file states their lengths. A flat array is one video.

    Arguments and errors are those of `read_external_scores`.
    """
    found = [replace(series, video=series.video or "normal") for series in read_series(path, several=True)]
    refuse_twice([series.video for series in found], where=str(path))
    return [_place(series, _length(series, dropped), dropped, high) for series in found]


def scored_lengths(
    path: Path, names: Sequence[str], *, dropped: tuple[int, int] = (0, 0)
) -> dict[str, tuple[int, float | None]]:
    """F and frame rate of each video by a file of scores. Arguments: see `read_external_scores`.

    Without `names`, the scores name the videos.

    Raises:
        DataError: as `read_external_scores`, or the scores of several videos are one flat array.
    """
    found = read_series(path, several=len(names) != 1)
    if len(names) > 1 and not found[0].video:
        what = f"the scores do not say where each of the {len(names)} videos ends, and the labels do not either"
        fix = "state the number of frames of each video in the label file ('frames'), or name the videos of the scores"
        raise DataError(what, where=found[0].where, fix=fix)
    if names and (len(found) > 1 or found[0].video):
        found = _matched(found, names, path)
    default = names[0] if names else "video"
    return {series.video or default: (_length(series, dropped), series.fps) for series in found}


def _matched(found: Sequence[Series], videos: Collection[str], path: Path) -> list[Series]:
    """The series with the names of the videos that they are of."""
    names = match_names([series.video for series in found], videos, where=str(path))
    return [replace(series, video=names[series.video]) for series in found]


def _check_lengths(lengths: Mapping[str, int], dropped: tuple[int, int]) -> None:
    if not lengths:
        raise DataError("the data set has no test videos", fix="name another data set or folder with --data")
    if min(dropped) < 0:
        what = f"{dropped[0]}:{dropped[1]} is less than no frames"
        raise DataError(what, where="--dropped", fix="give A:B, frames left out at each video's start and end")
    name, frames = min(lengths.items(), key=lambda item: item[1])
    if frames <= sum(dropped):
        what = f"of the {frames} frames of video {name!r} none is left"
        raise DataError(what, where=f"--dropped {dropped[0]}:{dropped[1]}", fix="drop fewer frames")


def _cut(series: Series, lengths: Mapping[str, int], dropped: tuple[int, int]) -> list[Series]:
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


def _check_counts(found: Sequence[Series], lengths: Mapping[str, int], dropped: tuple[int, int]) -> None:
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


def _place(series: Series, frames: int, dropped: tuple[int, int], high: High) -> VideoScores:
    where = f"{series.where}, video {series.video!r}"
    index = slice(dropped[0], frames - dropped[1])
    if series.frames is not None:
        _check_frames(series.frames, frames, index, where)
        index = series.frames
    components: dict[str, NDArray[np.float64]] = {}
    for name, numbers in series.columns.items():
        if (infinite := np.isinf(numbers)).any():
            what = f"{infinite.sum()} of {numbers.size} scores are infinite, the first is number {infinite.argmax()}"
            raise DataError(what, where=where, fix="write a large finite number, or nan where there is no score")
        components[name] = np.full(frames, np.nan)
        components[name][index] = -numbers if high == "normal" else numbers
    covered = ~np.any([np.isnan(scores) for scores in components.values()], axis=0)
    coverage = covered.astype(np.int64) if series.coverage is None else series.coverage
    return VideoScores(series.video, series.scene, components, coverage, series.fps)


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


def _length(series: Series, dropped: tuple[int, int]) -> int:
    return series.size + sum(dropped) if series.frames is None else int(series.frames.max()) + 1
