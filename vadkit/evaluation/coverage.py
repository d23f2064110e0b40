"""Checks scores against labels, and imputes the scores of frames that no window scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError, join_names
from vadkit.core.protocol import MissingScores
from vadkit.core.values import Detections, Labels
from vadkit.store.scores import VideoScores
from vadkit.video.sampling import Sampling


@dataclass(frozen=True, slots=True)
class Imputed:
    """The scores of one video after imputation: every frame that counts has a score.

    Attributes:
        name: the video's name.
        scene: camera or scene identifier.
        components: name -> (F',), finite.
        kept: (F,) bool, True for the F' frames of the video that count.
        without: (F,) bool, True for frames without a score of at least one component, before imputation.
        fps: frames per second; None if unknown.
        anomaly_maps: gives the anomaly maps (F, h, w); None if there are none.
        can_alarm: (F',) bool, True for frames that enough windows show to raise an alarm; None if all can.
        detections: boxes in the F frames; None if there are none.
        sampling: which frames of the video the F frames are; None if they are all frames of the video.
        times: seconds of each frame of the video if its frame rate varies; else None.
    """

    name: str
    scene: str
    components: Mapping[str, NDArray[np.float64]]
    kept: NDArray[np.bool_]
    without: NDArray[np.bool_]
    fps: float | None = None
    anomaly_maps: Callable[[], NDArray[np.floating[Any]]] | None = None
    can_alarm: NDArray[np.bool_] | None = None
    detections: Detections | None = None
    sampling: Sampling | None = None
    times: NDArray[np.float64] | None = None

    @property
    def truth_frames(self) -> NDArray[np.int64]:
        """The numbers, in the video, of the frames that count, (F',)."""
        kept = np.flatnonzero(self.kept)
        return kept if self.sampling is None else self.sampling.numbers[kept]

    def spread(self) -> tuple[Imputed, NDArray[np.int64]]:
        """The same with an entry for each frame of the video, and the index in (F',) that each of them comes from."""
        assert self.sampling is not None
        nearest, maps = self.sampling.nearest, self.anomaly_maps
        kept = self.kept[nearest]
        index = (np.cumsum(self.kept) - 1)[nearest[kept]]
        video = replace(
            self,
            components={name: scores[index] for name, scores in self.components.items()},
            kept=kept,
            without=self.without[nearest],
            anomaly_maps=None if maps is None else (lambda: maps()[nearest]),
            can_alarm=None if self.can_alarm is None else self.can_alarm[index],
            sampling=None,
        )
        return video, index


def check_videos(videos: Sequence[VideoScores]) -> None:
    """Raise a DataError if there are no videos, two have the same name, or their components differ."""
    if not videos:
        raise DataError("there are no scores to evaluate", fix="score the test videos first, with 'vadkit run'")
    twice = [name for name, count in Counter(video.name for video in videos).items() if count > 1]
    if twice:
        raise DataError(f"{len(twice)} video names occur more than once: {join_names(twice)}", fix="rename the videos")
    first = videos[0]
    for video in videos:
        if set(video.components) != set(first.components):
            names, first_names = (join_names(sorted(v.components)) for v in (video, first))
            what = f"has the components {names}, but {first.name!r} has {first_names}"
            raise DataError(what, where=f"video {video.name!r}", fix="score all videos with one recipe")


def check_normal(normal: Sequence[VideoScores], videos: Sequence[VideoScores]) -> None:
    """Raise a DataError if two normal videos have one name, or components that the test videos do not have."""
    if not normal:
        return
    check_videos(normal)
    if set(normal[0].components) != set(videos[0].components):
        normal_names, test_names = (join_names(sorted(v[0].components)) for v in (normal, videos))
        what = f"have the components {normal_names}, but test videos have {test_names}"
        raise DataError(what, where="scores of normal videos", fix="score all videos with one method")


def check_labels(videos: Sequence[VideoScores], labels: Mapping[str, Labels]) -> None:
    """Raise a DataError if a labelled video lacks scores, or has another number of scores than of labels."""
    names = {video.name for video in videos}
    if missing := [name for name in labels if name not in names]:
        what = f"{len(missing)} of {len(labels)} labelled videos have no scores: {join_names(missing)}"
        raise DataError(what, fix="score all test videos: 'vadkit run --resume' scores the missing ones")
    for video in videos:
        if video.name not in labels:
            continue
        frames = labels[video.name].frames
        if frames.shape != (video.length,):
            what = f"{video.length} frames are scored, but {frames.size} are labelled"
            fix = "check that labels and video are of the same release, and that frames are not resampled"
            raise DataError(what, where=f"video {video.name!r}", fix=fix)
        boxes = [frame for track in labels[video.name].tracks or () for frame in track.boxes]
        if outside := sum(not 0 <= frame < frames.size for frame in boxes):
            what = f"{outside} of {len(boxes)} boxes of its tracks lie outside its {frames.size} frames"
            fix = "check that tracks and frame labels are of the same release"
            raise DataError(what, where=f"video {video.name!r}", fix=fix)


def impute(
    videos: Sequence[VideoScores], rule: MissingScores, *, min_windows: int = 1, stride: int = 1
) -> list[Imputed]:
    """Impute missing scores, or leave these frames out, by the protocol's rule `missing_scores`.

    A missing score is NaN. Scores may be missing in frames that no window covers, and at both ends of a
    video. A NaN between scored frames of a covered video is an error.

    Args:
        videos: scores of the videos.
        rule: "nearest" repeats the nearest score, "min" uses the component's lowest score over all videos,
            "drop" leaves the frames out, and "error" refuses them.
        min_windows: windows that must show a frame before it can raise an alarm; fewer in a video in which no frame
            has so many.
        stride: of the windows, for messages; 0 if the scores are not those of a run.

    Raises:
        DataError: a score is infinite, a score is NaN between scored frames, a video has no scores, or
            `rule` is "error" and a frame has no score.
    """
    imputed = [_impute_one(video, rule, min_windows, stride) for video in videos]
    if rule != "min" or not any(video.without.any() for video in imputed):
        return imputed
    lowest = {name: min(float(np.nanmin(video.components[name])) for video in videos) for name in imputed[0].components}
    return [
        replace(
            video, components={name: np.where(np.isnan(s), lowest[name], s) for name, s in video.components.items()}
        )
        for video in imputed
    ]


def enough_windows(coverage: NDArray[np.int64], min_windows: int) -> NDArray[np.bool_]:
    """Whether enough windows show a frame to raise an alarm, (F,) int -> (F,) bool.

    In a video in which no frame has `min_windows`, the highest number is enough.
    """
    return coverage >= min(min_windows, int(coverage.max()))


def uneven_ends(without: Mapping[str, NDArray[np.bool_]]) -> dict[str, tuple[int, int]]:
    """Video -> number of frames at its start and at its end that lack a score, less those of every video.

    A method leaves out the same number of frames at the ends of all videos. More of them in one video are a fault. Of a
    single video, all count.

    Args:
        without: video -> (F,) bool, True for frames without a score.
    """
    ends: dict[str, tuple[int, int]] = {}
    for name, missing in without.items():
        scored = np.flatnonzero(~missing)
        ends[name] = (int(scored[0]), int(missing.size - 1 - scored[-1])) if scored.size else (missing.size, 0)
    starts, stops = zip(*ends.values(), strict=True)
    first, last = (min(starts), min(stops)) if len(ends) > 1 else (0, 0)
    return {name: (start - first, stop - last) for name, (start, stop) in ends.items() if start > first or stop > last}


def ends_text(first: int, last: int) -> str:
    """The two numbers of `uneven_ends` in words.

    >>> ends_text(4, 0), ends_text(4, 7)
    ('first 4', 'first 4 and last 7')
    """
    return " and ".join(f"{end} {count}" for end, count in (("first", first), ("last", last)) if count)


def _impute_one(video: VideoScores, rule: MissingScores, min_windows: int, stride: int) -> Imputed:
    without = np.zeros(video.coverage.shape, bool)
    for name, scores in video.components.items():
        without |= _unscored(video, name, scores)
    count = int(without.sum())
    kept = np.ones_like(without)
    components = video.components
    if count and rule == "error":
        what = f"{count} of {without.size} frames have no score, the first is frame {int(without.argmax())}"
        fix = "set 'missing_scores: nearest' or 'drop' under 'evaluate.protocol', or "
        fix += "'engine.score_stride: 1'" if stride else "write a score for every frame"
        raise DataError(what, where=f"video {video.name!r}", fix=fix)
    if count and rule == "drop":
        kept = ~without
        if not kept.any():
            fix = "set 'missing_scores: nearest' under 'evaluate.protocol'"
            raise DataError("no frame has a score of every component", where=f"video {video.name!r}", fix=fix)
        components = {name: scores[kept] for name, scores in components.items()}
    elif count and rule == "nearest":
        components = {name: _nearest(scores) for name, scores in components.items()}
    can_alarm = enough_windows(video.coverage, min_windows)[kept]
    return Imputed(
        video.name,
        video.scene,
        components,
        kept,
        without,
        video.fps,
        anomaly_maps=video.anomaly_maps,
        can_alarm=can_alarm,
        detections=video.detections,
        sampling=video.sampling,
        times=video.times,
    )


def _unscored(video: VideoScores, component: str, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    where = f"video {video.name!r}, component {component!r}"
    infinite = int(np.isinf(scores).sum())
    if infinite:
        fix = "write a large finite number, or train again if the model diverged"
        raise DataError(f"{infinite} of {scores.size} scores are infinite", where=where, fix=fix)
    unscored = np.isnan(scores)
    if unscored.all():
        fix = "check that the video is at least one clip long, and that training did not diverge"
        raise DataError(f"none of the {scores.size} frames has a score", where=where, fix=fix)
    scored = np.flatnonzero(~unscored)
    between = np.zeros_like(unscored)
    between[scored[0] : scored[-1]] = True
    gaps = int((unscored & between & (video.coverage > 0)).sum())
    if gaps:
        raise DataError(
            f"{gaps} of {scores.size} scores are NaN between scored frames",
            where=where,
            fix="train again if the model diverged, or lower 'engine.score_stride': it may be larger than the number "
            "of frames that a window scores",
        )
    return unscored


def _nearest(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace each NaN by the nearest score; at equal distance, by the earlier one."""
    known = np.flatnonzero(~np.isnan(scores))
    frames = np.arange(scores.size)
    after = np.searchsorted(known, frames).clip(0, known.size - 1)
    before = (after - 1).clip(0)
    nearer = np.abs(frames - known[before]) <= np.abs(known[after] - frames)
    return scores[np.where(nearer, known[before], known[after])]
