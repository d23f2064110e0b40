"""Merges a recipe with its parents (`extends`) and the overrides of the command line.

Mappings merge. Lists and scalars replace. A different `use:` replaces the component with all its
keys. When a string and a mapping merge, the string is read as `{use: string}`, so
`lr_scheduler.end=0.1` changes one key of `lr_scheduler: cosine`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vadkit.core.errors import RecipeError, VadkitError
from vadkit.recipe.deprecated import translate
from vadkit.recipe.library import Located, locate, parent
from vadkit.recipe.node import Node, Place, Problems, entries_of, fail, from_plain, plain
from vadkit.recipe.source import parse, read
from vadkit.recipe.variants import Family, take_apart

VERSION = 1
"""Version of the recipe grammar: the value of `vadkit:`."""


def resolve(recipe: str | Path, overrides: Sequence[str] = ()) -> Node:
    """A recipe with its parents, its variant and overrides merged in: a mapping without `extends` and `variants`.

    Args:
        recipe: a reference as of `vadkit.recipe.library`.
        overrides: `a.b=value`, the value read as YAML; a number addresses a list's entry.

    Raises:
        VadkitError: no recipe has this name.
        RecipeError: a file that cannot be read, a loop of `extends`, variants and none is chosen, a malformed override.
    """
    found = locate(recipe)
    node = read(found.path)
    if not found.variant:
        take_apart(node).refuse_choice()
    return _finish(_with_parents(node, found, ()), overrides)


def resolve_plain(values: str | Mapping[str, Any], overrides: Sequence[str] = ()) -> Node:
    """Like `resolve`, for YAML text or a mapping made in Python; parents are relative to the current folder.

    Raises:
        RecipeError: as `resolve`.
    """
    node = parse(values, "recipe") if isinstance(values, str) else from_plain(values)
    if not isinstance(node.value, Mapping):
        raise fail(node.at, "a recipe is a mapping of 'key: value' lines", "start with 'vadkit: 1'")
    take_apart(node).refuse_choice()
    return _finish(_with_parents(node, Located(Path("recipe")), None), overrides)


def merge(parent: Node, child: Node) -> Node:
    """Merge `child` into `parent`. A merged mapping keeps the place of the parent."""
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


_Chain = tuple[Located, ...]


def _with_parents(node: Node, found: Located, chain: _Chain | None) -> Node:
    """The content of a file, without `variants`, merged into its parents.

    `chain` has the recipes that extend it, the outermost first; None for content that is not from a file.
    """
    family = take_apart(node)
    entries = dict(entries_of(family.base))
    _check_version(entries.get("vadkit"))
    named = entries.pop("extends", None)
    child = translate(replace(node, value=entries))
    links = () if chain is None else (*chain, replace(found, path=found.path.resolve()))
    if not found.variant:
        return child if named is None else merge(_parent(named, found.path.parent, links), child)
    return _variant(family, child, named, found, links)


def _variant(family: Family, child: Node, named: Node | None, found: Located, links: _Chain) -> Node:
    """The base with a variant's changes, or another variant of the file with them; its name is made of both."""
    changes = translate(family.changes_of(found.variant))
    entries = dict(entries_of(changes))
    own = entries.pop("extends", named)
    if own is not None and own is not named and own.value in family.variants:
        sibling = Located(found.path, str(own.value))
        _refuse_circle(sibling, own, links)
        base = _variant(family, child, named, sibling, (*links, replace(sibling, path=sibling.path.resolve())))
    else:
        base = child if own is None else merge(_parent(own, found.path.parent, links), child)
    merged = merge(base, replace(changes, value=entries))
    values = dict(entries_of(merged))
    if "name" not in entries:
        name = entries_of(child).get("name") or values.get("name")
        if name is not None and isinstance(name.value, str):
            values["name"] = replace(name, value=f"{name.value}_{found.variant}", at=changes.head)
    return replace(merged, value=values)


def _parent(named: Node, folder: Path, chain: _Chain) -> Node:
    if not isinstance(named.value, str):
        raise fail(named.at, "'extends' must be the name of one recipe", "write 'extends: base.yaml'")
    found = parent(named.value, folder, named.at)
    _refuse_circle(found, named, chain)
    return _with_parents(read(found.path), found, chain)


def _refuse_circle(found: Located, named: Node, chain: _Chain) -> None:
    if replace(found, path=found.path.resolve()) in chain:
        links = (*chain, found)
        names = " -> ".join(f"{link.path.name}/{link.variant}".removesuffix("/") for link in links)
        raise fail(named.at, f"'extends' forms a loop: {names}", "remove 'extends' from one of these recipes")


def _finish(node: Node, overrides: Sequence[str]) -> Node:
    if isinstance(overrides, str):
        what, fix = f"{overrides!r} is a string, not a list", f"give a list: [{overrides!r}]"
        raise VadkitError(what, where="overrides", fix=fix)
    problems = Problems()
    for override in overrides:
        try:
            node = _set(node, override)
        except RecipeError as error:
            problems.extend(error.problems)
    problems.refuse()
    version = entries_of(node).get("vadkit")
    if version is None:
        raise fail(node.at, "the line 'vadkit: 1' is missing", "add it: it is the version of the recipe grammar")
    _check_version(version)
    return node


def _check_version(node: Node | None) -> None:
    if node is None or (node.value == VERSION and type(node.value) is int):
        return
    what = f"this version of vadkit reads recipes of version {VERSION}, not {plain(node)!r}"
    fix = f"write 'vadkit: {VERSION}', or install the version of vadkit that the recipe was written for"
    raise fail(node.at, what, fix)


def _set(node: Node, override: str) -> Node:
    at = Place(f"--set {override}")
    path, equals, text = override.partition("=")
    steps = path.strip().split(".")
    if not equals or not all(steps):
        raise fail(at, "this is not 'key.key=value'", "for example --set model.fit.epochs=2")
    if steps[0] == "extends":
        raise fail(at, "'extends' cannot be set by an override", "write it in a recipe file")
    value = replace(parse(text, at.origin, lines=False), at=at, key=at)
    return _change(node, translate(_nested(steps, value)), len(steps))


def _nested(steps: Sequence[str], value: Node) -> Node:
    for step in reversed(steps):
        value = Node({step: value}, value.at, value.key)
    return value


def _change(node: Node, change: Node, depth: int) -> Node:
    """`node` with `change` merged in. In the outer `depth` levels of `change`, a key may be the number of an entry."""
    if depth and isinstance(change.value, Mapping):
        (name, inner), *_ = change.value.items()
        if isinstance(node.value, tuple):
            if not (name.isdecimal() and int(name) < len(node.value)):
                what = f"{name!r} is not an entry of the list at {node.head}, which has {len(node.value)}"
                raise fail(change.at, what, "entries are counted from 0")
            items = list(node.value)
            items[int(name)] = _change(items[int(name)], inner, depth - 1)
            return replace(node, value=tuple(items))
        if isinstance(node.value, Mapping) and name in node.value and (name, depth) != ("use", 1):
            return replace(node, value={**node.value, name: _change(node.value[name], inner, depth - 1)})
    return merge(node, change)
