"""A recipe's part behind the score files, built: what is judged, how, and the result. No torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from typing import Protocol as Shape

import numpy as np
from numpy.typing import NDArray

from vadkit.contracts import Metric, Transform
from vadkit.errors import DataError, VadkitError
from vadkit.evaluate import Evidence, Part, Plan, judge
from vadkit.evaluate.calibration import calibrate
from vadkit.evaluate.judge import fusion_of, refuse_future
from vadkit.files import write_text
from vadkit.folder import RunFolder
from vadkit.presets import PRESETS
from vadkit.protocol import Described, Protocol
from vadkit.recipe.build import build, spelled_out
from vadkit.recipe.chosen import Chosen
from vadkit.recipe.model import Evaluate, Fused, Recipe
from vadkit.registry import Registry
from vadkit.score.store import VideoScores, read_labels, read_scores
from vadkit.values import RunResult

COMPARED = ("micro_auc", "macro_auc", "eer", "average_precision")
"""Metrics by which protocols are compared."""


class Judged(Shape):
    """What of a recipe is needed here: whole recipes have it, and so has a judgement of others' scores."""

    @property
    def evaluate(self) -> Evaluate:
        """Protocol and metrics."""
        ...

    @property
    def fuse(self) -> Mapping[str, Fused]:
        """Component -> how it enters the final score."""
        ...


def protocol_of(recipe: Recipe) -> Protocol:
    """The protocol that a recipe's numbers are made under."""
    engine = recipe.engine
    return replace(
        recipe.evaluate.protocol,
        stride=engine.score_stride,
        overlap=engine.score_overlap,
        held_out=recipe.data.held_out,
    )


def plan_of(judged: Judged, protocol: Protocol, registry: Registry, seed: int) -> Plan:
    """Transforms and metrics, built as the protocol and the recipe say.

    Raises:
        VadkitError: a component refuses its keys, or the protocol refuses a transform.
    """
    parts = {name: _part(name, fused, protocol, registry) for name, fused in judged.fuse.items()}
    smoothing = _choose(protocol.smoothing, registry, "evaluate.protocol.smoothing")
    spelled = tuple(spelled_out(chosen) for chosen in smoothing)
    plan = Plan(
        parts,
        metrics_of(judged.evaluate, protocol),
        replace(protocol, smoothing=spelled),
        tuple(build(chosen) for chosen in smoothing),
        seed,
    )
    refuse_future(plan)
    return plan


def compared(evaluate: Evaluate, protocol: Protocol, registry: Registry) -> Evaluate:
    """Another protocol, and the metrics by which protocols are compared."""
    return replace(evaluate, metrics=_named(COMPARED, registry), protocol=protocol)


def with_metrics(recipe: Recipe, names: Sequence[str], registry: Registry) -> Recipe:
    """The same recipe with these metrics, by name."""
    return replace(recipe, evaluate=replace(recipe.evaluate, metrics=_named(names, registry)))


def _named(names: Sequence[str], registry: Registry) -> tuple[Chosen, ...]:
    return tuple(Chosen(registry.get("metric", name), {}, "evaluate.metrics") for name in names)


def metrics_of(evaluate: Evaluate, protocol: Protocol) -> list[Metric]:
    """The metrics, with the keys that the protocol fixes."""
    return [
        build(replace(chosen, keys=protocol.metric_keys(chosen.component.name, chosen.keys)))
        for chosen in evaluate.metrics
    ]


@dataclass(frozen=True, slots=True)
class Needs:
    """What the score files must hold beside the test videos' scores.

    Attributes:
        normal: scores of held-out normal videos, and why; empty if they are not needed.
        synthetic: scores of such videos with anomalies put in.
        maps: where in the frame.
    """

    normal: str = ""
    synthetic: bool = False
    maps: bool = False


def needs_of(plan: Plan) -> Needs:
    """What a plan reads."""
    protocol = plan.protocol
    transforms = [one for part in plan.parts.values() for one in part.transforms]
    fitted = [one for one in (*transforms, *plan.smoothing) if one.needs_normal]
    why = ""
    if fitted:
        why = f"the transform {type(fitted[0]).__name__} is fitted on normal videos"
    elif protocol.weights in ("normal", "synthetic"):
        why = f"the weights are fitted ({protocol.weights}) on normal videos"
    elif protocol.deployable:
        why = f"protocol {protocol.name!r} takes its alarm threshold from normal videos"
    return Needs(why, protocol.weights == "synthetic", any(metric.needs_maps for metric in plan.metrics))


