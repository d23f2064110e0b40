"""Builds a recipe and passes an empty clip through it, without data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vadkit.engine.building import DENSITY
from vadkit.engine.experiment import Experiment, without_videos
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
) -> dict[str, str]:
    """Build a recipe and pass an empty clip through it, without data. Imports torch.

    Args:
        recipe: a recipe file, the name of a shipped recipe, or the content of a recipe as a mapping.
        overrides: changes as `--set` takes them.
        values: compute numbers, as a run does before it trains. False passes only shapes: fast at any size.
        registry: where components are looked up; default, all installed plugins.

    Returns:
        Stage -> its size in words, for the model and each density: parameters, and samples of a clip.

    Raises:
        VadkitError: the recipe is wrong, a component refuses its keys, or two components do not fit together.
        NeedsValuesError: `values` is False, and the shapes did not pass.
    """
    registry = registry or Registry.discover()
    checked = read_recipe(recipe, overrides, registry)
    needs = evaluation_of(checked, registry).needs
    needs.check_held_out(checked.data.held_out)
    experiment = without_videos(checked, RunFolder(Path()))
    parameters = experiment.parameters()
    sanity_check(experiment, compared=needs.anomaly_maps, shown=shows_maps(checked.report), values=values)
    return {
        stage: f"{count / 1e6:.2f} M parameters{_samples(experiment, stage)}" for stage, count in parameters.items()
    }


def _samples(experiment: Experiment, stage: str) -> str:
    """The samples at places that a density gets from a clip; empty for others."""
    head = experiment.heads.get(stage.removeprefix(DENSITY))
    if head is None or (grid := head.feature.spec.grid) is None:
        return ""
    if head.feature.spec.objects:
        return f", samples of up to {grid.columns} objects per clip"
    window, stride = (f"{size[0]:g}x{size[1]:g} pixels" for size in (grid.window, grid.stride))
    steps = head.feature.spec.samples
    return f", {steps} x {grid.rows} x {grid.columns} samples per clip (windows of {window}, {stride} apart)"
