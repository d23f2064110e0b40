"""Judging anybody's scores: a score file, labels, a protocol. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.protocol import Protocol
from vadkit.core.values import Labels, RunResult
from vadkit.data.opening import open_dataset
from vadkit.evaluation import EvaluationData, judge
from vadkit.evaluation.build import build_evaluation, compared, needs_of, refuse_test_tuning
from vadkit.evaluation.run_scores import evaluate_all_protocols, refuse_run, write_reports
from vadkit.plugin.registry import Registry
from vadkit.recipe.evaluation_only import EvaluationOnly, judgement
from vadkit.store.external.labels import read_label_file
from vadkit.store.external.scores import High, read_external_scores, read_normal
from vadkit.store.scores import VideoScores


@dataclass(frozen=True, slots=True)
class ExternalScores:
    """Scores that somebody hands in.

    Attributes:
        scores: one file, or a folder with one file a video.
        data: the data set whose labels count: its name, or `{use: name, ...keys}`.
        data_root: the data set's folder or the one that holds it; default `$VADKIT_DATA`.
        labels: a label file or folder, in place of a data set.
        normal: scores of held-out normal videos by the same method, for protocols that need them.
        dropped: frames at the beginning and at the end of each video that have no score.
        high: what a high score means.
    """

    scores: Path
    data: str | Mapping[str, Any] | None = None
    data_root: str | Path | None = None
    labels: Path | None = None
    normal: Path | None = None
    dropped: tuple[int, int] = (0, 0)
    high: High = "abnormal"

    def __post_init__(self) -> None:
        if self.high not in get_args(High):
            raise VadkitError(f"a high score cannot mean {self.high!r}", where="--high", fix="abnormal or normal")
        pair = isinstance(self.dropped, tuple) and len(self.dropped) == 2
        if not (pair and all(isinstance(count, int) for count in self.dropped)):
            fix = "two whole numbers, (8, 7): frames at each video's start and end"
            raise VadkitError(f"{self.dropped!r} is no pair of counts", where="--dropped", fix=fix)


def evaluate_scores(
    scores: str | Path,
    *,
    data: str | Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    labels: str | Path | None = None,
    normal: str | Path | None = None,
    dropped: tuple[int, int] = (0, 0),
    high: High = "abnormal",
    overrides: Sequence[str] = (),
    report: Sequence[str] = (),
    out: str | Path | None = None,
    allow_test_tuning: bool = False,
    registry: Registry | None = None,
) -> RunResult:
    """Judge scores of any method against the labels of a data set, or of a label file.

    Args:
        scores: `.npz`, `.npy`, `.csv`, `.txt`, `.json` or `.jsonl`, or a folder with one such file a video.
        data: the data set's name, or `{use: name, ...keys}`.
        data_root: the data set's folder or the one that holds it; default `$VADKIT_DATA`.
        labels: a label file or folder, in place of `data`.
        normal: scores of held-out normal videos by the same method; one file, by video.
        dropped: frames at the beginning and at the end of each video that have no score.
        high: what a high score means; "normal" for PSNR and the like.
        overrides: as `--set` takes them: `evaluate.protocol=memae`, `fuse.score.weight=0.5`.
        report: reporters to call, by name.
        out: folder that they write into.
        allow_test_tuning: accept weights fitted to test labels.
        registry: default, all installed plugins.

    Raises:
        VadkitError: anything that the user can mend; see its message.
    """
    submission = ExternalScores(Path(scores), data, data_root, _path(labels), _path(normal), dropped, high)
    return evaluate_external_scores(
        submission,
        overrides=overrides,
        report=report,
        out=out,
        allow_test_tuning=allow_test_tuning,
        registry=registry,
    )


def evaluate_external_scores(
    submission: ExternalScores,
    *,
    overrides: Sequence[str] = (),
    report: Sequence[str] = (),
    out: str | Path | None = None,
    allow_test_tuning: bool = False,
    registry: Registry | None = None,
) -> RunResult:
    """`evaluate_scores` of what was handed in."""
    registry = registry or Registry.discover()
    judged, evidence = _read(submission, overrides, report, registry)
    refuse_test_tuning(judged.evaluate.protocol, allowed=allow_test_tuning)
    needy = [chosen.component.name for chosen in judged.report if chosen.component.name != "console"]
    if needy and not (out and str(out).strip()):
        raise VadkitError(f"the reporter {needy[0]!r} writes files", where="report", fix="say where to, with --out")
    if out:
        refuse_run(out)
    name = submission.scores.stem or str(submission.scores)
    result = _judge(name, _path(out), judged, evidence, judged.evaluate.protocol, registry)
    handed_in = {"high": submission.high, "dropped": list(submission.dropped)}
    result = replace(result, facts={**result.facts, "input": handed_in})
    write_reports(result, judged.report, result.folder)
    return result


def under_all(
    submission: ExternalScores, *, overrides: Sequence[str] = (), registry: Registry | None = None
) -> dict[str, RunResult | VadkitError]:
    """The same scores under every preset: preset -> result, or why there is none.

    Raises:
        VadkitError: the scores or labels cannot be read.
    """
    registry = registry or Registry.discover()
    judged, evidence = _read(submission, overrides, (), registry)

    def under(protocol: Protocol) -> RunResult:
        other = replace(judged, evaluate=compared(judged.evaluate, protocol, registry))
        return _judge(submission.scores.stem, None, other, evidence, protocol, registry, rounds=0)

    return evaluate_all_protocols(under, test_tuned=judged.evaluate.protocol.test_tuned)


def _path(given: str | Path | None) -> Path | None:
    return Path(given) if given is not None else None


def _read(
    submission: ExternalScores, overrides: Sequence[str], report: Sequence[str], registry: Registry
) -> tuple[EvaluationOnly, EvaluationData]:
    if not submission.scores.exists():
        where = str(submission.scores)
        raise DataError("there is no such file or folder", where=where, fix="check the path of the scores")
    judged = judgement(submission.data, overrides, registry, report=report)
    if (judged.data is None) == (submission.labels is None):
        raise VadkitError(
            "scores are judged against labels: of a data set or of a label file, one of the two",
            where="vadkit eval",
            fix="give --data NAME (with --data-root), or --labels PATH",
        )
    truth, about = _truth(judged, submission)
    lengths = {name: len(label.frames) for name, label in truth.items()}
    found = read_external_scores(submission.scores, lengths, dropped=submission.dropped, high=submission.high)
    videos = [_placed(video, about) for video in found]
    normal = (
        read_normal(submission.normal, dropped=submission.dropped, high=submission.high) if submission.normal else ()
    )
    fps = next((video.fps for video in videos if video.fps), None)
    return judged.with_components(list(videos[0].components)), EvaluationData(
        videos, truth, [replace(video, fps=video.fps or fps) for video in normal]
    )


def _truth(
    judged: EvaluationOnly, submission: ExternalScores
) -> tuple[dict[str, Labels], dict[str, tuple[str, float | None]]]:
    """Video -> labels, and video -> scene and frame rate."""
    if submission.labels is not None:
        return read_label_file(submission.labels), {}
    assert judged.data is not None
    dataset: Dataset = open_dataset(judged.data, submission.data_root)
    pairs = dataset.ground_truth()
    if not pairs:
        raise DataError("no test video has labels", where=judged.data.component.name)
    return (
        {video.name: labels for video, labels in pairs},
        {video.name: (video.scene, video.fps) for video, _ in pairs},
    )


def _placed(video: VideoScores, about: Mapping[str, tuple[str, float | None]]) -> VideoScores:
    scene, fps = about.get(video.name, (video.scene, video.fps))
    return replace(video, scene=scene, fps=fps)


def _judge(
    name: str,
    out: Path | None,
    judged: EvaluationOnly,
    evidence: EvaluationData,
    protocol: Protocol,
    registry: Registry,
    *,
    rounds: int | None = None,
) -> RunResult:
    plan = build_evaluation(judged, replace(protocol, stride=0), registry, judged.seed)
    needs = needs_of(plan)
    if needs.normal and not evidence.normal:
        raise DataError(
            f"{needs.normal}, and no scores of any are given",
            where=f"protocol {protocol.name}",
            fix="give scores of held-out normal videos with --normal PATH, or choose another protocol",
        )
    if needs.anomaly_maps or needs.synthetic:
        what = "anomaly_maps" if needs.anomaly_maps else "scores of synthetic anomalies"
        raise DataError(
            f"{what} are needed, and score files of other methods have none", where=f"protocol {protocol.name}"
        )
    plan = plan if rounds is None else replace(plan, rounds=rounds)
    return judge(name, out or Path(), evidence, plan)
