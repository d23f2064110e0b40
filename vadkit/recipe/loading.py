"""Loads a recipe file as a validated `Recipe` and reports all problems together.

It imports neither torch nor any component.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vadkit.core.errors import VadkitError, closest
from vadkit.plugin.registry import Registry
from vadkit.recipe.merge import resolve, resolve_plain
from vadkit.recipe.model import Fused, Recipe
from vadkit.recipe.node import Node, Place, Problems, entries_of, plain
from vadkit.recipe.requirements import unmet_requirements
from vadkit.recipe.validation import Reader

_FOLDER_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}(?<!\.)")
# Windows reserves these names, with any extension.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)

NAMED_ENTRIES = frozenset({"densities", "scores", "fuse"})
"""Sections with entries that the recipe names; null removes an entry of a parent recipe."""

DEFAULT_REPORT = ("console", "json", "html")
"""Reporters of a recipe without `report`."""


KeptFiles = Callable[[str], Mapping[str, Path]]
"""Name of a recipe -> absolute path of a file -> the copy of it that its run keeps, for a file that has moved."""


def _none_kept(name: str) -> Mapping[str, Path]:
    del name
    return {}


def load(recipe: str | Path, *, overrides: Sequence[str] = (), registry: Registry) -> Recipe:
    """Read, merge and validate a recipe: a reference as of `vadkit.recipe.library`, with overrides as of `--set`.

    Raises:
        RecipeError: all problems of the recipe.
    """
    return check(resolve(recipe, overrides), registry)


def loads(values: str | Mapping[str, Any], *, overrides: Sequence[str] = (), registry: Registry) -> Recipe:
    """Like `load`, for YAML text or for a mapping made in Python.

    Raises:
        RecipeError: all problems of the recipe.
    """
    return check(resolve_plain(values, overrides), registry)


def read_recipe(
    recipe: str | Path | Mapping[str, Any],
    overrides: Sequence[str],
    registry: Registry,
    kept: KeptFiles = _none_kept,
) -> Recipe:
    """A checked recipe, from a file, the name of a shipped recipe, or a mapping; errors as of `load`."""
    tree = resolve_plain(recipe, overrides) if isinstance(recipe, Mapping) else resolve(recipe, overrides)
    return check(tree, registry, kept)


def check(tree: Node, registry: Registry, kept: KeptFiles = _none_kept) -> Recipe:
    """Validate a resolved tree: keys, types, and names that refer to other entries.

    Args:
        tree: the resolved tree.
        registry: where components are looked up.
        kept: the copies of files that runs keep.

    Raises:
        RecipeError: all problems.
    """
    tree = _without_removed(tree)
    given = dict(entries_of(tree))
    given.pop("vadkit", None)
    report = given.get("report")
    if report is None or report.value is None:
        at = Place("default report")
        given["report"] = Node(tuple(Node(name, at) for name in DEFAULT_REPORT), at)
    name = given["name"].value if "name" in given else None
    reader = Reader(registry, kept(name) if isinstance(name, str) else None)
    problems = reader.problems
    problems.extend(unmet_requirements(given.get("requires")))  # first: a missing package explains unknown components
    _refuse_root(given, problems)
    recipe = reader.read(Recipe, replace(tree, value=given))
    _check_name(given.get("name"), problems)
    _check_references(given, problems)
    if not problems:
        _check_metrics(given, recipe, problems)
    problems.refuse()
    fuse = recipe.fuse or {name: Fused() for name in recipe.scores}
    return replace(recipe, fuse=fuse, tree=plain(tree), files=reader.files)


def _check_name(name: Node | None, problems: Problems) -> None:
    text = name.value if name else None
    if name and isinstance(text, str) and (not _FOLDER_NAME.fullmatch(text) or _DEVICES.fullmatch(text)):
        fix = "use letters, digits, '_', '-' and '.'"
        problems.report(name.at, f"'name' {text!r} is not a valid name for a run folder", fix)


def _refuse_root(given: dict[str, Node], problems: Problems) -> None:
    """Report `data.root` and take it out, so that the reader does not report an unknown key as well."""
    root = entries_of(given.get("data")).get("root")
    if root is not None:
        fix = "give the folder with --data-root (in Python: data_root=...), or set the environment variable VADKIT_DATA"
        problems.report(root.head, "'data.root' is not a key: a recipe does not say where data is on one machine", fix)
        kept = {name: node for name, node in entries_of(given["data"]).items() if name != "root"}
        given["data"] = replace(given["data"], value=kept)


def _check_references(given: Mapping[str, Node], problems: Problems) -> None:
    if "scores" in given and given["scores"].value == {}:
        problems.report(given["scores"].head, "'scores' is empty: nothing would detect anomalies")
    for at, what, name, section in _references(given):
        known = entries_of(given.get(section))
        if isinstance(name, str) and name not in known:
            problems.report(at, f"{what} {name!r}, which is not in {section!r}", closest(name, known))


def _references(given: Mapping[str, Node]) -> Iterator[tuple[Place, str, object, str]]:
    """Each name of an entry in another section: its place, start of the message, name and section."""
    for name, node in entries_of(given.get("fuse")).items():
        yield node.head, "'fuse' names", name, "scores"
    for score, node in entries_of(given.get("scores")).items():
        if named := entries_of(node).get("densities"):
            for entry in named.value if isinstance(named.value, tuple) else (named,):
                yield entry.at, f"'scores.{score}' reads the density", entry.value, "densities"
    if anomaly_maps := entries_of(given.get("evaluate")).get("anomaly_maps"):
        yield anomaly_maps.at, "'evaluate.anomaly_maps' names", anomaly_maps.value, "scores"


def _check_metrics(given: Mapping[str, Node], recipe: Recipe, problems: Problems) -> None:
    nodes = entries_of(given["evaluate"])["metrics"].value
    assert isinstance(nodes, tuple)
    for node, chosen in zip(nodes, recipe.evaluate.metrics, strict=True):
        try:
            recipe.evaluate.protocol.metric_keys(chosen.component.name, chosen.keys)
        except VadkitError as error:
            problems.report(node.head, error.what, error.fix)


def _without_removed(tree: Node) -> Node:
    """The tree without the named entries that are null: so a child removes entries of its parent."""
    sections = dict(entries_of(tree))
    for name in NAMED_ENTRIES & sections.keys():
        kept = {key: node for key, node in entries_of(sections[name]).items() if node.value is not None}
        if isinstance(sections[name].value, Mapping):
            sections[name] = replace(sections[name], value=kept)
    return replace(tree, value=sections) if sections else tree
