"""Scores, labels and a protocol to a run's result: the fused score, each component alone, a floor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit import __version__
from vadkit.contracts import Metric
from vadkit.errors import DataError
from vadkit.evaluate.frames import Covered, check_labels, check_videos, cover
from vadkit.evaluate.fuse import FusedVideo, Part, fuse
from vadkit.protocol import Protocol
from vadkit.score.store import VideoScores
from vadkit.values import Labels, RunResult, ScoredVideo, VideoResult

_FLOOR_DRAWS = 20


@dataclass(frozen=True, slots=True)
class _Case:
    """One test video: its scores before and after fusion, and its labels (F',) if it has any."""

    video: Covered
    fused: FusedVideo
    labels: NDArray[np.bool_] | None


def judge(
    name: str,
    folder: Path,
    videos: Sequence[VideoScores],
    labels: Mapping[str, Labels],
    parts: Mapping[str, Part],
    metrics: Sequence[Metric],
    protocol: Protocol,
    *,
    normal: Sequence[VideoScores] = (),
    seed: int = 0,
) -> RunResult:
    """Measure a run under a protocol.

    In the result's `components`, a fused component stands under its name, after its
    transforms; `NAME (raw)` is a component without transforms: the fused ones that have
    some, and all that are stored but not fused.

    Args:
        name: the recipe's name.
        folder: the run folder.
        videos: scores of the test videos.
        labels: video name -> ground truth; videos without any are not measured. Empty: nothing is.
        parts: component -> weight and transforms.
        metrics: what is measured.
        protocol: its `stride` as the run had it; `labels` and `components` are filled in here.
        normal: scores of held-out normal videos, for transforms that are fitted.
        seed: of the random scorer that is the floor.

    Raises:
        DataError: scores or labels are missing, do not fit together or are not finite, or a
            metric cannot be computed from them.
    """
    check_videos(videos)
    check_labels(videos, labels)
    covered = [cover(video, protocol.uncovered) for video in videos]
    fused = fuse(covered, parts, [cover(video, protocol.uncovered) for video in normal])
    cases = [
        _Case(video, one, labels[video.name].frames[video.kept] if video.name in labels else None)
        for video, one in zip(covered, fused, strict=True)
    ]
    labelled = [case for case in cases if case.labels is not None]
    filled = replace(
        protocol,
        labels=", ".join(sorted({label.source for label in labels.values() if label.source})),
        components={component: part.as_dict() for component, part in parts.items()},
    )
    facts = _facts(cases, videos, parts) | {"floor": _floor(labelled, metrics, seed), "vadkit": __version__}
    return RunResult(
        name=name,
        folder=folder,
        metrics=_measure([_scored(case, case.fused.total) for case in labelled], metrics, "the fused score"),
        components=_alone(labelled, parts, metrics),
        protocol=filled.as_dict(),
        videos=[VideoResult(c.video.name, c.fused.total, c.fused.components, c.labels) for c in cases],
        facts=facts,
    )


def _scored(case: _Case, scores: NDArray[np.float64]) -> ScoredVideo:
    labels = case.labels if case.labels is not None else np.zeros(scores.shape, bool)
    return ScoredVideo(case.video.name, scores, labels, case.video.scene)


def _measure(videos: Sequence[ScoredVideo], metrics: Sequence[Metric], what: str) -> dict[str, float]:
    values: dict[str, float] = {}
    for metric in metrics if videos else ():
        found = metric.compute(videos)
        if twice := sorted(values.keys() & found.keys()):
            raise DataError(f"two metrics give a value named {twice[0]!r}", where="evaluate.metrics", fix="keep one")
        if bad := sorted(key for key, value in found.items() if not np.isfinite(value)):
            raise DataError(f"{bad[0]} of {what} is not a finite number", where=type(metric).__name__)
        values |= {key: float(value) for key, value in found.items()}
    return values


def _alone(cases: Sequence[_Case], parts: Mapping[str, Part], metrics: Sequence[Metric]) -> dict[str, dict[str, float]]:
    if not cases:
        return {}
    alone: dict[str, list[ScoredVideo]] = {}
    for name in parts:
        alone[name] = [_scored(case, case.fused.components[name]) for case in cases]
    for name in cases[0].video.components:
        if name not in parts or parts[name].transforms:
            alone[f"{name} (raw)"] = [_scored(case, case.video.components[name]) for case in cases]
    return {name: _measure(videos, metrics, name) for name, videos in alone.items()}


def _floor(cases: Sequence[_Case], metrics: Sequence[Metric], seed: int) -> dict[str, float]:
    """Each metric's mean for a scorer that knows nothing: what a result must be compared with."""
    random = np.random.default_rng(seed)
    draws = [
        _measure([_scored(case, random.random(case.fused.total.shape)) for case in cases], metrics, "a random scorer")
        for _ in range(_FLOOR_DRAWS)
    ]
    return {key: float(np.mean([draw[key] for draw in draws])) for key in draws[0]}


def _facts(cases: Sequence[_Case], videos: Sequence[VideoScores], parts: Mapping[str, Part]) -> dict[str, Any]:
    coverage = np.concatenate([video.coverage for video in videos])
    truth = {case.video.name: case.labels for case in cases if case.labels is not None}
    return {
        "videos": len(cases),
        "frames": sum(case.fused.total.size for case in cases),
        "labelled_frames": sum(labels.size for labels in truth.values()),
        "abnormal_frames": int(sum(labels.sum() for labels in truth.values())),
        "coverage_min": int(coverage.min()),
        "coverage_mean": float(coverage.mean()),
        "frames_without_score": sum(case.video.without for case in cases),
        "frames_dropped": sum(int((~case.video.kept).sum()) for case in cases),
        "single_class_videos": [name for name, labels in truth.items() if labels.all() or not labels.any()],
        "unlabelled_videos": [case.video.name for case in cases if case.labels is None],
        "constant": [f"{component} in {case.video.name}" for case in cases for component in case.fused.constant],
        "needs_future": any(transform.needs_future for part in parts.values() for transform in part.transforms),
    }
