"""Reads external scores: score files of any method, for the frames of test videos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.store.external.arrays import kind
from vadkit.store.external.counts import explain_total, explain_videos
from vadkit.store.external.formats import find_files, read_file
from vadkit.store.external.names import match_names
from vadkit.store.external.series import Series
from vadkit.store.scores import VideoScores, read_score_file

High = Literal["abnormal", "normal"]

_LABELS = frozenset({"label", "labels", "gt", "ground_truth", "abnormal", "is_abnormal"})
_LABELS_TOO = frozenset({"y", "target", "truth", "is_anomaly", "anomaly_label", "gt_label", "class"})
_ALIASES = {
    "video": frozenset({"video_name", "video_id", "name", "clip", "clip_id", "vid"}),
    "frame": frozenset({"frame_id", "frame_idx", "frame_index", "frame_number", "frame_no", "idx", "index"}),
}
"""Column -> other names for it. A column with such a name would count as scores."""
_OWN = "vadkit scores"


def read_external_scores(
    path: Path,
    lengths: Mapping[str, int],
    *,
    dropped: tuple[int, int] = (0, 0),
    high: High = "abnormal",
) -> list[VideoScores]:
    """Read one file of scores, or a folder with one file per video.

    Args:
        path: `.npz`, `.npy`, `.csv`, `.tsv`, `.txt`, `.jsonl` or `.json`, or a folder of one of
            these. A single column or array is the component "score".
        lengths: test video -> F, in the order of the data set; a flat array has the same order.
        dropped: frames without scores at the start and end of each video. Frames without a
            score become NaN, with coverage 0.
        high: meaning of a high score; "normal" (PSNR, regularity) changes the sign.

    Returns:
        The videos in the order of `lengths`. `coverage` is 1 where all components have a score.

    Raises:
        DataError: the scores are unreadable, pickled, infinite, or of other videos or lengths.
    """
    _check_lengths(lengths, dropped)
    all_series = _read(path, several=len(lengths) > 1)
    if len(all_series) == 1 and not all_series[0].video:
        all_series = _split(all_series[0], lengths, dropped)
    else:
        names = match_names([series.video for series in all_series], lengths, where=str(path))
        all_series = [replace(series, video=names[series.video]) for series in all_series]
    _check_counts(all_series, lengths, dropped)
    scores = {series.video: _to_scores(series, lengths[series.video], dropped, high) for series in all_series}
    return [scores[name] for name in lengths]


def read_normal(path: Path, *, dropped: tuple[int, int] = (0, 0), high: High = "abnormal") -> list[VideoScores]:
    """Read scores of normal videos. Their lengths are the numbers of scores in the file.

    The arguments are those of `read_external_scores`. A flat array is one video.

    Raises:
        DataError: see `read_external_scores`.
    """
    all_series = [replace(series, video=series.video or "normal") for series in _read(path, several=True)]
    names = [series.video for series in all_series]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"video {twice!r} occurs more than once", where=str(path), fix="keep one of each")
    return [_to_scores(series, _length(series, dropped), dropped, high) for series in all_series]


def scored_lengths(
    path: Path, names: Sequence[str], *, dropped: tuple[int, int] = (0, 0)
) -> dict[str, tuple[int, float | None]]:
    """Number of frames and frame rate of each video in a file of scores.

    Args:
        path: see `read_external_scores`.
        names: names of the videos; if empty, the names in the file are used.
        dropped: see `read_external_scores`.

    Raises:
        DataError: see `read_external_scores`. Or the scores of several videos are one flat array.
    """
    all_series = _read(path, several=len(names) != 1)
    if len(names) > 1 and not all_series[0].video:
        what = f"neither the scores nor the labels have the lengths of the {len(names)} videos"
        fix = "add the number of frames of each video to the label file ('frames'), or name the videos of the scores"
        raise DataError(what, where=all_series[0].where, fix=fix)
    if not names:
        matched = {series.video: series.video or "video" for series in all_series}
    elif len(all_series) == 1 and not all_series[0].video:
        matched = {"": names[0]}
    else:
        matched = match_names([series.video for series in all_series], names, where=str(path))
    return {matched[series.video]: (_length(series, dropped), series.fps) for series in all_series}


def _check_lengths(lengths: Mapping[str, int], dropped: tuple[int, int]) -> None:
    if not lengths:
        raise DataError("the data set has no test videos", fix="name another data set or folder with --data")
    if min(dropped) < 0:
        what = f"{dropped[0]}:{dropped[1]} has a negative number"
        raise DataError(what, where="--dropped", fix="give A:B, the numbers of frames at each video's start and end")
    name, frames = min(lengths.items(), key=lambda item: item[1])
    if frames <= sum(dropped):
        what = f"no frame of video {name!r} with {frames} frames is left"
        raise DataError(what, where=f"--dropped {dropped[0]}:{dropped[1]}", fix="drop fewer frames")


def _read(path: Path, *, several: bool) -> list[Series]:
    """Read the series of all files, including vadkit's own score files."""
    files = find_files(path)
    alone = path.is_file() or (len(files) == 1 and several)
    all_series: list[Series] = []
    for file in files:
        file_kind = kind(file)
        if file_kind == _OWN:
            own = read_score_file(file)
            all_series.append(Series(own.name, own.components, str(file), None, own.scene, own.coverage, own.fps))
        elif file_kind:
            raise DataError(f"holds {file_kind}, not scores", where=str(file), fix="name the folder of the score files")
        else:
            all_series += [_check_columns(series) for series in read_file(file, alone=alone)]
    return all_series


