"""Finds the components under test and reads their settings, with the checks and messages of a recipe."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

from vadkit.core.errors import PluginError, Problem, RecipeError, VadkitError, closest
from vadkit.plugin.component import Component
from vadkit.plugin.registry import Plugin, Registry
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.grammar import Kind
from vadkit.recipe.node import Node, Place, from_plain, plain
from vadkit.recipe.signature import describe
from vadkit.recipe.validation import Reader
from vadkit.testing.subject import Subject
from vadkit.testing.toy import Toy


def subjects(
    tested: str | Sequence[Component],
    settings: Mapping[str, Any] | None = None,
    *,
    only: Sequence[str] = (),
    registry: Registry | None = None,
) -> list[Subject]:
    """The components of a plugin, ready to be checked.

    Args:
        tested: name of an installed plugin, or a list of components.
        settings: component -> its keys, and `toy` for its toy surroundings. Name a component as in `vadkit list`:
            `kde`, or `density/kde` where several kinds share the name.
        only: names of the components to check; all if empty.
        registry: the registry of plugins; by default all installed plugins.

    Raises:
        PluginError: the plugin does not exist or cannot be loaded.
        RecipeError: all problems of the settings.

    Example:
        >>> [str(each) for each in subjects("flows")]
        ['density/glow', 'density/realnvp']
    """
    found, plugin = registry or Registry.discover(), tested if isinstance(tested, str) else ""
    owner = plugin or "under-test"
    if isinstance(tested, str):
        cards = _plugin(found, tested).components
    else:
        cards = tuple(tested)
        found = Registry([*(each for each in found.plugins if each.name != owner), Plugin(owner, "", cards)])
    if not cards:
        raise PluginError("it has no components to check", where=plugin)
    _refuse_twins(cards, plugin)
    given = by_component(cards, settings or {})
    wanted = by_component(cards, dict.fromkeys(only)) if only else cards
    reader = Reader(found)
    made = [
        replace(_subject(reader, plugin, owner, card, keys), variant=variant)
        for card in cards
        if card in wanted
        for variant, keys in _each_with(card, given.get(card))
    ]
    if reader.problems:
        raise RecipeError(reader.problems)
    before = Reader(found)  # an encoder without the settings that it needs is only not used before a decoder
    encoders = [_subject(before, plugin, owner, card, given.get(card)) for card in cards if card.kind == "encoder"]
    usable = tuple(each.config for each in encoders if not each.problem and not before.problems)
    return [replace(each, siblings=cards, encoders=usable) for each in made]


def _refuse_twins(cards: Sequence[Component], plugin: str) -> None:
    twice = [label for label, count in Counter(f"{card.kind}/{card.name}" for card in cards).items() if count > 1]
    if twice:
        targets = " and ".join(card.target for card in cards if f"{card.kind}/{card.name}" == twice[0])
        what = f"{twice[0]} is announced more than once, for {targets}"
        raise PluginError(what, where=plugin and f"plugin {plugin!r}", fix="give each component another name")


def _each_with(card: Component, given: Any) -> list[tuple[str, Any]]:
    """The keys of each run of the checks: those of the settings, then with each of `checked_with`, with its text.

    If the settings lack a required key, only the latter are checked.
    """
    more = [dict(keys) for keys in card.checked_with]
    plainly = plain(given) if isinstance(given, Node) else given
    if not more or not isinstance(plainly, Mapping | None):
        return [("", given)]
    base = dict(plainly or {})
    each = [(json.dumps(keys, default=str), base | keys) for keys in more]
    try:
        lacking = [name for name in describe(card).required if name not in base]
    except PluginError:
        lacking = []
    return each if lacking else [("", given), *each]


def by_component(cards: Sequence[Component], named: Mapping[str, Any]) -> dict[Component, Any]:
    """Values under `kind/name` or `name`, by component; each name must belong to one of them."""
    found: dict[Component, Any] = {}
    labels = {f"{card.kind}/{card.name}": card for card in cards}
    for name, value in named.items():
        fitting = [label for label, card in labels.items() if name in (card.name, label)]
        if not fitting:
            fix = closest(name, labels if "/" in name else [*labels, *(card.name for card in cards)])
            raise VadkitError(f"no component under test is named {name!r}", where="settings", fix=fix)
        if len(fitting) > 1:
            fix = f"write {' or '.join(fitting)}"
            raise VadkitError(f"{name!r} names several components", where="settings", fix=fix)
        found[labels[fitting[0]]] = value
    return found


def _plugin(registry: Registry, name: str) -> Plugin:
    named = {plugin.name: plugin for plugin in registry.plugins}
    if plugin := named.get(name):
        if plugin.error:
            where = f"plugin {name!r} ({plugin.distribution})"
            raise PluginError(plugin.error, where=where, fix="repair or reinstall its package")
        return plugin
    owners = [owner for owner, plugin in named.items() if any(name == each.name for each in plugin.components)]
    fix = f"{name!r} is a component of the plugin {owners[0]!r}" if owners else closest(name, named)
    if name in registry.disabled:
        fix = "remove it from VADKIT_DISABLE"
    raise PluginError(f"no plugin is named {name!r}", fix=fix)


def _subject(reader: Reader, plugin: str, owner: str, card: Component, given: Any) -> Subject:
    label = f"{card.kind}/{card.name}"
    try:
        signature = describe(card)
    except PluginError as error:
        return Subject(ComponentConfig(card, {}, label), plugin=plugin, problem=error)
    keys = _entries(reader, label, given)
    toy = keys.pop("toy", None)
    lacking = [name for name in signature.required if name not in keys]
    if lacking and keys.keys() <= signature.parameters.keys():  # else one may be misspelt: the reader reports both
        example = ", ".join(f"{name!r}: ..." for name in lacking)
        option = " ".join(f"--set {label}.{name}=..." for name in lacking)
        what = f"needs a value for {', '.join(map(repr, lacking))}"
        reader.report(Place(label), what, f"give settings={{{label!r}: {{{example}}}}}, or {option}")
        return Subject(ComponentConfig(card, {}, label), plugin=plugin)
    name = Node(f"{owner}:{card.name}", Place(label))
    config = reader.read(Annotated[ComponentConfig, Kind(card.kind)], Node({"use": name, **keys}, Place(label)), label)
    return Subject(config, Toy() if toy is None else reader.read(Toy, toy, f"{label}.toy"), plugin=plugin)


def _entries(reader: Reader, label: str, given: Any) -> dict[str, Node]:
    node = given if isinstance(given, Node) else from_plain(given or {}, label)
    if isinstance(node.value, Mapping):
        return dict(node.value)
    reader.problems.append(Problem(label, f"settings must be a mapping of keys, not {plain(node)!r}"))
    return {}
