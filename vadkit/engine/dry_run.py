"""Builds a recipe and passes an empty clip through it, without data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vadkit.engine.experiment import without_videos
from vadkit.engine.sanity_check import sanity_check
from vadkit.evaluation.build import evaluation_of
from vadkit.evaluation.reporting import shows_maps
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.store.run_folder import RunFolder


def dry_run(
    recipe: str | Path | Mapping[str, Any],
    *,
    overrides: Sequence[str] = (),
    values: bool = True,
    registry: Registry | None = None,
) -> dict[str, int]:
    """Build a recipe and pass an empty clip through it, without data. Imports torch.

    Args:
        recipe: a recipe file, the name of a shipped recipe, or the content of a recipe as a mapping.
        overrides: changes as `--set` takes them.
        values: compute numbers, as a run does before it trains. False passes only shapes: fast at any size.
        registry: where components are looked up; default, all installed plugins.

    Returns:
        Stage -> number of parameters, for the model and each density.

    Raises:
        VadkitError: the recipe is wrong, a component refuses its keys, or two components do not fit together.
        NeedsValuesError: `values` is False, and the shapes did not pass.
    """
    registry = registry or Registry.discover()
    checked = read_recipe(recipe, overrides, registry)
    needs = evaluation_of(checked, registry).needs
    needs.check_held_out(checked.data.held_out)
    experiment = without_videos(checked, RunFolder(Path()))
    sanity_check(experiment, compared=needs.anomaly_maps, shown=shows_maps(checked.report), values=values)
    return experiment.parameters()
