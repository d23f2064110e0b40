"""Scores, labels and a protocol become a result: the fused score, each component alone, and a random scorer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from vadkit.core.contracts import Metric
from vadkit.core.errors import DataError
from vadkit.core.values import ResultSummary, RunResult, ScoredVideo, VideoResult
from vadkit.core.version import __version__
from vadkit.evaluation.bootstrap import chance, measure
from vadkit.evaluation.calibration import calibrate
from vadkit.evaluation.chance import random_scorer
from vadkit.evaluation.config import EvaluationConfig, EvaluationData
from vadkit.evaluation.coverage import (
    Imputed,
    check_labels,
    check_normal,
    check_videos,
    ends_text,
    impute,
    uneven_ends,
)
from vadkit.evaluation.fusion import Fusion
from vadkit.evaluation.rows import Case, component_rows, fuse_cases, fused_row, kept_of
from vadkit.evaluation.weights import divide_by_deviations, fit_to
from vadkit.store.scores import VideoScores


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of an evaluation.

    Attributes:
        result: metrics, intervals and what they are shown with.
        videos: the labelled test videos with their final scores, as the metrics saw them.
        metrics: the metrics.
    """

    result: RunResult
    videos: list[ScoredVideo]
    metrics: Sequence[Metric]


class Evaluator:
    """Evaluates scores under one configuration."""

    def __init__(self, config: EvaluationConfig) -> None:
        self.config = config

    def fit(self, data: EvaluationData) -> Fusion:
        """Fit transforms and weights on held-out normal video. Test videos and labels are not read.

        Raises:
            DataError: the videos that they are fitted on are missing.
        """
        config = self.config
        fusion = Fusion(dict(config.components), config.smoothing, self._impute(data.normal))
        if config.protocol.weights == "normal":
            divide_by_deviations(fusion)
        elif config.protocol.weights == "synthetic":
            labels = data.synthetic_labels or {}
            synthetic = self._impute(data.synthetic)
            fit_to(fusion, synthetic, [labels[video.name] for video in synthetic], what="synthetic videos")
        return fusion

    def evaluate(self, data: EvaluationData, *, name: str = "", folder: Path = Path()) -> Evaluation:
        """Measure scores.

        In the result's `components`, a fused component has its own name and is measured after its transforms.
        `NAME (raw)` is a component without transforms: fused components that have transforms, and all stored
        components that are not fused. The result has the name of the recipe and the run folder.

        Raises:
            DataError: scores or labels are missing, do not match or are not finite, or a metric is not defined
                for them.
        """
        config, protocol = self.config, self.config.protocol
        check_videos(data.videos)
        check_normal(data.normal, data.videos)
        check_labels(data.videos, data.labels)
        videos = self._impute(data.videos)
        fusion = self.fit(data)
        if protocol.weights == "test":
            labelled = [video for video in videos if video.name in data.labels]
            fit_to(fusion, labelled, [data.labels[video.name].frames for video in labelled], what="test videos")
        cases = fuse_cases(fusion, videos, data.labels)
        calibration = calibrate(fusion, protocol)
        fused = fused_row(cases, calibration)
        measured = measure(config.metrics, fused, "the fused score", seed=config.seed, rounds=config.rounds)
        alone = [metric for metric in config.metrics if not (metric.needs_anomaly_maps or metric.in_units)]
        draw = random_scorer(data.videos, data.normal, data.labels, fusion, protocol)
        random_metrics = [metric for metric in config.metrics if not metric.in_units] if fused else []
        by_chance, draws = chance(random_metrics, draw, seed=config.seed)
        sources = {label.source for label in data.labels.values() if label.source}
        weights = {component: part.as_dict() for component, part in fusion.parts.items()}
        summary = replace(
            _summary(cases, data.videos, config),
            basis={name: text for metric in config.metrics for name, text in metric.basis(fused).items()},
            chance=by_chance,
            chance_draws=draws,
            bootstrap={"rounds": config.rounds, "over": "videos", "videos": len(fused), "seed": config.seed},
        )
        if calibration is not None:
            summary = replace(
                summary,
                alarm_threshold=calibration.threshold,
                normal_videos=calibration.videos,
                normal_hours=calibration.hours,
            )
        headline = {name: value for name, value in measured.values.items() if name == protocol.headline}
        result = RunResult(
            name=name,
            folder=folder,
            metrics=headline | measured.values,
            components={
                row: measure(alone, scored, row).values for row, scored in component_rows(cases, fusion, protocol)
            },
            protocol=replace(protocol, labels=", ".join(sorted(sources)), components=weights).as_dict(),
            videos=[_video_result(case) for case in cases],
            summary=summary,
            intervals=measured.intervals,
            groups=_groups(fused, config.metrics),
            units={name: unit for metric in config.metrics for name, unit in metric.units.items()},
        )
        return Evaluation(result, fused, config.metrics)

    def _impute(self, videos: Sequence[VideoScores]) -> list[Imputed]:
        protocol = self.config.protocol
        combined = [video.combined(protocol.overlap) for video in videos]
        return impute(combined, protocol.missing_scores, min_windows=protocol.min_windows, stride=protocol.stride)