def _check_columns(series: Series) -> Series:
    """Name a single column "score"; refuse columns that do not hold scores."""
    for column, aliases in _ALIASES.items():
        if matching := [name for name in series.columns if name.strip().lower() in aliases]:
            what = f"the column {matching[0]!r} seems to hold the {column}, not scores"
            raise DataError(what, where=series.where, fix=f"name it {column!r}, or rename it if it is a score")
    if labels := [name for name, numbers in series.columns.items() if _is_label(name, numbers, len(series.columns))]:
        what = f"the column {labels[0]!r} seems to hold labels, not scores"
        raise DataError(what, where=series.where, fix="leave it out, or rename it if it is a score")
    if len(series.columns) > 1:
        return series
    (numbers,) = series.columns.values()
    return replace(series, columns={"score": numbers})


def _is_label(name: str, numbers: NDArray[np.float64], columns: int) -> bool:
    """Whether a column has the name of labels, or is one of several columns and holds only 0 and 1."""
    if name.strip().lower() in _LABELS | _LABELS_TOO:
        return True
    return columns > 1 and set(np.unique(numbers).tolist()) == {0.0, 1.0}


def _split(series: Series, lengths: Mapping[str, int], dropped: tuple[int, int]) -> list[Series]:
    """Split one series over all videos, in the order of the data set."""
    if len(lengths) == 1:
        return [replace(series, video=next(iter(lengths)))]
    if series.frames is not None and not np.array_equal(series.frames, np.arange(series.size)):
        what = f"the frames are numbered, but the file does not name their video; the data set has {len(lengths)}"
        raise DataError(what, where=series.where, fix="add a column 'video', or write one file per video")
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


def _check_counts(all_series: Sequence[Series], lengths: Mapping[str, int], dropped: tuple[int, int]) -> None:
    """Check that series without frame numbers have a score for each frame that is not dropped."""
    counts = {series.video: series.size for series in all_series if series.frames is None}
    expected = {name: lengths[name] - sum(dropped) for name in counts}
    misfits = [series for series in all_series if counts.get(series.video) != expected.get(series.video)]
    if not misfits:
        return
    first = misfits[0]
    less = f" without the first {dropped[0]} and last {dropped[1]}" if any(dropped) else ""
    more = f" ({len(misfits)} of {len(all_series)} videos do not fit)" if len(misfits) > 1 else ""
    raise DataError(
        f"holds {first.size} scores, expected {expected[first.video]}: one per frame{less}{more}",
        where=f"{first.where}, video {first.video!r}",
        fix=explain_videos(counts, {name: lengths[name] for name in counts}, dropped),
    )


def _to_scores(series: Series, frames: int, dropped: tuple[int, int], high: High) -> VideoScores:
    where = f"{series.where}, video {series.video!r}"
    index = slice(dropped[0], frames - dropped[1])
    if series.frames is not None:
        _check_frames(series.frames, frames, index, where)
        index = series.frames
    components: dict[str, NDArray[np.float64]] = {}
    for name, numbers in series.columns.items():
        infinite = np.isinf(numbers)
        if infinite.any():
            what = f"{infinite.sum()} of {numbers.size} scores are infinite, the first is number {infinite.argmax()}"
            raise DataError(what, where=where, fix="write a large finite number, or nan where there is no score")
        components[name] = np.full(frames, np.nan)
        components[name][index] = -numbers if high == "normal" else numbers
    covered = ~np.any([np.isnan(scores) for scores in components.values()], axis=0)
    coverage = covered.astype(np.int64) if series.coverage is None else series.coverage
    return VideoScores(series.video, series.scene, components, coverage, series.fps)


def _check_frames(numbers: NDArray[np.int64], frames: int, kept: slice, where: str) -> None:
    """Check that frame numbers are in the video, not dropped, and unique."""
    outside = numbers[(numbers < 0) | (numbers >= frames)]
    if outside.size:
        fix = "use the frames of the data set's release that you evaluate"
        if numbers.min() == 1 and numbers.max() == frames:
            fix = "the file counts from 1: subtract 1 from every frame"
        what = f"frame {outside[0]} does not exist: the video has frames 0 to {frames - 1}"
        raise DataError(what, where=where, fix=fix)
    values, counts = np.unique(numbers, return_counts=True)
    if (counts > 1).any():
        what = f"frame {values[counts > 1][0]} occurs more than once ({(counts > 1).sum()} such frames)"
        raise DataError(what, where=where, fix="keep one row per frame")
    if values[0] < kept.start or values[-1] >= kept.stop:
        frame = values[0] if values[0] < kept.start else values[-1]
        what = f"frame {frame} has a score, but '--dropped' leaves it out"
        raise DataError(what, where=where, fix="remove '--dropped': the file already has frame numbers")


def _length(series: Series, dropped: tuple[int, int]) -> int:
    return series.size + sum(dropped) if series.frames is None else int(series.frames.max()) + 1
