"""Settings for the evaluation of external scores: the part of a recipe that follows the score files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import NonNegativeInt

from vadkit.plugin.registry import Registry
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.grammar import EntryName, Kind, Section
from vadkit.recipe.merge import VERSION, resolve_plain
from vadkit.recipe.model import Evaluate, Fused
from vadkit.recipe.node import entries_of
from vadkit.recipe.validation import Reader

METRICS = ("micro_auc", "macro_auc", "eer", "average_precision", "decidability")
"""Metrics of external scores, unless `evaluate.metrics` names others."""


@dataclass(frozen=True, slots=True)
class EvaluationOnly(Section):
    """`data`, `fuse`, `evaluate`, `report` and `seed` as in a recipe.

    Attributes:
        evaluate: protocol and metrics.
        data: kind "dataset", for its labels; None if a label file replaces it.
        fuse: name of a score -> how it enters the final score; default weight 1.
        report: kind "reporter".
        seed: of the bootstrap and the random scorer.
    """

    evaluate: Evaluate
    data: Annotated[ComponentConfig, Kind("dataset")] | None = None
    fuse: Mapping[EntryName, Fused] = field(default_factory=dict[str, Fused])
    report: tuple[Annotated[ComponentConfig, Kind("reporter")], ...] = ()
    seed: NonNegativeInt = 0

    def with_components(self, components: Sequence[str]) -> EvaluationOnly:
        """The same, with an entry of `fuse` for each component; new entries have weight 1."""
        return replace(self, fuse={name: Fused() for name in components} | dict(self.fuse))


def read_evaluation_only(
    data: str | Mapping[str, Any] | None,
    overrides: Sequence[str],
    registry: Registry,
    *,
    report: Sequence[str | Mapping[str, Any]],
) -> EvaluationOnly:
    """Read and validate the settings: the data set, overrides as `--set` takes them, and names of reporters.

    Raises:
        RecipeError: all problems.
    """
    values: dict[str, Any] = {"vadkit": VERSION, "evaluate": {"metrics": list(METRICS)}, "report": list(report)}
    if data is not None:
        values["data"] = data
    tree = resolve_plain(values, overrides)
    given = {name: node for name, node in entries_of(tree).items() if name != "vadkit"}
    reader = Reader(registry)
    found = reader.read(EvaluationOnly, replace(tree, value=given))
    reader.problems.refuse()
    return found