def _video_result(case: Case) -> VideoResult:
    """What reporters see of a video."""
    video, fused = case.video, case.fused
    numbers = np.flatnonzero(video.kept)
    maps = partial(kept_of, video.anomaly_maps, video.kept) if video.anomaly_maps else None
    return VideoResult(
        video.name, fused.total, fused.components, case.labels, video.components, numbers, maps, video.fps
    )


def _groups(videos: Sequence[ScoredVideo], metrics: Sequence[Metric]) -> dict[str, dict[str, dict[str, float]]]:
    """Values of each video and of each scene alone, where they are defined."""
    scenes: dict[str, list[ScoredVideo]] = {}
    for video in videos:
        scenes.setdefault(video.scene, []).append(video)
    several = scenes if len(scenes) > 1 else {}
    members = {"video": {video.name: [video] for video in videos}, "scene": several}
    chosen = [metric for metric in metrics if metric.by_group and not metric.needs_anomaly_maps]
    return {kind: {name: _defined(some, chosen) for name, some in groups.items()} for kind, groups in members.items()}


def _defined(videos: Sequence[ScoredVideo], metrics: Sequence[Metric]) -> dict[str, float]:
    values: dict[str, float] = {}
    for metric in metrics:
        with suppress(DataError):  # one class only
            values |= {key: float(value) for key, value in metric.compute(videos).items() if np.isfinite(value)}
    return values


def _uneven_ends(cases: Sequence[Case]) -> tuple[str, ...]:
    found = uneven_ends({case.video.name: case.video.without for case in cases})
    return tuple(f"{name} ({ends_text(*ends)} frames)" for name, ends in found.items())


def _summary(cases: Sequence[Case], videos: Sequence[VideoScores], config: EvaluationConfig) -> ResultSummary:
    coverage = np.concatenate([video.coverage for video in videos])
    truth = {case.video.name: case.labels for case in cases if case.labels is not None}
    return ResultSummary(
        videos=len(cases),
        frames=sum(case.fused.total.size for case in cases),
        labelled_frames=sum(labels.size for labels in truth.values()),
        abnormal_frames=int(sum(labels.sum() for labels in truth.values())),
        coverage_min=int(coverage.min()),
        coverage_mean=float(coverage.mean()),
        frames_without_score=sum(int(case.video.without.sum()) for case in cases),
        uneven_ends=_uneven_ends(cases) if len(cases) > 1 else (),
        frames_dropped=sum(int((~case.video.kept).sum()) for case in cases),
        single_class_videos=tuple(name for name, labels in truth.items() if labels.all() or not labels.any()),
        unlabelled_videos=tuple(case.video.name for case in cases if case.labels is None),
        constant=tuple(f"{component} in {case.video.name}" for case in cases for component in case.fused.constant),
        needs_future=any(one.needs_future for one in config.transforms),
        metric_settings=config.metric_settings,
        vadkit=__version__,
    )
