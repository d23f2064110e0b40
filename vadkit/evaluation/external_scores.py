"""Evaluates scores of other tools: a score file, labels and a protocol. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

from vadkit.core.errors import DataError, VadkitError
from vadkit.core.values import Labels, RunResult
from vadkit.data.opening import open_dataset
from vadkit.evaluation import EvaluationData, Evaluator
from vadkit.evaluation.bootstrap import ROUNDS
from vadkit.evaluation.build import build_evaluation, refuse_test_tuning
from vadkit.evaluation.reporting import refuse_run, write_reports
from vadkit.evaluation.run_scores import evaluate_under_all_protocols
from vadkit.plugin.registry import Registry
from vadkit.recipe.evaluation_only import EvaluationOnly, read_evaluation_only
from vadkit.store.external.labels import frame_labels
from vadkit.store.external.scores import High, read_external_scores, read_normal, scored_lengths


@dataclass(frozen=True, slots=True)
class ExternalScores:
    """Scores of another tool, and their labels; attributes as the arguments of `evaluate_scores`."""

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
            raise VadkitError(f"{self.dropped!r} is not a pair of counts", where="--dropped", fix=fix)


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
    """Evaluate scores of any method against the labels of a data set or of a label file.

    Args:
        scores: `.npz`, `.npy`, `.csv`, `.txt`, `.json` or `.jsonl`, or a folder with one such file per video.
        data: the data set that provides the labels: its name, or `{use: name, ...keys}`.
        data_root: the folder of the data set or its parent folder; default `$VADKIT_DATA`.
        labels: a label file or folder, instead of `data`.
        normal: scores of held-out normal videos by the same method, for protocols that need them; one file.
        dropped: number of frames without a score at the start and at the end of each video.
        high: what a high score means; "normal" for PSNR and similar scores.
        overrides: changes as `--set` takes them: `evaluate.protocol=memae`, `fuse.score.weight=0.5`.
        report: reporters to call, by name.
        out: the folder that they write into.
        allow_test_tuning: accept weights that are fitted to test labels.
        registry: where components are looked up; default, all installed plugins.

    Raises:
        VadkitError: anything that the user can fix; the message says how.
    """
    given = ExternalScores(Path(scores), data, data_root, _path(labels), _path(normal), dropped, high)
    registry = registry or Registry.discover()
    sections, read = _read(given, overrides, report, registry)
    refuse_test_tuning(sections.evaluate.protocol, allowed=allow_test_tuning)
    writers = [chosen.component.name for chosen in sections.report if chosen.component.name != "console"]
    if writers and not (out and str(out).strip()):
        raise VadkitError(f"the reporter {writers[0]!r} writes files", where="report", fix="name a folder with --out")
    if out:
        refuse_run(out)
    result = _evaluate(given, sections, read, registry, out=_path(out))
    scores_input = {"high": given.high, "dropped": list(given.dropped)}
    result = replace(result, summary=replace(result.summary, scores_input=scores_input))
    write_reports(result, sections.report, result.folder)
    return result


def evaluate_external_all_protocols(
    given: ExternalScores, *, overrides: Sequence[str] = (), registry: Registry | None = None
) -> dict[str, RunResult | VadkitError]:
    """Evaluate external scores under every preset: preset -> result, or the error that it raised.

    Raises:
        VadkitError: the scores or labels cannot be read.
    """
    registry = registry or Registry.discover()
    sections, data = _read(given, overrides, (), registry)

    def evaluate_one(changed: EvaluationOnly) -> RunResult:
        return _evaluate(given, changed, data, registry, rounds=0)

    return evaluate_under_all_protocols(sections, registry, evaluate_one)


def _path(path: str | Path | None) -> Path | None:
    return Path(path) if path is not None else None


def _read(
    given: ExternalScores, overrides: Sequence[str], report: Sequence[str], registry: Registry
) -> tuple[EvaluationOnly, EvaluationData]:
    if not given.scores.exists():
        raise DataError("does not exist", where=str(given.scores), fix="check the path of the scores")
    sections = read_evaluation_only(given.data, overrides, registry, report=report)
    if (sections.data is None) == (given.labels is None):
        what = "labels come either from a data set or from a label file; name one of the two"
        raise VadkitError(what, where="vadkit eval", fix="give --data NAME (with --data-root), or --labels PATH")
    truth, known = _truth(sections, given)
    lengths = {name: len(label.frames) for name, label in truth.items()}
    scores = read_external_scores(given.scores, lengths, dropped=given.dropped, high=given.high)
    videos = [replace(video, **known.get(video.name, {})) for video in scores]
    normal = read_normal(given.normal, dropped=given.dropped, high=given.high) if given.normal else ()
    fps = next((video.fps for video in videos if video.fps), None)
    normal = [replace(video, fps=video.fps or fps) for video in normal]
    return sections.with_components(list(videos[0].components)), EvaluationData(videos, truth, normal)


def _truth(sections: EvaluationOnly, given: ExternalScores) -> tuple[dict[str, Labels], dict[str, dict[str, Any]]]:
    """Video -> labels, and video -> scene and frame rate."""
    if given.labels is not None:
        return frame_labels(given.labels, partial(scored_lengths, given.scores, dropped=given.dropped)), {}
    assert sections.data is not None
    pairs = open_dataset(sections.data, given.data_root).ground_truth()
    if not pairs:
        raise DataError("no test video has labels", where=sections.data.component.name)
    labels = {video.name: label for video, label in pairs}
    return labels, {video.name: {"scene": video.scene, "fps": video.fps} for video, _ in pairs}


def _evaluate(
    given: ExternalScores,
    sections: EvaluationOnly,
    data: EvaluationData,
    registry: Registry,
    *,
    out: Path | None = None,
    rounds: int = ROUNDS,
) -> RunResult:
    protocol = replace(sections.evaluate.protocol, stride=0, overlap="mean")
    config = replace(build_evaluation(sections, protocol, registry, sections.seed), rounds=rounds)
    needs, where = config.needs, f"protocol {protocol.name}"
    if needs.normal and not data.normal:
        fix = "give scores of held-out normal videos with --normal PATH, or choose another protocol"
        raise DataError(f"{needs.normal}, but no scores of normal videos are given", where=where, fix=fix)
    if needs.anomaly_maps or needs.synthetic:
        what = "anomaly maps" if needs.anomaly_maps else "scores of synthetic anomalies"
        raise DataError(f"{what} are needed, but score files of other tools have none", where=where)
    name = given.scores.stem or str(given.scores)
    return Evaluator(config).evaluate(data, name=name, folder=out or Path()).result
