"""Opens the data set of a command, given as a name, as `{use: ...}`, or as a recipe."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.values import ClipSpec, OnCorrupt, Short
from vadkit.data.opening import open_dataset, open_pair, rated
from vadkit.plugin.registry import Registry
from vadkit.recipe import describe, load
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.evaluation_only import read_evaluation_only
from vadkit.recipe.library import find
from vadkit.recipe.model import Recipe
from vadkit.video.mask import draw_mask

_EXAMPLE = "write for example '{use: avenue, labels: masks}'"


@dataclass(frozen=True, slots=True)
class Target:
    """A data set on disk, with the settings of its recipe."""

    name: str  # name of the data set in a recipe
    dataset: Dataset
    clip: ClipSpec | None = None  # None without a recipe
    fps: float | None = None  # the recipe's `data.fps`
    short: Short = "error"  # the recipe's `data.short`, for videos shorter than a clip
    on_corrupt: OnCorrupt = "warn"  # the recipe's `data.on_corrupt`, for damaged videos
    mask: NDArray[np.bool_] | None = None  # (H, W), pixels that the recipe's `data.mask` leaves out
    metrics: tuple[ComponentConfig, ...] = ()  # metrics of the recipe
    held_out: float = 0.0  # share of the training videos that the recipe holds out
    # a description of the keys -> the same data set with another label set
    alternatives: Mapping[str, Dataset] = field(default_factory=dict[str, Dataset])
    # the same data set, which accepts labels with other than the published counts; None without a key `published`
    lenient: Dataset | None = None


def open_target(
    what: str | Mapping[str, Any],
    data_root: str | Path | None = None,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
) -> Target:
    """Open a data set.

    `what` is a data set's name, `{use: name, ...keys}` as text or mapping, or a recipe by file or name. Its folder or
    its parent folder is `data_root`; default `$VADKIT_DATA`. `overrides` are changes as `--set` takes them.

    Raises:
        VadkitError: the data set, the recipe or its files do not exist.
    """
    registry = registry or Registry.discover()
    if isinstance(what, str) and what.lstrip().startswith("{"):
        try:
            what = yaml.safe_load(what)
        except yaml.YAMLError as error:
            raise VadkitError(f"cannot be read: {error}", where=str(what), fix=_EXAMPLE) from error
    recipe = _recipe(what, overrides, registry)
    data = recipe.data if recipe else None
    chosen = data.of("test") if data else read_evaluation_only(what, overrides, registry, report=()).data
    if chosen is None:
        raise VadkitError("names no data set", where=str(what), fix=_EXAMPLE)
    source = data.dataset if data and data.test_on else None

    def under(**keys: Any) -> Dataset:
        kept = {name: value for name, value in {**chosen.keys, **keys}.items() if keys.get(name, "") is not None}
        labelled = replace(chosen, keys=kept)
        opened = open_pair(source, labelled, data_root) if source else open_dataset(labelled, data_root)
        return rated(opened, data.fps if data else None)

    parameters = describe(chosen.component).parameters
    others = {"without 'label_file'": under(label_file=None)} if "label_file" in chosen.keys else {}
    labels = parameters.get("labels")
    if labels and typing.get_origin(labels.annotation) is typing.Literal:
        now = chosen.keys.get("labels", labels.default)
        choices = typing.get_args(labels.annotation)
        others |= {f"with 'labels: {choice}'": under(labels=choice) for choice in choices if choice != now}
    strict = "published" in parameters and chosen.keys.get("published", parameters["published"].default) is True
    lenient = under(published=False) if strict else None
    name = f"{source.component.name}, tested on {chosen.component.name}" if source else chosen.component.name
    target = Target(name, under(), alternatives=others, lenient=lenient)
    if recipe is None or data is None:
        return target
    mask = draw_mask(data.clip, data.mask.image, data.mask.polygons) if data.mask else None
    return replace(
        target,
        clip=data.clip,
        fps=data.fps,
        short=data.short,
        on_corrupt=data.on_corrupt,
        metrics=recipe.evaluate.metrics,
        held_out=data.held_out,
        mask=mask,
    )


def _recipe(what: str | Mapping[str, Any], overrides: Sequence[str], registry: Registry) -> Recipe | None:
    """The recipe; None if `what` is not a recipe."""
    if not isinstance(what, str):
        return None
    path, names = Path(what), registry.names("dataset")
    if path.suffix.lower() in (".yaml", ".yml") or (what not in names and find(what)) or path.is_file():
        return load(what, overrides=overrides, registry=registry)
    if path.is_dir() and what not in names:
        fix = f"name the data set and give the folder with --data-root {what}; choices: {', '.join(names)}"
        raise DataError("is a folder, not a data set or a recipe", where=what, fix=fix)
    return None
