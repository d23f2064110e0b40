"""A recipe's part behind the score files, built: transforms, weights, metrics, and what they need. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol as Shape

from vadkit.core.contracts import ScoreTransform
from vadkit.core.errors import VadkitError
from vadkit.core.protocol import Described, Protocol
from vadkit.evaluation import ComponentFusion, EvaluationConfig
from vadkit.evaluation.evaluator import refuse_future
from vadkit.plugin.registry import Registry
from vadkit.recipe.build import build, spelled_out
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.model import Evaluate, Fused, Recipe

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


def build_evaluation(judged: Judged, protocol: Protocol, registry: Registry, seed: int) -> EvaluationConfig:
    """Transforms and metrics, built as the protocol and the recipe say.

    Raises:
        VadkitError: a component refuses its keys, or the protocol refuses a transform.
    """
    parts = {name: _part(name, fused, protocol, registry) for name, fused in judged.fuse.items()}
    smoothing = _choose(protocol.smoothing, registry, "evaluate.protocol.smoothing")
    spelled = replace(protocol, smoothing=tuple(spelled_out(chosen) for chosen in smoothing))
    if protocol.transform is not None:
        transform = _choose(protocol.transform, registry, "evaluate.protocol.transform")
        spelled = replace(spelled, transform=tuple(spelled_out(chosen) for chosen in transform))
    metrics = _metrics(judged.evaluate, protocol)
    plan = EvaluationConfig(
        parts,
        [build(chosen) for chosen in metrics],
        spelled,
        tuple(build(chosen) for chosen in smoothing),
        seed,
        measured=tuple(spelled_out(chosen) for chosen in metrics),
    )
    refuse_future(plan)
    return plan


def compared(evaluate: Evaluate, protocol: Protocol, registry: Registry) -> Evaluate:
    """Another protocol, and the metrics by which protocols are compared."""
    return replace(evaluate, metrics=_named(COMPARED, registry), protocol=protocol)


def with_metrics(recipe: Recipe, names: Sequence[str], registry: Registry) -> Recipe:
    """The same recipe with these metrics, by name."""
    return replace(recipe, evaluate=replace(recipe.evaluate, metrics=_named(names, registry)))


def _named(names: Sequence[str], registry: Registry) -> tuple[ComponentConfig, ...]:
    return tuple(ComponentConfig(registry.get("metric", name), {}, "evaluate.metrics") for name in names)


def _metrics(evaluate: Evaluate, protocol: Protocol) -> list[ComponentConfig]:
    """The metrics, with the keys that the protocol fixes."""
    return [
        replace(chosen, keys=protocol.metric_keys(chosen.component.name, chosen.keys)) for chosen in evaluate.metrics
    ]


@dataclass(frozen=True, slots=True)
class Needs:
    """What the score files must hold beside the test videos' scores.

    Attributes:
        normal: scores of held-out normal videos, and why; empty if they are not needed.
        synthetic: scores of such videos with anomalies put in.
        anomaly_maps: where in the frame.
        fps: frame rates of all videos.
    """

    normal: str = ""
    synthetic: bool = False
    anomaly_maps: bool = False
    fps: bool = False


def needs_of(plan: EvaluationConfig) -> Needs:
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
    elif waiting := [metric for metric in plan.metrics if metric.needs_threshold]:
        why = f"the metric {type(waiting[0]).__name__} takes its threshold from normal videos"
    anomaly_maps, fps = (
        any(getattr(metric, name) for metric in plan.metrics) for name in ("needs_anomaly_maps", "needs_fps")
    )
    return Needs(why, protocol.weights == "synthetic", anomaly_maps, fps)


def check_held_out(needs: Needs, share: float) -> None:
    """Refuse a recipe that needs held-out normal videos and holds none out.

    Raises:
        VadkitError: so it is.
    """
    if needs.normal and not share:
        raise VadkitError(
            f"{needs.normal}, and none are held out from training",
            where="data.held_out",
            fix="add --set data.held_out=0.1, or choose another protocol, transform or metric",
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


def _part(name: str, fused: Fused, protocol: Protocol, registry: Registry) -> ComponentFusion:
    own = tuple(chosen.plain() for chosen in fused.transform)
    meant = protocol.of_component(own)
    chosen = fused.transform if meant == own else _choose(meant, registry, f"fuse.{name}.transform")
    transforms: tuple[ScoreTransform, ...] = tuple(build(one) for one in chosen)
    return ComponentFusion(fused.weight, transforms, tuple(spelled_out(one) for one in chosen))


def _choose(described: Described, registry: Registry, path: str) -> tuple[ComponentConfig, ...]:
    return tuple(
        ComponentConfig(
            registry.get("score_transform", str(one["use"])),
            {k: v for k, v in one.items() if k != "use"},
            f"{path}.{index}",
        )
        for index, one in enumerate(described)
    )
