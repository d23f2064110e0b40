"""Builds an evaluation from a recipe: protocol, transforms, weights and metrics. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol as Shape

from vadkit.core.contracts import ScoreTransform
from vadkit.core.errors import VadkitError
from vadkit.core.protocol import Described, Protocol
from vadkit.evaluation.config import EvaluationConfig
from vadkit.evaluation.fusion import ComponentFusion
from vadkit.plugin.registry import Registry
from vadkit.recipe.build import build, with_defaults
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.model import Evaluate, Fused, Recipe

COMPARED = ("micro_auc", "macro_auc", "eer", "average_precision")
"""Metrics by which protocols are compared."""


class Evaluable(Shape):
    """The sections that an evaluation is built from: a recipe has them, and so has `EvaluationOnly`."""

    @property
    def evaluate(self) -> Evaluate:
        """Protocol and metrics."""
        ...

    @property
    def fuse(self) -> Mapping[str, Fused]:
        """Component -> how it enters the fused score."""
        ...


def protocol_of(recipe: Recipe) -> Protocol:
    """The protocol that a recipe's metrics are computed under."""
    engine = recipe.engine
    return replace(
        recipe.evaluate.protocol,
        stride=engine.score_stride,
        overlap=engine.score_overlap,
        held_out=recipe.data.held_out,
    )


def evaluation_of(recipe: Recipe, registry: Registry) -> EvaluationConfig:
    """The evaluation that a recipe describes; errors as of `build_evaluation`."""
    return build_evaluation(recipe, protocol_of(recipe), registry, recipe.seed)


def build_evaluation(sections: Evaluable, protocol: Protocol, registry: Registry, seed: int) -> EvaluationConfig:
    """Build transforms and metrics.

    Args:
        sections: `evaluate` and `fuse`.
        protocol: its transforms and smoothing take precedence over those of `fuse`.
        registry: where the protocol's transforms are looked up.
        seed: of the bootstrap and the random scorer.

    Raises:
        VadkitError: a component refuses its keys, or the protocol refuses a transform.
    """
    smoothing = _choose(protocol.smoothing, registry, "evaluate.protocol.smoothing")
    complete = replace(protocol, smoothing=tuple(with_defaults(chosen) for chosen in smoothing))
    if protocol.transform is not None:
        transform = _choose(protocol.transform, registry, "evaluate.protocol.transform")
        complete = replace(complete, transform=tuple(with_defaults(chosen) for chosen in transform))
    metrics = _metrics(sections.evaluate, protocol)
    return EvaluationConfig(
        components={name: _component(name, fused, protocol, registry) for name, fused in sections.fuse.items()},
        metrics=[build(chosen) for chosen in metrics],
        protocol=complete,
        smoothing=tuple(build(chosen) for chosen in smoothing),
        seed=seed,
        metric_settings=tuple(with_defaults(chosen) for chosen in metrics),
    )


def with_protocol(evaluate: Evaluate, protocol: Protocol, registry: Registry) -> Evaluate:
    """The same section with another protocol and the metrics by which protocols are compared."""
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


def refuse_test_tuning(protocol: Protocol, *, allowed: bool) -> None:
    """Refuse a protocol in which something was chosen with test labels, unless it is allowed.

    Raises:
        VadkitError: the protocol is test-tuned, and `allowed` is false.
    """
    if protocol.test_tuned and not allowed:
        raise VadkitError(
            "a weight or setting of it was chosen with test labels (test_tuned: true)"
            if protocol.weights != "test"
            else "its weights are to be fitted to test labels (weights: test)",
            where="evaluate.protocol",
            fix="add --allow-test-tuning to see such a result, which is marked test-tuned wherever it appears",
        )


def _component(name: str, fused: Fused, protocol: Protocol, registry: Registry) -> ComponentFusion:
    own = tuple(chosen.plain() for chosen in fused.transform)
    meant = protocol.of_component(own)
    chosen = fused.transform if meant == own else _choose(meant, registry, f"fuse.{name}.transform")
    transforms: tuple[ScoreTransform, ...] = tuple(build(one) for one in chosen)
    return ComponentFusion(fused.weight, transforms, tuple(with_defaults(one) for one in chosen))


def _choose(described: Described, registry: Registry, path: str) -> tuple[ComponentConfig, ...]:
    return tuple(
        ComponentConfig(
            registry.get("score_transform", str(one["use"])),
            {k: v for k, v in one.items() if k != "use"},
            f"{path}.{index}",
        )
        for index, one in enumerate(described)
    )
