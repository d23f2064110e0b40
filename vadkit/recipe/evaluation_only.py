"""What is needed to judge scores that no run of ours made: the part of a recipe behind the score files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import NonNegativeInt

from vadkit.core.errors import RecipeError
from vadkit.plugin.registry import Registry
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.markers import Kind
from vadkit.recipe.merge import VERSION, resolve_plain
from vadkit.recipe.model import Evaluate, Fused
from vadkit.recipe.node import Node
from vadkit.recipe.validation import Reader

METRICS = ("micro_auc", "macro_auc", "eer", "average_precision", "decidability")
"""What is measured of others' scores unless `evaluate.metrics` says otherwise."""


@dataclass(frozen=True, slots=True)
class EvaluationOnly:
    """`data`, `fuse`, `evaluate`, `report` and `seed` as in a recipe.

    Attributes:
        evaluate: protocol and metrics.
        data: kind "dataset", for its labels; None where a label file stands in.
        fuse: names of the scores -> how they enter the final score; those left out have weight 1.
        report: kind "reporter".
        seed: of the bootstrap and the random scorer.
    """

    evaluate: Evaluate
    data: Annotated[ComponentConfig, Kind("dataset")] | None = None
    fuse: Mapping[str, Fused] = field(default_factory=dict[str, Fused])
    report: tuple[Annotated[ComponentConfig, Kind("reporter")], ...] = ()
    seed: NonNegativeInt = 0

    def with_components(self, components: Sequence[str]) -> EvaluationOnly:
        """The same with an entry of `fuse` for each of these; those that have none get weight 1."""
        return replace(self, fuse={name: Fused() for name in components} | dict(self.fuse))


def judgement(
    data: str | Mapping[str, Any] | None, overrides: Sequence[str], registry: Registry, *, report: Sequence[str]
) -> EvaluationOnly:
    """Read and check it.

    Args:
        data: the data set's name, or `{use: name, ...keys}`.
        overrides: `a.b=value`, as `--set` takes them.
        registry: where components are looked up.
        report: reporters, by name.

    Raises:
        RecipeError: all problems.
    """
    values: dict[str, Any] = {"vadkit": VERSION, "evaluate": {"metrics": list(METRICS)}, "report": list(report)}
    if data is not None:
        values["data"] = data
    tree = resolve_plain(values, overrides)
    assert isinstance(tree.value, Mapping)
    given: dict[str, Node] = {name: node for name, node in tree.value.items() if name != "vadkit"}
    reader = Reader(registry)
    found = reader.section(EvaluationOnly, replace(tree, value=given), "")
    if reader.problems:
        raise RecipeError(reader.problems)
    return found
