"""Scores, labels and a protocol to a run's result: the fused score, each component alone, and chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Metric, ScoreTransform
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.protocol import Protocol
from vadkit.core.values import Labels, RunResult, ScoredVideo, VideoResult
from vadkit.core.version import __version__
from vadkit.evaluation.bootstrap import ROUNDS, chance, measure
from vadkit.evaluation.calibration import Calibration, calibrate
from vadkit.evaluation.chance import random_scorer
from vadkit.evaluation.coverage import check_labels, check_normal, check_videos, impute
from vadkit.evaluation.fusion import ComponentFusion, Fusion
from vadkit.evaluation.rows import Case, ResultRows, fuse_cases, kept_of
from vadkit.evaluation.weights import divide_by_deviations, fit_to
from vadkit.store.scores import VideoScores


@dataclass(frozen=True, slots=True)
class EvaluationData:
    """What is judged, and what it may be judged with.

    Attributes:
        videos: scores of the test videos.
        labels: video name -> ground truth; videos without any are not measured. Empty: nothing is.
        normal: scores of held-out normal videos: for transforms that are fitted, and the alarm threshold.
        synthetic: scores of held-out normal videos with anomalies put in, for fitted weights.
        synthetic_labels: video name -> which of their frames have any.
    """

    videos: Sequence[VideoScores]
    labels: Mapping[str, Labels]
    normal: Sequence[VideoScores] = ()
    synthetic: Sequence[VideoScores] = ()
    synthetic_labels: Mapping[str, NDArray[np.bool_]] | None = None


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """How it is judged.

    Attributes:
        parts: component -> weight and transforms.
        metrics: what is measured.
        protocol: its `stride`, `overlap` and `held_out` as the run had them; `labels` and
            `components` are filled in here.
        smoothing: the protocol's, built.
        seed: of the bootstrap and of the random scorer.
        rounds: of the bootstrap; 0 leaves it out.
        measured: the metrics as `describe` gives them.
    """

    parts: Mapping[str, ComponentFusion]
    metrics: Sequence[Metric]
    protocol: Protocol
    smoothing: tuple[ScoreTransform, ...] = ()
    seed: int = 0
    rounds: int = ROUNDS
    measured: tuple[Mapping[str, Any], ...] = ()


def judge(name: str, folder: Path, evidence: EvaluationData, plan: EvaluationConfig) -> RunResult:
    """Measure a run under a protocol.

    In the result's `components`, a fused component stands under its name, after its
    transforms; `NAME (raw)` is a component without transforms: the fused ones that have
    some, and all that are stored but not fused.

    Args:
        name: the recipe's name.
        folder: the run folder.
        evidence: scores and labels.
        plan: how they are judged.

    Raises:
        DataError: scores or labels are missing, do not fit together or are not finite, or a
            metric cannot be computed from them.
        VadkitError: the protocol refuses a transform.
    """
    return evaluate_videos(name, folder, evidence, plan)[0]


def evaluate_videos(
    name: str, folder: Path, evidence: EvaluationData, plan: EvaluationConfig
) -> tuple[RunResult, list[ScoredVideo]]:
    """`judge`, and the labelled videos with their final scores as the metrics saw them."""
    protocol = plan.protocol
    refuse_future(plan)
    check_videos(evidence.videos)
    check_normal(evidence.normal, evidence.videos)
    check_labels(evidence.videos, evidence.labels)
    videos = impute(evidence.videos, protocol.missing_scores)
    fusion = fusion_of(evidence, plan)
    if protocol.weights == "test":
        labelled = [video for video in videos if video.name in evidence.labels]
        fit_to(fusion, labelled, [evidence.labels[video.name].frames for video in labelled], what="test videos")
    cases = fuse_cases(fusion, videos, evidence.labels)
    calibration = calibrate(fusion, protocol)
    rows = ResultRows(cases, fusion, calibration, protocol.false_alarms_per_hour)
    fused = rows.fused()
    found = measure(plan.metrics, fused, "the fused score", seed=plan.seed, rounds=plan.rounds)
    alone = [metric for metric in plan.metrics if not (metric.needs_anomaly_maps or metric.in_units)]
    of_chance = [metric for metric in plan.metrics if not metric.in_units] if fused else []
    draw = random_scorer(evidence.videos, evidence.normal, evidence.labels, fusion, protocol)
    by_chance, draws = chance(of_chance, draw, seed=plan.seed)
    filled = replace(
        protocol,
        labels=", ".join(sorted({label.source for label in evidence.labels.values() if label.source})),
        components={component: part.as_dict() for component, part in fusion.parts.items()},
    )
    result = RunResult(
        name=name,
        folder=folder,
        metrics=_headline_first(found.values, protocol.headline),
        components={row: measure(alone, scored, row).values for row, scored in rows.alone()},
        protocol=filled.as_dict(),
        videos=[_shown(case) for case in cases],
        facts=_facts(cases, evidence.videos, plan)
        | _threshold(calibration)
        | {"chance": by_chance, "chance_draws": draws}
        | {"bootstrap": {"rounds": plan.rounds, "over": "videos", "videos": len(fused), "seed": plan.seed}}
        | {"measured": list(plan.measured), "vadkit": __version__},
        intervals={metric: (interval.low, interval.high) for metric, interval in found.intervals.items()},
        groups=_groups(fused, plan.metrics),
        units={name: unit for metric in plan.metrics for name, unit in metric.units.items()},
    )
    return result, fused


def _shown(case: Case) -> VideoResult:
    """What the reporters see of a video."""
    video, fused = case.video, case.fused
    numbers = np.flatnonzero(video.kept)
    anomaly_maps = partial(kept_of, video.anomaly_maps, video.kept) if video.anomaly_maps else None
    return VideoResult(video.name, fused.total, fused.components, case.labels, video.components, numbers, anomaly_maps)


def refuse_future(plan: EvaluationConfig) -> None:
    """Hold a deployable protocol to its word.

    Raises:
        VadkitError: a transform needs the future or other test videos.
    """
    protocol = plan.protocol
    if not protocol.deployable:
        return
    if protocol.missing_scores in ("nearest", "min"):
        raise VadkitError(
            f"protocol {protocol.name!r} is deployable and refuses 'missing_scores: {protocol.missing_scores}': "
            "frames without a score would take one from later frames or from other test videos",
            where="evaluate.protocol",
            fix="set missing_scores: drop",
        )
    if protocol.weights == "test":
        raise VadkitError(
            f"protocol {protocol.name!r} is deployable and refuses weights that are fitted to test labels",
            where="evaluate.protocol",
            fix="set weights: fixed, normal or synthetic",
        )
    named = [(f"component {name!r}", one) for name, part in plan.parts.items() for one in part.transforms]
    for where, transform in (*named, *(("the fused score", one) for one in plan.smoothing)):
        if transform.needs_future or transform.scope != "video":
            raise VadkitError(
                f"protocol {plan.protocol.name!r} is deployable and refuses transform {type(transform).__name__} of "
                f"{where}: it needs later frames or other test videos",
                where="evaluate.protocol",
                fix="fit it on held-out normal video ('over: training'), smooth with 'exponential', or choose another "
                "protocol",
            )


def fusion_of(evidence: EvaluationData, plan: EvaluationConfig) -> Fusion:
    """Transforms and weights, fitted on held-out normal video alone: `evidence.videos` and labels are not read.

    Raises:
        DataError: what they are fitted to is not there.
    """
    rule = plan.protocol.missing_scores
    fusion = Fusion(dict(plan.parts), plan.smoothing, impute(evidence.normal, rule))
    if plan.protocol.weights == "normal":
        divide_by_deviations(fusion)
    elif plan.protocol.weights == "synthetic":
        truth = evidence.synthetic_labels or {}
        altered = impute(evidence.synthetic, rule)
        fit_to(fusion, altered, [truth[video.name] for video in altered], what="synthetic videos")
    return fusion


def _threshold(calibration: Calibration | None) -> dict[str, Any]:
    if calibration is None:
        return {}
    return {
        "alarm_threshold": calibration.threshold,
        "normal_videos": list(calibration.videos),
        "normal_hours": calibration.hours,
    }


def _headline_first(metrics: Mapping[str, float], headline: str) -> dict[str, float]:
    first = {headline: metrics[headline]} if headline in metrics else {}
    return first | dict(metrics)


def _groups(videos: Sequence[ScoredVideo], metrics: Sequence[Metric]) -> dict[str, dict[str, dict[str, float]]]:
    """Values of each video and each scene alone, where they are defined."""
    scenes: dict[str, list[ScoredVideo]] = {}
    for video in videos:
        scenes.setdefault(video.scene, []).append(video)
    several = scenes if len(scenes) > 1 else {}
    members = {"video": {video.name: [video] for video in videos}, "scene": several}
    chosen = [metric for metric in metrics if metric.by_group and not metric.needs_anomaly_maps]
    return {kind: {name: _defined(some, chosen) for name, some in groups.items()} for kind, groups in members.items()}


def _defined(videos: Sequence[ScoredVideo], metrics: Sequence[Metric]) -> dict[str, float]:
    found: dict[str, float] = {}
    for metric in metrics:
        try:
            found |= {key: float(value) for key, value in metric.compute(videos).items() if np.isfinite(value)}
        except DataError:
            continue  # one class only
    return found


def _facts(cases: Sequence[Case], videos: Sequence[VideoScores], plan: EvaluationConfig) -> dict[str, Any]:
    coverage = np.concatenate([video.coverage for video in videos])
    truth = {case.video.name: case.labels for case in cases if case.labels is not None}
    every = [one for part in plan.parts.values() for one in part.transforms]
    return {
        "videos": len(cases),
        "frames": sum(case.fused.total.size for case in cases),
        "labelled_frames": sum(labels.size for labels in truth.values()),
        "abnormal_frames": int(sum(labels.sum() for labels in truth.values())),
        "coverage_min": int(coverage.min()),
        "coverage_mean": float(coverage.mean()),
        "frames_without_score": sum(int(case.video.without.sum()) for case in cases),
        "frames_dropped": sum(int((~case.video.kept).sum()) for case in cases),
        "single_class_videos": [name for name, labels in truth.items() if labels.all() or not labels.any()],
        "unlabelled_videos": [case.video.name for case in cases if case.labels is None],
        "constant": [f"{component} in {case.video.name}" for case in cases for component in case.fused.constant],
        "needs_future": any(one.needs_future for one in (*every, *plan.smoothing)),
    }
