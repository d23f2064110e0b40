"""Which frames count: videos against labels, and what becomes of frames that no window scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError, join_names
from vadkit.core.protocol import MissingScores
from vadkit.core.values import Labels
from vadkit.store.scores import VideoScores


@dataclass(frozen=True, slots=True)
class Imputed:
    """One video of which every frame has a score.

    Attributes:
        name: the video's name.
        scene: camera or scene identifier.
        components: name -> (F',), finite.
        kept: (F,) bool, the F' frames of the video that count.
        without: (F,) bool, frames of the video to which a component gave no score.
        fps: frames per second; None if unknown.
        anomaly_maps: gives (F, h, w), where in the frame; None if there are none.
    """

    name: str
    scene: str
    components: Mapping[str, NDArray[np.float64]]
    kept: NDArray[np.bool_]
    without: NDArray[np.bool_]
    fps: float | None = None
    anomaly_maps: Callable[[], NDArray[np.floating[Any]]] | None = None


def check_videos(videos: Sequence[VideoScores]) -> None:
    """Refuse videos that cannot be judged together.

    Raises:
        DataError: there is none, two have one name, or their components differ.
    """
    if not videos:
        raise DataError("there are no scores to judge", fix="score the test videos first, with 'vadkit run'")
    twice = [name for name, count in Counter(video.name for video in videos).items() if count > 1]
    if twice:
        raise DataError(f"{len(twice)} video names are there more than once: {join_names(twice)}")
    first = videos[0]
    for video in videos:
        if set(video.components) != set(first.components):
            own, others = (join_names(sorted(one.components)) for one in (video, first))
            raise DataError(
                f"has the components {own}, but {first.name!r} has {others}",
                where=f"video {video.name!r}",
                fix="score all videos with one recipe",
            )


def check_normal(normal: Sequence[VideoScores], videos: Sequence[VideoScores]) -> None:
    """Refuse normal videos that were scored by something else than the test videos; none at all are fine.

    Raises:
        DataError: two have one name, or their components differ from the test videos'.
    """
    if not normal:
        return
    check_videos(normal)
    if set(normal[0].components) != set(videos[0].components):
        own, others = (join_names(sorted(some[0].components)) for some in (normal, videos))
        raise DataError(
            f"have the components {own}, but test videos {others}",
            where="scores of normal videos",
            fix="score all videos with one method",
        )


def check_labels(videos: Sequence[VideoScores], labels: Mapping[str, Labels]) -> None:
    """Refuse labels that do not belong to these scores; videos without labels are fine.

    Raises:
        DataError: a labelled video has no scores, or another number of frames.
    """
    names = {video.name for video in videos}
    if missing := [name for name in labels if name not in names]:
        raise DataError(
            f"{len(missing)} of {len(labels)} labelled videos have no scores: {join_names(missing)}",
            fix="score all test videos: 'vadkit run --resume' does those that are missing",
        )
    for video in videos:
        if video.name not in labels:
            continue
        frames = labels[video.name].frames
        if frames.shape != video.coverage.shape:
            raise DataError(
                f"{video.coverage.size} frames are scored, but {frames.size} are labelled",
                where=f"video {video.name!r}",
                fix="check that labels and video are of the same release, and that no frame is resampled",
            )
        boxes = [frame for track in labels[video.name].tracks or () for frame in track.boxes]
        if outside := sum(not 0 <= frame < frames.size for frame in boxes):
            raise DataError(
                f"{outside} of {len(boxes)} boxes of its tracks lie outside its {frames.size} frames",
                where=f"video {video.name!r}",
                fix="check that tracks and frame labels are of the same release",
            )


def impute(videos: Sequence[VideoScores], rule: MissingScores) -> list[Imputed]:
    """Give every frame a score, or leave it out, as the protocol's `missing_scores` says.

    A scorer may give NaN where it has nothing to give: in frames that no window covers, and
    at a video's two ends. NaN between scored frames of covered video is a fault.

    Raises:
        DataError: a score is infinite or NaN where it must not be, no frame has a score, or
            `rule` is "error" and a frame has none.
    """
    found = [_impute_one(video, rule) for video in videos]
    if rule != "min" or not any(video.without.any() for video in found):
        return found
    lowest = {name: min(float(np.nanmin(video.components[name])) for video in videos) for name in found[0].components}
    return [
        replace(
            video, components={name: np.where(np.isnan(s), lowest[name], s) for name, s in video.components.items()}
        )
        for video in found
    ]


def _impute_one(video: VideoScores, rule: MissingScores) -> Imputed:
    without = np.zeros(video.coverage.shape, bool)
    for name, scores in video.components.items():
        without |= _unscored(video, name, scores)
    count = int(without.sum())
    kept = np.ones_like(without)
    components = video.components
    if count and rule == "error":
        raise DataError(
            f"{count} of {without.size} frames have no score, the first is frame {int(without.argmax())}",
            where=f"video {video.name!r}",
            fix="choose 'missing_scores: nearest' or 'drop' under 'evaluate.protocol', or 'engine.score_stride: 1'",
        )
    if count and rule == "drop":
        kept = ~without
        if not kept.any():
            raise DataError("no frame is scored by all components", where=f"video {video.name!r}")
        components = {name: scores[kept] for name, scores in components.items()}
    elif count and rule == "nearest":
        components = {name: _nearest(scores) for name, scores in components.items()}
    return Imputed(video.name, video.scene, components, kept, without, video.fps, video.anomaly_maps)


def _unscored(video: VideoScores, component: str, scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    where = f"video {video.name!r}, component {component!r}"
    infinite = int(np.isinf(scores).sum())
    if infinite:
        raise DataError(f"{infinite} of {scores.size} scores are infinite", where=where)
    unscored = np.isnan(scores)
    if unscored.all():
        raise DataError(
            f"none of the {scores.size} frames has a score",
            where=where,
            fix="check that the video is at least one clip long, and that training did not diverge",
        )
    scored = np.flatnonzero(~unscored)
    between = np.zeros_like(unscored)
    between[scored[0] : scored[-1]] = True
    faults = int((unscored & between & (video.coverage > 0)).sum())
    if faults:
        raise DataError(
            f"{faults} of {scores.size} scores are NaN in the midst of scored frames",
            where=where,
            fix="the model diverged, or 'engine.score_stride' is larger than the frames that a window scores",
        )
    return unscored


def _nearest(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Repeat the nearest score where there is none, the earlier one of two at equal distance."""
    known = np.flatnonzero(~np.isnan(scores))
    frames = np.arange(scores.size)
    after = np.searchsorted(known, frames).clip(0, known.size - 1)
    before = (after - 1).clip(0)
    nearer = np.abs(frames - known[before]) <= np.abs(known[after] - frames)
    return scores[np.where(nearer, known[before], known[after])]
