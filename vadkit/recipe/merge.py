"""One tree from a recipe, its parents (`extends`) and what the command line sets.

Mappings merge; lists and scalars replace; another `use:` replaces the whole component. A
string that meets a mapping is read as `{use: string}`, so `lr_scheduler.end=0.1` refines
`lr_scheduler: cosine`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vadkit.core.errors import Problem, RecipeError, VadkitError
from vadkit.recipe.node import Node, Place, fail, from_plain, plain
from vadkit.recipe.source import parse, read

VERSION = 1
"""Of the recipe's grammar: the value of `vadkit:`."""


def resolve(path: Path, overrides: Sequence[str] = ()) -> Node:
    """The recipe of a file with its parents and overrides merged in.

    Args:
        path: the recipe file.
        overrides: `a.b=value`, the value read as YAML; a number addresses a list's entry.

    Returns:
        A mapping without `extends`; every value knows where it came from.

    Raises:
        RecipeError: a file that cannot be read, a loop of `extends`, a malformed override.
    """
    return _finish(_with_parents(read(path), path.parent, (path.resolve(),)), overrides)


def resolve_plain(values: str | Mapping[str, Any], overrides: Sequence[str] = ()) -> Node:
    """The same for YAML text, or for a mapping made in Python; parents relative to the current folder.

    Raises:
        RecipeError: as `resolve`.
    """
    node = parse(values, "recipe") if isinstance(values, str) else from_plain(values)
    if not isinstance(node.value, Mapping):
        raise fail(node.at, "a recipe is a mapping of 'key: value' lines", "start with 'vadkit: 1'")
    return _finish(_with_parents(node, Path(), ()), overrides)


def merge(parent: Node, child: Node) -> Node:
    """What `child` makes of `parent`.

    A merged mapping keeps the parent's place: that is where it was introduced.
    """
    if not isinstance(child.value, Mapping):
        return child
    if isinstance(parent.value, str):
        parent = replace(parent, value={"use": replace(parent, key=parent.head)})
    if not isinstance(parent.value, Mapping):
        return child
    before, after = parent.value.get("use"), child.value.get("use")
    if after is not None and (before is None or plain(before) != plain(after)):
        return child
    merged = dict(parent.value)
    for name, node in child.value.items():
        merged[name] = merge(merged[name], node) if name in merged else node
    return replace(parent, value=merged)


def _with_parents(node: Node, folder: Path, chain: tuple[Path, ...]) -> Node:
    entries = dict(node.value) if isinstance(node.value, Mapping) else {}
    _check_version(entries.get("vadkit"))
    named = entries.pop("extends", None)
    child = replace(node, value=entries)
    if named is None:
        return child
    if not isinstance(named.value, str):
        raise fail(named.at, "'extends' names one recipe file", "write 'extends: base.yaml'")
    path = folder / named.value
    if path.resolve() in chain:
        names = " -> ".join(link.name for link in (*chain, path))
        raise fail(named.at, f"'extends' runs in a circle: {names}", "let one of these files extend nothing")
    try:
        parent = read(path)
    except RecipeError as error:
        if path.is_file():
            raise
        raise fail(
            named.at, f"cannot extend {named.value!r}: {path} {_absence(path)}", error.problems[0].fix
        ) from error
    return merge(_with_parents(parent, path.parent, (*chain, path.resolve())), child)


def _absence(path: Path) -> str:
    return "is a folder" if path.is_dir() else "does not exist"


def _finish(node: Node, overrides: Sequence[str]) -> Node:
    if isinstance(overrides, str):
        raise VadkitError(f"{overrides!r} is one text", where="overrides", fix=f"give a list: [{overrides!r}]")
    problems: list[Problem] = []
    for override in overrides:
        try:
            node = _set(node, override)
        except RecipeError as error:
            problems.extend(error.problems)
    if problems:
        raise RecipeError(problems)
    version = node.value.get("vadkit") if isinstance(node.value, Mapping) else None
    if version is None:
        raise fail(node.at, "the line 'vadkit: 1' is missing", "it says which grammar the recipe is written in")
    _check_version(version)
    return node


def _check_version(node: Node | None) -> None:
    if node is None or (node.value == VERSION and type(node.value) is int):
        return
    what = f"this vadkit reads recipes of version {VERSION}, not {plain(node)!r}"
    raise fail(node.at, what, f"write 'vadkit: {VERSION}', or install the vadkit that the recipe was written for")


def _set(node: Node, override: str) -> Node:
    at = Place(f"--set {override}")
    path, equals, text = override.partition("=")
    steps = path.strip().split(".")
    if not equals or not all(steps):
        raise fail(at, "this is not 'key.key=value'", "for example --set model.fit.epochs=2")
    if steps[0] == "extends":
        raise fail(at, "'extends' cannot be set from outside", "write it into a recipe file")
    return _change(node, steps, replace(parse(text, at.origin, lines=False), at=at, key=at))


def _change(node: Node, steps: Sequence[str], value: Node) -> Node:
    """`node` with the value at `steps` merged in; missing mappings are made."""
    if not steps:
        return merge(node, value)
    name, rest = steps[0], steps[1:]
    if isinstance(node.value, tuple):
        if not (name.isdecimal() and int(name) < len(node.value)):
            what = f"{name!r} is not an entry of the list at {node.head}, which has {len(node.value)}"
            raise fail(value.at, what, "entries are numbered from 0")
        items = list(node.value)
        items[int(name)] = _change(items[int(name)], rest, value)
        return replace(node, value=tuple(items))
    wrapped = value
    for step in reversed(steps):
        wrapped = Node({step: wrapped}, value.at, value.key)
    if not isinstance(node.value, Mapping) or name not in node.value:
        return merge(node, wrapped)
    if name == "use" and not rest:
        return merge(node, wrapped)
    return replace(node, value={**node.value, name: _change(node.value[name], rest, value)})
