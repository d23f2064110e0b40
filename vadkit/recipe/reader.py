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

from pydantic import ValidationError
from pydantic.errors import PydanticUserError
from pydantic_core import ErrorDetails

from vadkit.component import Component
from vadkit.errors import PluginError, Problem, VadkitError, closest
from vadkit.recipe import annotation as types
from vadkit.recipe.model import Beside, Chosen
from vadkit.recipe.signature import Signature, describe
from vadkit.recipe.source import Node, Place, plain
from vadkit.registry import Registry

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
            return self._plain(annotation, node, path)
        if len(types.arms(annotation)) > 1:
            return self._union(annotation, node, path)
        if typing.get_origin(annotation) is Annotated:
            return self.value(typing.get_args(annotation)[0], node, path)
        if (inner := types.value_of(annotation)) is not None:
            return self._mapping(inner, node, path)
        if (inner := types.entry_of(annotation)) is not None:
            return self._list(annotation, inner, node, path)
        self.report(node.head, f"{_named(path)} has a type that a recipe cannot hold: {annotation}")
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
            self.report(node.head, f"{_named(path)} lacks {_listed(lacking)}")
        if beside:
            values[beside] = self.component(types.kind_of(hints[beside]) or "", node, path, structural=own)
        else:
            self._refuse_unknown(given, own, f"{_named(path)} has no key")
        return self._made(form, values, node, path) if len(self.problems) == before else None

    def component(self, kind: str, node: Node, path: str, *, structural: Collection[str] = ()) -> Any:
        """A `Chosen`, from `{use: name, ...}` or a bare name.

        Args:
            kind: of the component.
            node: where it is written.
            path: of the component in the recipe.
            structural: keys of the same mapping that belong to the section around it.
        """
        named = node.value.get("use") if isinstance(node.value, Mapping) else node
        if named is None:
            self.report(node.head, f"{_named(path)} lacks 'use'", closest("", self.registry.names(kind)))
            return None
        if not isinstance(named.value, str):
            what = f"{_named(path)} should be the name of a {kind}, or a mapping with 'use', not {_shown(named)}"
            self.report(named.at, what, closest("", self.registry.names(kind)))
            return None
        signature = self._signature(kind, named)
        if signature is None:
            return None
        reserved = sorted({"use", *structural} & signature.parameters.keys())
        if reserved:
            what = f"the {kind} {named.value!r} has the key {reserved[0]!r}, which belongs to the recipe here"
            self.report(named.at, what, "its author should rename it")
            return None
        entries = node.value if isinstance(node.value, Mapping) else {}
        given = {name: child for name, child in entries.items() if name != "use" and name not in structural}
        return self._chosen(signature, given, node, path, structural)

    def _chosen(
        self, signature: Signature, given: Mapping[str, Node], node: Node, path: str, structural: Collection[str]
    ) -> Chosen:
        card = signature.component
        self._refuse_unknown(
            given, signature.parameters.keys(), f"{card.kind} {card.name!r} has no key", beside=structural
        )
        lacking = [name for name in signature.required if name not in given]
        if lacking:
            self.report(node.head, f"{_named(path)} ({card.name}) lacks {_listed(lacking)}")
        keys = {
            name: self.value(signature.parameters[name].annotation, child, f"{path}.{name}")
            for name, child in given.items()
            if name in signature.parameters
        }
        return Chosen(card, keys, path)

    def _signature(self, kind: str, named: Node) -> Signature | None:
        try:
            card = self.registry.get(kind, str(named.value))
            if card not in self._signatures:
                self._signatures[card] = describe(card)
            return self._signatures[card]
        except PluginError as error:
            self.report(named.at, f"{error.where}: {error.what}".removeprefix(": "), error.fix)
            return None

    def _refuse_unknown(
        self, given: Mapping[str, Node], known: Collection[str], what: str, *, beside: Collection[str] = ()
    ) -> None:
        for name, child in given.items():
            if name not in known:
                self.report(child.head, f"{what} {name!r}", closest(name, [*known, *beside]))

    def _entries(self, node: Node, path: str, form: type) -> Mapping[str, Node] | None:
        if isinstance(node.value, Mapping):
            return node.value
        hints = typing.get_type_hints(form, include_extras=True)
        if isinstance(node.value, str) and any(_is_beside(hint) for hint in hints.values()):
            return {"use": node}
        self.report(node.at, f"{_named(path)} should be a mapping, not {_shown(node)}")
        return None

    def _made(self, form: type, values: Mapping[str, Any], node: Node, path: str) -> Any:
        try:
            made = form(**values)
            return made.meaning() if hasattr(form, "meaning") else made
        except VadkitError as error:
            self.report(node.head, f"{_named(path)}: {error.what}", error.fix)
            return None

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
            self.report(node.at, f"{_named(path)} should be a mapping of names, not {_shown(node)}")
            return None
        found: dict[str, Any] = {}
        for name, child in node.value.items():
            if not _ENTRY_NAME.fullmatch(name):
                fix = "use letters, digits, '_' and '-', starting with a letter"
                self.report(child.head, f"{name!r} cannot be the name of an entry of {_named(path)}", fix)
            found[name] = self.value(inner, child, f"{path}.{name}")
        return found

    def _list(self, annotation: Any, inner: Any, node: Node, path: str) -> Any:
        if not isinstance(node.value, tuple):
            self.report(node.at, f"{_named(path)} should be a list, not {_shown(node)}")
            return None
        found = [self.value(inner, child, f"{path}.{i}") for i, child in enumerate(node.value)]
        return tuple(found) if typing.get_origin(annotation) is tuple else found

    def _plain(self, annotation: Any, node: Node, path: str) -> Any:
        try:
            return types.adapter(annotation).validate_python(plain(node))
        except PydanticUserError as error:
            reason = str(error).splitlines()[0]
            self.report(node.head, f"{_named(path)} has a type that a recipe cannot hold: {reason}")
        except ValidationError as error:
            for place, (at, texts, fix) in _findings(error, node, path).items():
                self.report(at.at, f"{_named(place)} {' or '.join(texts)}, not {_shown(at)}", fix)
        return None


