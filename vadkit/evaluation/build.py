"""Builds an evaluation from a recipe: protocol, transforms, weights and metrics. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vadkit.core.contracts import ScoreTransform
from vadkit.core.errors import VadkitError
from vadkit.core.protocol import Described, Protocol
from vadkit.evaluation.config import EvaluationConfig
from vadkit.evaluation.fusion import ComponentFusion
from vadkit.plugin.registry import Registry
from vadkit.recipe.build import build, with_defaults
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.evaluation_only import EvaluationOnly
from vadkit.recipe.model import Evaluate, Fused, Recipe

COMPARED = ("micro_auc", "macro_auc", "eer", "average_precision")
"""Metrics by which protocols are compared."""


def protocol_of(recipe: Recipe) -> Protocol:
    """The protocol that a recipe's metrics are computed under."""
    stride = recipe.engine.score_stride
    return replace(
        recipe.evaluate.protocol,
        stride=stride,
        min_windows=max(1, recipe.data.clip.frames // (2 * stride)),
        held_out=recipe.data.held_out,
    )


def evaluation_of(recipe: Recipe, registry: Registry) -> EvaluationConfig:
    """The evaluation that a recipe describes; errors as of `build_evaluation`."""
    return build_evaluation(recipe, protocol_of(recipe), registry, recipe.seed)


def build_evaluation(
    sections: Recipe | EvaluationOnly, protocol: Protocol, registry: Registry, seed: int
) -> EvaluationConfig:
    """Build transforms and metrics. The protocol's transforms and smoothing take precedence over those of `fuse`.

    Raises:
        VadkitError: a component refuses its keys, or the protocol refuses a transform.
    """
    smoothing = _choose(protocol.smoothing, registry, "evaluate.protocol.smoothing")
    complete = replace(protocol, smoothing=tuple(with_defaults(chosen) for chosen in smoothing))
    if protocol.transform is not None:
        transform = _choose(protocol.transform, registry, "evaluate.protocol.transform")
        complete = replace(complete, transform=tuple(with_defaults(chosen) for chosen in transform))
    chosen_metrics = sections.evaluate.metrics
    metrics = [replace(one, keys=protocol.metric_keys(one.component.name, one.keys)) for one in chosen_metrics]
    return EvaluationConfig(
        components={name: _component(name, fused, protocol, registry) for name, fused in sections.fuse.items()},
        metrics=[build(chosen) for chosen in metrics],
        protocol=complete,
        smoothing=tuple(build(chosen) for chosen in smoothing),
        seed=seed,
        metric_settings=tuple(with_defaults(chosen) for chosen in metrics),
    )


def with_metrics(evaluate: Evaluate, names: Sequence[str], registry: Registry) -> Evaluate:
    """The same section with these metrics, by name."""
    metrics = [ComponentConfig(registry.get("metric", name), {}, "evaluate.metrics") for name in names]
    return replace(evaluate, metrics=tuple(metrics))


def refuse_test_tuning(protocol: Protocol, *, allowed: bool) -> None:
    """Raise a VadkitError for a protocol in which something was chosen with test labels, unless it is allowed."""
    if protocol.test_tuned and not allowed:
        what = "a weight or setting of it was chosen with test labels (test_tuned: true)"
        if protocol.weights == "test":
            what = "its weights are to be fitted to test labels (weights: test)"
        fix = "add --allow-test-tuning to see such a result, which is marked test-tuned wherever it appears"
        raise VadkitError(what, where="evaluate.protocol", fix=fix)


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
