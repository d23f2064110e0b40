"""From the score files of a run to its result. No torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Metric
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.files import atomic_write_text
from vadkit.core.protocol import Protocol
from vadkit.core.values import RunResult, ScoredVideo
from vadkit.evaluation import EvaluationConfig, EvaluationData
from vadkit.evaluation.build import Needs, build_evaluation, needs_of, protocol_of, refuse_test_tuning
from vadkit.evaluation.calibration import calibrate
from vadkit.evaluation.evaluator import evaluate_videos, fusion_of
from vadkit.plugin.registry import Registry
from vadkit.recipe import load
from vadkit.recipe.build import build
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.model import Recipe
from vadkit.recipe.presets import PRESETS
from vadkit.store.run_folder import RunFolder
from vadkit.store.scores import VideoScores, read_labels, read_scores

RESCORABLE = ("fuse", "evaluate", "report")
"""Sections of a recipe that `vadkit eval` may change: those behind the score files."""


def open_run(
    folder: str | Path, overrides: Sequence[str], registry: Registry, *, allow_test_tuning: bool
) -> tuple[RunFolder, Recipe]:
    """A run to be judged again: its folder, and its recipe with changes behind the score files.

    Raises:
        VadkitError: it is no run, an override changes what the score files depend on, or it fits to test labels.
    """
    place = RunFolder(Path(folder))
    place.require_run()
    original = load(place.recipe, registry=registry)
    recipe = load(place.recipe, overrides=overrides, registry=registry)
    changed = sorted(
        key for key in {*original.tree, *recipe.tree} - {*RESCORABLE} if original.tree.get(key) != recipe.tree.get(key)
    )
    if changed:
        raise VadkitError(
            f"'{changed[0]}' decides the scores themselves, which are kept",
            where="--set",
            fix=f"change only {', '.join(RESCORABLE)} here, or run the recipe again with --set",
        )
    # A run that is test-tuned was allowed when it was made, and stays so under whatever protocol.
    if original.evaluate.protocol.test_tuned:
        protocol = replace(recipe.evaluate.protocol, test_tuned=True)
        return place, replace(recipe, evaluate=replace(recipe.evaluate, protocol=protocol))
    refuse_test_tuning(recipe.evaluate.protocol, allowed=allow_test_tuning)
    return place, recipe


def evaluate_run(
    place: RunFolder, recipe: Recipe, target: Path, registry: Registry, *, rounds: int | None = None
) -> RunResult:
    """Judge a run's score files; arguments and errors as of `evaluate_run_videos`."""
    return evaluate_run_videos(place, recipe, target, registry, rounds=rounds)[0]


def evaluate_run_videos(
    place: RunFolder, recipe: Recipe, target: Path, registry: Registry, *, rounds: int | None = None
) -> tuple[RunResult, list[ScoredVideo], list[Metric]]:
    """Judge a run's score files: the result, its labelled videos as the metrics saw them, the metrics.

    Args:
        place: the run folder.
        recipe: its `fuse` and `evaluate` say how.
        target: where reporters will write.
        registry: where a protocol's transforms are looked up.
        rounds: of the bootstrap; None for the usual number.

    Raises:
        DataError: they are missing or damaged, or lack what the protocol or a metric needs.
    """
    plan = build_evaluation(recipe, protocol_of(recipe), registry, recipe.seed)
    evidence = _evidence(place, needs_of(plan), _map_scorer(place, recipe))
    plan = plan if rounds is None else replace(plan, rounds=rounds)
    result, videos = evaluate_videos(recipe.name, target, evidence, plan)
    result = replace(result, facts={**result.facts, "manifest": _beside(place)})
    return result, videos, list(plan.metrics)


def write_calibration(place: RunFolder, plan: EvaluationConfig) -> None:
    """Write beside the weights what held-out normal video says: before any test video is scored.

    Raises:
        DataError: scores are damaged or missing.
    """
    place.calibration.unlink(missing_ok=True)  # what an earlier recipe wrote must not outlive it
    if not place.held_out.is_dir() or plan.protocol.weights == "test":
        return
    synthetic, truth = synthetic_of(place, needs_of(plan))
    evidence = EvaluationData((), {}, read_scores(place.held_out), synthetic, truth)
    found = calibrate(fusion_of(evidence, plan), plan.protocol)
    if found is not None:
        atomic_write_text(place.calibration, json.dumps(found.as_dict(), indent=2) + "\n")