def _findings(error: ValidationError, node: Node, path: str) -> Mapping[str, tuple[Node, list[str], str]]:
    """Path -> (node, texts, fix); the arms of a union all speak of one node."""
    found: dict[str, tuple[Node, list[str], str]] = {}
    for finding in error.errors(include_url=False):
        at, place = node, path
        for step in finding["loc"]:
            inner = _child(at, step)
            # Other steps name an arm of a union, or an entry that is lacking.
            if inner is not None:
                at, place = inner, f"{place}.{step}"
        text = finding["msg"].removeprefix("Input ")
        if finding["type"] == "missing":
            text = f"should have an entry {finding['loc'][-1]}"
        texts = found.setdefault(place, (at, [], _near(finding, at)))[1]
        if text not in texts:
            texts.append(text)
    return found


def _near(finding: ErrorDetails, node: Node) -> str:
    choices = re.findall(r"'([^']*)'", str(finding.get("ctx", {}).get("expected", "")))
    return closest(node.value, choices) if isinstance(node.value, str) and choices else ""


def _child(node: Node, step: int | str) -> Node | None:
    if isinstance(node.value, Mapping):
        return node.value.get(str(step))
    if isinstance(node.value, tuple) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def _is_beside(hint: Any) -> bool:
    return any(isinstance(mark, Beside) for mark in getattr(hint, "__metadata__", ()))


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _named(path: str) -> str:
    return f"'{path}'" if path else "the recipe"


def _listed(names: Collection[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _shown(node: Node) -> str:
    if isinstance(node.value, Mapping):
        return "a mapping"
    if isinstance(node.value, tuple):
        return f"a list of {len(node.value)}"
    return "null" if node.value is None else repr(node.value)