def check_held_out(needs: Needs, share: float) -> None:
    """Refuse a recipe that needs held-out normal videos and holds none out.

    Raises:
        VadkitError: so it is.
    """
    if needs.normal and not share:
        raise VadkitError(
            f"{needs.normal}, and none are held out from training",
            where="data.held_out",
            fix="add --set data.held_out=0.1, or choose another protocol or transform",
        )


def refuse_test_tuning(protocol: Protocol, *, allowed: bool) -> None:
    """Refuse what was chosen with test labels, unless told otherwise.

    Raises:
        VadkitError: the protocol is marked so and `allowed` is false.
    """
    if protocol.test_tuned and not allowed:
        raise VadkitError(
            "a weight or setting of it was chosen with test labels (test_tuned: true)"
            if protocol.weights != "test"
            else "its weights are to be fitted to test labels (weights: test)",
            where="evaluate.protocol",
            fix="add --allow-test-tuning to see such a result, which is marked test-tuned wherever it appears",
        )


def judge_run(
    place: RunFolder, recipe: Recipe, target: Path, registry: Registry, *, rounds: int | None = None
) -> RunResult:
    """Judge a run's score files.

    Args:
        place: the run folder.
        recipe: its `fuse` and `evaluate` say how.
        target: where reporters will write.
        registry: where a protocol's transforms are looked up.
        rounds: of the bootstrap; None for the usual number.

    Raises:
        DataError: they are missing or damaged, or lack what the protocol or a metric needs.
    """
    plan = plan_of(recipe, protocol_of(recipe), registry, recipe.seed)
    evidence = _evidence(place, needs_of(plan), _map_scorer(place, recipe))
    plan = plan if rounds is None else replace(plan, rounds=rounds)
    result = judge(recipe.name, target, evidence, plan)
    return replace(result, facts={**result.facts, "manifest": _beside(place)})


def calibrate_run(place: RunFolder, plan: Plan) -> None:
    """Write beside the weights what held-out normal video says: before any test video is scored.

    Raises:
        DataError: scores are damaged or missing.
    """
    if not place.held_out.is_dir() or plan.protocol.weights == "test":
        return
    synthetic, truth = _synthetic(place, needs_of(plan))
    evidence = Evidence((), {}, read_scores(place.held_out), synthetic, truth)
    found = calibrate(fusion_of(evidence, plan), plan.protocol)
    if found is not None:
        write_text(place.calibration, json.dumps(found.as_dict(), indent=2) + "\n")


def under_all_protocols(
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


def write_reports(result: RunResult, report: Sequence[Chosen], target: Path) -> None:
    """Have every reporter say it."""
    for chosen in report:
        build(chosen).report(result, target)


def _part(name: str, fused: Fused, protocol: Protocol, registry: Registry) -> Part:
    own = tuple(chosen.plain() for chosen in fused.transform)
    meant = protocol.of_component(own)
    chosen = fused.transform if meant == own else _choose(meant, registry, f"fuse.{name}.transform")
    transforms: tuple[Transform, ...] = tuple(build(one) for one in chosen)
    return Part(fused.weight, transforms, tuple(spelled_out(one) for one in chosen))


def _choose(described: Described, registry: Registry, path: str) -> tuple[Chosen, ...]:
    return tuple(
        Chosen(
            registry.get("transform", str(one["use"])), {k: v for k, v in one.items() if k != "use"}, f"{path}.{index}"
        )
        for index, one in enumerate(described)
    )


def _map_scorer(place: RunFolder, recipe: Recipe) -> str:
    """The scorer whose maps are kept and wanted."""
    wanted = [recipe.evaluate.maps] if recipe.evaluate.maps else list(recipe.scores)
    return next((name for name in wanted if (place.scores / "maps" / name).is_dir()), "")


def _evidence(place: RunFolder, needs: Needs, maps: str) -> Evidence:
    videos = read_scores(place.scores, maps=maps if needs.maps else "")
    if needs.maps and any(video.maps is None for video in videos):
        raise DataError(
            "a metric reads maps, and none are kept",
            where=str(place.scores / "maps"),
            fix="'vadkit run --resume' with this --set scores the test videos again and keeps them",
        )
    held_out = place.held_out.is_dir()
    if needs.normal and not held_out:
        raise DataError(
            f"{needs.normal}, and none were held out",
            where=str(place.held_out),
            fix="run the recipe again with --set data.held_out=0.1, or choose another protocol or transform",
        )
    return Evidence(
        videos,
        read_labels(place.labels, place.regions),
        read_scores(place.held_out) if held_out else (),
        *_synthetic(place, needs),
    )


def _synthetic(place: RunFolder, needs: Needs) -> tuple[Sequence[VideoScores], Mapping[str, NDArray[np.bool_]]]:
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
    return {key: manifest.get(key) for key in ("seed", "commit", "host", "precision", "versions")}
