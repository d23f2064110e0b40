"""Nodes to checked values, guided by types; collects every problem on the way.

One walk serves the sections of `vadkit.recipe.model` and the keys of components alike: a
type is a component, a section, a list or mapping of these, or a plain value.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Collection, Mapping
from typing import Annotated, Any

from vadkit.core.errors import PluginError, Problem, VadkitError, closest
from vadkit.plugin.component import Component
from vadkit.plugin.registry import Registry
from vadkit.recipe import annotations as types
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.markers import Beside
from vadkit.recipe.node import Node, Place
from vadkit.recipe.scalars import named, shown, validate
from vadkit.recipe.signature import Signature, describe

_ENTRY_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


class Reader:
    """Reads values and collects problems; what it returns counts only if there are none.

    Args:
        registry: where components are looked up.
    """

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.problems: list[Problem] = []
        self._signatures: dict[Component, Signature] = {}

    def report(self, at: Place, what: str, fix: str = "") -> None:
        """Note a problem, once."""
        problem = Problem(str(at), what, fix)
        if problem not in self.problems:
            self.problems.append(problem)

    def value(self, annotation: Any, node: Node, path: str) -> Any:
        """A node's value as this type; None where it cannot be, with a problem noted."""
        if kind := types.kind_of(annotation):
            return self.component(kind, node, path)
        if form := types.section_of(annotation):
            return self.section(form, node, path)
        if not types.structured(annotation):
            return self._leaf(annotation, node, path)
        if len(types.arms(annotation)) > 1:
            return self._union(annotation, node, path)
        if typing.get_origin(annotation) is Annotated:
            return self.value(typing.get_args(annotation)[0], node, path)
        if (inner := types.value_of(annotation)) is not None:
            return self._mapping(inner, node, path)
        if (inner := types.entry_of(annotation)) is not None:
            return self._list(annotation, inner, node, path)
        self.report(node.head, f"{named(path)} has a type that a recipe cannot hold: {annotation}")
        return None

    def section(self, form: type, node: Node, path: str) -> Any:
        """A mapping of fixed keys, one a field of the dataclass `form`."""
        given = self._entries(node, path, form)
        if given is None:
            return None
        before = len(self.problems)
        hints = typing.get_type_hints(form, include_extras=True)
        values: dict[str, Any] = {}
        lacking: list[str] = []
        fields = {field.name: field for field in dataclasses.fields(form) if field.name != "tree"}
        beside = next((name for name in fields if _is_beside(hints[name])), None)
        own = fields.keys() - {beside}
        for name in (name for name in fields if name in own):
            child = given.get(name)
            optional = not _required(fields[name])
            if child is not None and not (child.value is None and optional):
                values[name] = self.value(hints[name], child, f"{path}.{name}".strip("."))
            elif not optional:
                lacking.append(name)
        if lacking:
            self.report(node.head, f"{named(path)} lacks {_listed(lacking)}")
        if beside:
            values[beside] = self.component(types.kind_of(hints[beside]) or "", node, path, structural=own)
        else:
            self._refuse_unknown(given, own, f"{named(path)} has no key")
        return self._made(form, values, node, path) if len(self.problems) == before else None

    def component(self, kind: str, node: Node, path: str, *, structural: Collection[str] = ()) -> Any:
        """A `Chosen`, from `{use: name, ...}` or a bare name.

        Args:
            kind: of the component.
            node: where it is written.
            path: of the component in the recipe.
            structural: keys of the same mapping that belong to the section around it.
        """
        name_node = node.value.get("use") if isinstance(node.value, Mapping) else node
        if name_node is None:
            self.report(node.head, f"{named(path)} lacks 'use'", closest("", self.registry.names(kind)))
            return None
        if not isinstance(name_node.value, str):
            what = f"{named(path)} should be the name of a {kind}, or a mapping with 'use', not {shown(name_node)}"
            self.report(name_node.at, what, closest("", self.registry.names(kind)))
            return None
        signature = self._signature(kind, name_node)
        if signature is None:
            return None
        reserved = sorted({"use", *structural} & signature.parameters.keys())
        if reserved:
            what = f"the {kind} {name_node.value!r} has the key {reserved[0]!r}, which belongs to the recipe here"
            self.report(name_node.at, what, "its author should rename it")
            return None
        entries: Mapping[str, Node] = node.value if isinstance(node.value, Mapping) else {}
        given = {name: child for name, child in entries.items() if name != "use" and name not in structural}
        return self._chosen(signature, given, node, path, structural)

    def _chosen(
        self, signature: Signature, given: Mapping[str, Node], node: Node, path: str, structural: Collection[str]
    ) -> ComponentConfig:
        card = signature.component
        self._refuse_unknown(
            given, signature.parameters.keys(), f"{card.kind} {card.name!r} has no key", beside=structural
        )
        lacking = [name for name in signature.required if name not in given]
        if lacking:
            self.report(node.head, f"{named(path)} ({card.name}) lacks {_listed(lacking)}")
        keys = {
            name: self.value(signature.parameters[name].annotation, child, f"{path}.{name}")
            for name, child in given.items()
            if name in signature.parameters
        }
        return ComponentConfig(card, keys, path)

    def _signature(self, kind: str, name_node: Node) -> Signature | None:
        try:
            card = self.registry.get(kind, str(name_node.value))
            if card not in self._signatures:
                self._signatures[card] = describe(card)
            return self._signatures[card]
        except PluginError as error:
            self.report(name_node.at, f"{error.where}: {error.what}".removeprefix(": "), error.fix)
            return None

    def _refuse_unknown(
        self, given: Mapping[str, Node], known: Collection[str], what: str, *, beside: Collection[str] = ()
    ) -> None:
        for name, child in given.items():
            if name not in known:
                self.report(
                    child.head,
                    f"{what} {name!r}",
                    closest(name, [*known, *beside]) if known or beside else "it has no keys",
                )

    def _entries(self, node: Node, path: str, form: type) -> Mapping[str, Node] | None:
        if isinstance(node.value, Mapping):
            return node.value
        hints = typing.get_type_hints(form, include_extras=True)
        if isinstance(node.value, str) and ("use" in hints or any(_is_beside(hint) for hint in hints.values())):
            return {"use": node}
        self.report(node.at, f"{named(path)} should be a mapping, not {shown(node)}")
        return None

    def _made(self, form: type, values: Mapping[str, Any], node: Node, path: str) -> Any:
        try:
            made = form(**values)
            return made.meaning() if hasattr(form, "meaning") else made
        except VadkitError as error:
            self.report(node.head, f"{named(path)}: {error.what}", error.fix)
            return None

    def _leaf(self, annotation: Any, node: Node, path: str) -> Any:
        value, problems = validate(annotation, node, path)
        self.problems.extend(problem for problem in problems if problem not in self.problems)
        return value

    def _union(self, annotation: Any, node: Node, path: str) -> Any:
        members = types.arms(annotation)
        if node.value is None and type(None) in members:
            return None
        if isinstance(node.value, str) and str in members:
            return node.value
        for member in (member for member in members if types.structured(member)):
            takes_list = types.entry_of(member) is not None
            if takes_list == isinstance(node.value, tuple) and isinstance(node.value, (tuple, Mapping, str)):
                return self.value(member, node, path)
        simple = [member for member in members if not types.structured(member) and member is not type(None)]
        return self.value(simple[0] if simple else members[0], node, path)

    def _mapping(self, inner: Any, node: Node, path: str) -> Any:
        if not isinstance(node.value, Mapping):
            self.report(node.at, f"{named(path)} should be a mapping of names, not {shown(node)}")
            return None
        found: dict[str, Any] = {}
        for name, child in node.value.items():
            if not _ENTRY_NAME.fullmatch(name):
                fix = "use letters, digits, '_' and '-', starting with a letter"
                self.report(child.head, f"{name!r} cannot be the name of an entry of {named(path)}", fix)
            found[name] = self.value(inner, child, f"{path}.{name}")
        return found

    def _list(self, annotation: Any, inner: Any, node: Node, path: str) -> Any:
        if not isinstance(node.value, tuple):
            self.report(node.at, f"{named(path)} should be a list, not {shown(node)}")
            return None
        found = [self.value(inner, child, f"{path}.{i}") for i, child in enumerate(node.value)]
        return tuple(found) if typing.get_origin(annotation) is tuple else found


def _is_beside(hint: Any) -> bool:
    return any(isinstance(mark, Beside) for mark in getattr(hint, "__metadata__", ()))


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
