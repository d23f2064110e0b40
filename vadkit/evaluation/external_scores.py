"""Evaluates scores of other tools: a score file, labels and a protocol. No torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.core.errors import DataError, VadkitError, closest
from vadkit.core.protocol import MissingScores
from vadkit.core.values import Labels, RunResult
from vadkit.data.opening import open_dataset
from vadkit.evaluation import EvaluationData, Evaluator
from vadkit.evaluation.bootstrap import ROUNDS
from vadkit.evaluation.build import build_evaluation, refuse_test_tuning
from vadkit.evaluation.coverage import ends_text, uneven_ends
from vadkit.evaluation.reporting import refuse_run, write_reports
from vadkit.evaluation.run_scores import evaluate_under_all_protocols
from vadkit.plugin.registry import Registry
from vadkit.recipe.evaluation_only import EvaluationOnly, read_evaluation_only
from vadkit.store.external.labels import frame_labels
from vadkit.store.external.reading import Ends, High, Reading
from vadkit.store.external.scores import read_external_scores, read_normal, read_regions, scored_lengths
from vadkit.store.scores import VideoScores

_MOST_GAPS = 0.1  # share of the frames that may lack a score without `allow_gaps`


@dataclass(frozen=True, slots=True)
class ExternalScores:
    """Scores of another tool, and their labels; attributes as the arguments of `evaluate_scores`."""

    scores: Path
    data: str | Mapping[str, Any] | None = None
    data_root: str | Path | None = None
    labels: Path | None = None
    normal: Path | None = None
    maps: Path | None = None
    videos: Sequence[str] = ()
    reading: Reading = field(default_factory=Reading)
    allow_gaps: bool = False


def evaluate_scores(
    scores: str | Path,
    *,
    data: str | Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    labels: str | Path | None = None,
    normal: str | Path | None = None,
    maps: str | Path | None = None,
    videos: Sequence[str] = (),
    dropped: Ends = (0, 0),
    drop: Ends = (0, 0),
    high: High | Mapping[str, High] = "abnormal",
    allow_gaps: bool = False,
    overrides: Sequence[str] = (),
    report: Sequence[str | Mapping[str, Any]] = (),
    out: str | Path | None = None,
    allow_test_tuning: bool = False,
    registry: Registry | None = None,
) -> RunResult:
    """Evaluate scores of any method against the labels of a data set or of a label file.

    Args:
        scores: `.npz`, `.npy`, `.csv`, `.txt`, `.json` or `.jsonl`, or a folder with one such file per video. Anomaly
            maps and boxes are accepted too.
        data: the data set that provides the labels: its name, or `{use: name, ...keys}`.
        data_root: the folder of the data set or its parent folder; default `$VADKIT_DATA`.
        labels: a label file or folder, instead of `data`.
        normal: scores of held-out normal videos by the same method, for protocols that need them; one file.
        maps: anomaly maps or boxes by the same method, for `pixel_auc` and `rbdc_tbdc`; higher = more anomalous.
        videos: names or patterns (`01_*`) of the test videos to evaluate; default, all.
        dropped: number of frames without a score at the start and at the end of each video.
        drop: number of frames at the start and at the end of each video that have scores which do not count.
        high: what a high score means; "normal" for PSNR and similar scores. Or component -> what it means.
        allow_gaps: accept that more than a tenth of the frames have no score, between scored frames of all videos or
            at the ends of one video only.
        overrides: changes as `--set` takes them: `evaluate.protocol=memae`, `fuse.score.weight=0.5`.
        report: reporters to call, by name, or as `{use: name, ...keys}`.
        out: the folder that they write into.
        allow_test_tuning: accept weights that are fitted to test labels.
        registry: where components are looked up; default, all installed plugins.

    Raises:
        VadkitError: anything that the user can fix; the message says how.
    """
    reading = Reading(dropped, drop, high)
    given = ExternalScores(
        Path(scores), data, data_root, _path(labels), _path(normal), _path(maps), videos, reading, allow_gaps
    )
    registry = registry or Registry.discover()
    sections, read = _read(given, overrides, report, registry)
    refuse_test_tuning(sections.evaluate.protocol, allowed=allow_test_tuning)
    writers = [chosen.component.name for chosen in sections.report if chosen.component.name != "console"]
    if writers and not (out and str(out).strip()):
        raise VadkitError(f"the reporter {writers[0]!r} writes files", where="report", fix="name a folder with --out")
    if out:
        refuse_run(out)
    result = _evaluate(given, sections, read, registry, out=_path(out))
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
    given: ExternalScores,
    overrides: Sequence[str],
    report: Sequence[str | Mapping[str, Any]],
    registry: Registry,
) -> tuple[EvaluationOnly, EvaluationData]:
    for path in (given.scores, given.maps):
        if path and not path.exists():
            raise DataError("does not exist", where=str(path), fix="check the path of the scores")
    sections = read_evaluation_only(given.data, overrides, registry, report=report)
    if (sections.data is None) == (given.labels is None):
        what = "labels come either from a data set or from a label file; name one of the two"
        raise VadkitError(what, where="vadkit eval", fix="give --data NAME (with --data-root), or --labels PATH")
    reading = given.reading
    truth, known = _truth(sections, given)
    lengths = {name: len(label.frames) for name, label in truth.items()}
    videos = read_external_scores(given.scores, lengths, reading)
    if given.maps:
        videos = read_regions(given.maps, videos, reading.dropped)
    kept = _chosen(given.videos, truth)
    videos = [replace(video, **known.get(video.name, {})) for video in videos if video.name in kept]
    truth = {name: label for name, label in truth.items() if name in kept}
    normal = read_normal(given.normal, reading) if given.normal else ()
    fps = next((video.fps for video in videos if video.fps), None)
    normal = [replace(video, fps=video.fps or fps) for video in normal]
    return sections.with_components(list(videos[0].components)), EvaluationData(videos, truth, normal)


def _chosen(patterns: Sequence[str], names: Collection[str]) -> set[str]:
    """The names that one of the patterns matches; all without patterns."""
    if not patterns:
        return set(names)
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise DataError(f"no test video is named {pattern!r}", where="--videos", fix=closest(pattern, names))
    return {name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)}


def _truth(sections: EvaluationOnly, given: ExternalScores) -> tuple[dict[str, Labels], dict[str, dict[str, Any]]]:
    """Video -> labels, and video -> scene and frame rate."""
    if given.labels is not None:
        return frame_labels(given.labels, partial(scored_lengths, given.scores, dropped=given.reading.dropped)), {}
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
    if needs.synthetic:
        what = "scores of synthetic anomalies are needed, but score files of other tools have none"
        raise DataError(what, where=where, fix="choose another rule with 'weights' under 'evaluate.protocol'")
    if needs.anomaly_maps and all(video.anomaly_maps is None and video.detections is None for video in data.videos):
        what = "a metric needs anomaly maps or boxes, but these scores have neither"
        raise DataError(what, where="evaluate.metrics", fix="give them with --maps PATH, or leave the metric out")
    if not given.allow_gaps:
        _refuse_gaps(data.videos, protocol.missing_scores, given)
    name = given.scores.stem or str(given.scores)
    result = Evaluator(config).evaluate(data, name=name, folder=out or Path()).result
    reading = given.reading
    scores_input: dict[str, Any] = {"high": reading.high, "dropped": list(reading.dropped)}
    scores_input |= {"drop": list(reading.drop)} if any(reading.drop) else {}
    scores_input |= {"videos": list(given.videos)} if given.videos else {}
    return replace(result, summary=replace(result.summary, scores_input=scores_input))


def _refuse_gaps(videos: Sequence[VideoScores], rule: MissingScores, given: ExternalScores) -> None:
    """Raise a DataError if many frames have no score: most numbers would not be the method's."""
    if rule == "error":
        return
    done = "would be left out" if rule == "drop" else f"would be filled in (missing_scores: {rule})"
    without = {
        video.name: np.any([np.isnan(scores) for scores in video.components.values()], axis=0) for video in videos
    }
    gaps, frames, first = 0, 0, ""
    for name, missing in without.items():
        scored = np.flatnonzero(~missing)
        between = int(missing[scored[0] : scored[-1] + 1].sum()) if scored.size else 0
        first = first or (name if between else "")
        gaps, frames = gaps + between, frames + missing.size
    if gaps > _MOST_GAPS * frames:
        what = (
            f"{gaps} of {frames} frames between scored frames have no score (the first in video {first!r}), and {done}"
        )
        fix = (
            "score every frame, or repeat a score that stands for n frames: np.repeat(scores, n)[:frames]; "
            "--allow-gaps evaluates such scores anyway"
        )
        raise DataError(what, where=str(given.scores), fix=fix)
    declared = np.maximum(given.reading.dropped, given.reading.drop) if len(videos) == 1 else (0, 0)
    for name, ends in uneven_ends(without).items():
        first, last = (int(count) for count in np.maximum(np.subtract(ends, declared), 0))
        if first + last > _MOST_GAPS * without[name].size:
            than = " more than in the other videos" if len(videos) > 1 else ""
            what = f"the {ends_text(first, last)} frames{than} have no score, and {done}"
            fix = (
                "check that the method did not fail there, or add --drop FIRST:LAST if it scores no ends of videos; "
                "--allow-gaps evaluates such scores anyway"
            )
            raise DataError(what, where=f"{given.scores}, video {name!r}", fix=fix)