def evaluate_all_protocols(
    judge_one: Callable[[Protocol], RunResult], *, test_tuned: bool
) -> dict[str, RunResult | VadkitError]:
    """One set of scores under every preset: preset -> result, or why there is none.

    Args:
        judge_one: judges under a protocol.
        test_tuned: whether the scores are, under whatever protocol.
    """
    results: dict[str, RunResult | VadkitError] = {}
    for name, preset in PRESETS.items():
        try:
            results[name] = judge_one(replace(preset, test_tuned=test_tuned))
        except VadkitError as error:
            results[name] = error
    return results


def refuse_run(out: str | Path) -> None:
    """Refuse to write results over those of a run.

    Raises:
        VadkitError: `out` is a run folder.
    """
    if RunFolder(Path(out)).is_run:
        raise VadkitError("is a run, whose results would be lost", where=str(out), fix="choose another --out")


def write_reports(
    result: RunResult, report: Sequence[ComponentConfig], target: Path, *, unseen: Callable[[str], None] | None = None
) -> None:
    """Have every reporter say it.

    Args:
        result: what the run came to.
        report: the reporters.
        target: the folder that they write into.
        unseen: is told why one has nothing to show, and the others go on; None raises it.

    Raises:
        VadkitError: what a reporter says of its own.
    """
    for chosen in report:
        try:
            build(chosen).report(result, target)
        except DataError as error:
            if unseen is None:
                raise
            unseen(f"warning: {chosen.component.name} is left out: {error}")


def shows_maps(report: Sequence[ComponentConfig]) -> bool:
    """Whether a reporter reads maps."""
    return any(getattr(chosen.component.load(), "needs_anomaly_maps", False) for chosen in report)


def _map_scorer(place: RunFolder, recipe: Recipe) -> str:
    """The scorer whose maps are kept and wanted."""
    wanted = [recipe.evaluate.anomaly_maps] if recipe.evaluate.anomaly_maps else list(recipe.scores)
    return next((name for name in wanted if (place.scores / "anomaly_maps" / name).is_dir()), "")


def _evidence(place: RunFolder, needs: Needs, anomaly_maps: str) -> EvaluationData:
    videos = read_scores(place.scores, anomaly_maps=anomaly_maps)
    if needs.anomaly_maps and any(video.anomaly_maps is None for video in videos):
        raise DataError(
            "a metric reads maps, and none are kept",
            where=str(place.scores / "anomaly_maps"),
            fix="'vadkit run --resume' with this --set scores the test videos again and keeps them",
        )
    held_out = place.held_out.is_dir()
    if needs.normal and not held_out:
        raise DataError(
            f"{needs.normal}, and none were held out",
            where=str(place.held_out),
            fix="run the recipe again with --set data.held_out=0.1, or choose another protocol, transform or metric",
        )
    return EvaluationData(
        videos,
        read_labels(place.labels, place.regions),
        read_scores(place.held_out) if held_out else (),
        *synthetic_of(place, needs),
    )


def synthetic_of(place: RunFolder, needs: Needs) -> tuple[Sequence[VideoScores], Mapping[str, NDArray[np.bool_]]]:
    """Scores of held-out videos with anomalies put in, and which frames have them; nothing if not needed."""
    if not needs.synthetic:
        return (), {}
    if not place.synthetic.is_dir():
        raise DataError(
            "the weights are fitted to synthetic anomalies, and none are scored",
            where=str(place.synthetic),
            fix="'vadkit run --resume' with this --set scores them",
        )
    truth = read_labels(place.synthetic / "labels" / "labels.npz")
    return read_scores(place.synthetic), {name: labels.frames for name, labels in truth.items()}


def _beside(place: RunFolder) -> dict[str, Any]:
    manifest = place.read_manifest()
    beside = {key: manifest.get(key) for key in ("seed", "commit", "host", "precision", "versions")}
    data = manifest.get("data", {})
    notable = {key: data.get(key) for key in ("damaged", "tested on")}
    notable |= {key: manifest.get(key) for key in ("dimensions", "stateful")}
    return beside | {key: value for key, value in notable.items() if value}
