"""Evaluates the score files of a run. No torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from vadkit.core.alarms import levels
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.files import atomic_write_text
from vadkit.core.values import ClipSpec, Event, RunOrigin, RunResult
from vadkit.evaluation.build import COMPARED, refuse_test_tuning, with_metrics
from vadkit.evaluation.calibration import Calibration, calibrate
from vadkit.evaluation.config import EvaluationConfig, EvaluationData, Needs
from vadkit.evaluation.coverage import enough_windows
from vadkit.evaluation.evaluator import Evaluation, Evaluator
from vadkit.evaluation.events import Box, find_events, locate
from vadkit.plugin.registry import Registry
from vadkit.recipe import load
from vadkit.recipe.evaluation_only import EvaluationOnly
from vadkit.recipe.model import Recipe
from vadkit.recipe.presets import PRESETS
from vadkit.recipe.show import dump
from vadkit.store.manifest import Manifest
from vadkit.store.previews import find_preview
from vadkit.store.run_folder import RunFolder
from vadkit.store.scores import VideoScores, read_labels, read_scores
from vadkit.video.times import mean_rate

Evaluable = TypeVar("Evaluable", Recipe, EvaluationOnly)
RESCORABLE = ("fuse", "evaluate", "report")
"""Sections of a recipe that `vadkit eval` may change: they do not affect the score files."""


def open_run(
    folder: str | Path, overrides: Sequence[str], registry: Registry, *, allow_test_tuning: bool
) -> tuple[RunFolder, Recipe]:
    """Open a run to evaluate it again: its folder, and its recipe with overrides.

    Raises:
        VadkitError: the folder is not a run, an override changes something that the score files depend on, or the
            protocol is test-tuned.
    """
    place = RunFolder(Path(folder))
    place.require_run()
    original = load(place.recipe, registry=registry)
    recipe = load(place.recipe, overrides=overrides, registry=registry)
    changed = sorted(
        key for key in {*original.tree, *recipe.tree} - {*RESCORABLE} if original.tree.get(key) != recipe.tree.get(key)
    )
    if changed:
        what = f"'{changed[0]}' changes the scores themselves, which this command reads"
        fix = f"change only {', '.join(RESCORABLE)}, or run the recipe again with --set"
        raise VadkitError(what, where="--set", fix=fix)
    # A run that is test-tuned was allowed when it was made, and stays so under whatever protocol.
    if original.evaluate.protocol.test_tuned:
        protocol = replace(recipe.evaluate.protocol, test_tuned=True)
        return place, replace(recipe, evaluate=replace(recipe.evaluate, protocol=protocol))
    refuse_test_tuning(recipe.evaluate.protocol, allowed=allow_test_tuning)
    return place, recipe


def evaluate_run(
    folder: RunFolder, recipe: Recipe, config: EvaluationConfig, *, target: Path | None = None
) -> Evaluation:
    """Evaluate the score files of a run; reporters will write into `target`, by default the run folder.

    Raises:
        DataError: score files are missing or damaged, or lack something that the protocol or a metric needs.
    """
    data = _evaluation_data(folder, config.needs, stored_maps(folder, recipe))
    done = Evaluator(config).evaluate(data, name=recipe.name, folder=target or folder.path)
    summary = replace(done.result.summary, run=_origin(folder.read_manifest()))
    events = _find_events(done.result, data.videos, recipe.data.clip, config.protocol.min_windows)
    videos = [
        replace(
            one,
            preview=find_preview(folder.scores, one.name),
            times=_times(scored, one.numbers),
            began=datetime.fromisoformat(scored.recorded) if scored.recorded else None,
        )
        for one, scored in zip(done.result.videos, data.videos, strict=True)
    ]
    result = replace(done.result, videos=videos, summary=summary, events=events, recipe=dump(recipe.tree))
    return replace(done, result=result)


def _find_events(
    result: RunResult, videos: Sequence[VideoScores], clip: ClipSpec, min_windows: int
) -> list[Event] | None:
    """The events of all test videos; None without an alarm threshold."""
    threshold = result.summary.alarm_threshold
    if threshold is None:
        return None
    events: list[Event] = []
    for video, scored in zip(result.videos, videos, strict=True):
        assert video.numbers is not None
        enough = enough_windows(scored.spread().coverage, min_windows)[video.numbers]
        scores, numbers, fps, times = levels(video.fused, enough), video.numbers, scored.fps, _times(scored)
        if scored.sampling is not None and times is not None:  # an event has frames that the model saw
            fps = mean_rate(times[scored.sampling.numbers])
            seen = np.isin(numbers, scored.sampling.numbers)
            scores, numbers = scores[seen], numbers[seen]
        box = partial(_locate, scored, clip)
        found = find_events(video.name, scores, threshold, fps, numbers=numbers, locate=box, times=times)
        events += [replace(event, recorded=scored.recorded) for event in found]
    return events


def _times(video: VideoScores, numbers: NDArray[np.int64] | None = None) -> NDArray[np.float64] | None:
    """Seconds of the frames of a video, of all or of those with these numbers; None if unknown."""
    times = np.arange(video.length) / video.fps if video.times is None and video.fps else video.times
    return times if times is None or numbers is None else times[numbers]


def _locate(video: VideoScores, clip: ClipSpec, frame: int) -> Box | None:
    if video.anomaly_maps is None or video.size is None:
        return None
    index = frame if video.sampling is None else int(video.sampling.nearest[frame])
    return locate(np.asarray(video.anomaly_maps()[index]), clip, video.size)


def write_calibration(folder: RunFolder, config: EvaluationConfig) -> Calibration | None:
    """Write scales and alarm threshold, from held-out normal video alone, next to the weights; None if there is none.

    Raises:
        DataError: scores are damaged or missing.
    """
    folder.calibration.unlink(missing_ok=True)  # it may belong to an earlier recipe
    if not folder.held_out.is_dir() or config.protocol.weights == "test":
        return None
    synthetic, labels = read_synthetic(folder, config.needs)
    data = EvaluationData((), {}, read_scores(folder.held_out), synthetic, labels)
    calibration = calibrate(Evaluator(config).fit(data), config.protocol)
    if calibration is not None:
        atomic_write_text(folder.calibration, json.dumps(asdict(calibration), indent=2) + "\n")
    return calibration


def evaluate_under_all_protocols(
    sections: Evaluable, registry: Registry, evaluate_one: Callable[[Evaluable], RunResult]
) -> dict[str, RunResult | VadkitError]:
    """Evaluate under every preset: preset -> result, or the error that it raised.

    If `sections` are test-tuned, so is every result. `evaluate_one` evaluates the scores under changed sections.
    """
    results: dict[str, RunResult | VadkitError] = {}
    for name, preset in PRESETS.items():
        protocol = replace(preset, test_tuned=sections.evaluate.protocol.test_tuned)
        try:
            evaluate = replace(with_metrics(sections.evaluate, COMPARED, registry), protocol=protocol)
            results[name] = evaluate_one(replace(sections, evaluate=evaluate))
        except VadkitError as error:
            results[name] = error
    return results


def stored_maps(folder: RunFolder, recipe: Recipe) -> str:
    """The scorer of the anomaly maps that the run has; empty if it has none."""
    wanted = [recipe.evaluate.anomaly_maps] if recipe.evaluate.anomaly_maps else list(recipe.scores)
    return next((name for name in wanted if (folder.scores / "anomaly_maps" / name).is_dir()), "")


def _evaluation_data(folder: RunFolder, needs: Needs, map_scorer: str) -> EvaluationData:
    videos = read_scores(folder.scores, anomaly_maps=map_scorer)
    if needs.anomaly_maps and any(video.anomaly_maps is None for video in videos):
        what = "a metric reads anomaly maps, but the run has none"
        fix = "'vadkit run --resume' with this --set scores the test videos again and keeps them"
        raise DataError(what, where=str(folder.scores / "anomaly_maps"), fix=fix)
    held_out = folder.held_out.is_dir()
    if needs.normal and not held_out:
        fix = "run the recipe again with --set data.held_out=0.1, or choose another protocol, transform or metric"
        raise DataError(f"{needs.normal}, but no normal video was held out", where=str(folder.held_out), fix=fix)
    return EvaluationData(
        videos,
        read_labels(folder.labels, folder.regions),
        read_scores(folder.held_out) if held_out else (),
        *read_synthetic(folder, needs),
    )


def read_synthetic(folder: RunFolder, needs: Needs) -> tuple[Sequence[VideoScores], Mapping[str, NDArray[np.bool_]]]:
    """Scores of held-out videos with synthetic anomalies, and their frame labels; both empty if not needed.

    Raises:
        DataError: they are needed, and the run has none.
    """
    if not needs.synthetic:
        return (), {}
    if not folder.synthetic.is_dir():
        what = "the weights are fitted to synthetic anomalies, but the run has no scores of any"
        raise DataError(what, where=str(folder.synthetic), fix="'vadkit run --resume' with this --set scores them")
    labels = read_labels(folder.synthetic / "labels" / "labels.npz")
    return read_scores(folder.synthetic), {name: label.frames for name, label in labels.items()}


def _origin(manifest: Manifest) -> RunOrigin:
    session = manifest.began_with
    return RunOrigin(
        seed=manifest.seed,
        precision=manifest.precision,
        commit=session.commit if session else None,
        host=session.host if session else {},
        versions=session.versions if session else {},
        dimensions=manifest.dimensions,
        stateful=manifest.stateful,
        tested_on=manifest.data.tested_on,
        damaged=manifest.data.damaged,
    )
