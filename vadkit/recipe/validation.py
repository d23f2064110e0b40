"""Validates the nodes of a recipe and reports every problem with its place in the file.

pydantic validates plain values (see `vadkit.recipe.grammar`). This module looks components up for
it and translates its errors: each location leads to a node, which knows its file, line and column.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails

from vadkit.core.errors import PluginError, VadkitError, closest
from vadkit.plugin.registry import Registry
from vadkit.recipe import grammar as grammar
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.input_files import FileName, find_file
from vadkit.recipe.node import Node, Place, Problems, plain
from vadkit.recipe.signature import describe

Step = str | int
_TEXTS = {
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type", "sequence_str"), "should be a list"),
    **dict.fromkeys(("dict_type", "mapping_type"), "should be a mapping"),
    "missing": "should have an entry {}",
    "too_long": "should have at most {max_length} entries",
    "too_short": "should have at least {min_length} entries",
}
"""Types of pydantic's errors -> what to say in place of its message."""


class Reader:
    """Reads values and collects problems; a returned value counts only if there are no problems.

    Args:
        registry: where components are looked up.
        kept: absolute path of a file -> the copy of it that a run keeps.

    Attributes:
        problems: what is wrong.
        files: path of a value -> the file that it names, for keys with the type `WeightsFile`.
    """

    def __init__(self, registry: Registry, kept: Mapping[str, Path] | None = None) -> None:
        self.registry = registry
        self.kept = kept or {}
        self.files: dict[str, Path] = {}
        self.problems = Problems()
        self.report = self.problems.report
        self._describe = functools.cache(describe)

    def read(self, annotation: Any, node: Node, path: str = "") -> Any:
        """The value of a node as this type; None after a problem.

        Args:
            annotation: a section, or `Annotated[ComponentConfig, Kind(...)]`.
            node: where the value is written.
            path: of the value in the recipe.
        """
        try:
            value = _adapter(annotation).validate_python(plain(node), context=self)
        except ValidationError as error:
            for at, what, fix in sorted(_explained(error, node, path)):
                self.report(at, what, fix)
            return None
        return self._placed(value, node, path)

    def choose(self, kind: str, value: Any, structural: Collection[str]) -> ComponentConfig:
        """A component from `{use: name, ...}` or its name, with no key in `structural`. pydantic calls this.

        Raises:
            ValidationError: no component has this name, or its keys are wrong.
            PydanticCustomError: `use` is missing.
        """
        entries = cast("dict[str, Any]", value) if isinstance(value, dict) else {"use": value}
        known = closest("", self.registry.names(kind))
        if "use" not in entries:
            raise grammar.refused("{path} lacks 'use'", known)
        name = entries["use"]
        if not isinstance(name, str):
            article = "an" if kind[0] in "aeiou" else "a"
            what = f"{{path}} should be the name of {article} {kind}, or a mapping with 'use', not {_shown(name)}"
            raise _at_use(what, known)
        try:
            signature = self._describe(self.registry.get(kind, name))
        except PluginError as error:
            raise _at_use(f"{error.where}: {error.what}".removeprefix(": "), error.fix) from error
        if reserved := sorted({"use", *structural} & signature.parameters.keys()):
            what = f"the {kind} {name!r} has the key {reserved[0]!r}, which is a key of the recipe here"
            raise _at_use(what, "its author should rename it")
        given = {key: entry for key, entry in entries.items() if key != "use"}
        keys = grammar.component_keys(signature, structural).validate_python(given, context=self)
        return ComponentConfig(signature.component, {key: keys[key] for key in given}, path="")

    def _placed(self, value: Any, node: Node, path: str) -> Any:
        """The same value, where each `ComponentConfig` knows its path, and each file is found."""
        if isinstance(value, ComponentConfig):
            return replace(value, path=path, keys=self._placed(value.keys, node, path))
        if isinstance(value, grammar.Section):
            inner = {name: getattr(value, name) for name in grammar.own_keys(type(value))}
            changed = self._placed(inner, node, path)
            if field := value.component_field:
                changed[field] = self._placed(getattr(value, field), node, path)
            return replace(cast("Any", value), **changed)
        if isinstance(value, Mapping):
            entries = cast("Mapping[Any, Any]", value)
            return {name: self._placed(one, _inside(node, name), _joined(path, name)) for name, one in entries.items()}
        if isinstance(value, (tuple, list)):
            each = enumerate(cast("Sequence[Any]", value))
            items = [self._placed(one, _inside(node, i), _joined(path, i)) for i, one in each]
            return tuple(items) if isinstance(value, tuple) else items
        return self._file(value, node, path) if isinstance(value, FileName) else value

    def _file(self, name: FileName, node: Node, path: str) -> Path:
        try:
            self.files[path] = find_file(name.path, node.at, self.kept)
        except VadkitError as error:
            self.report(node.at, f"{_named(path)}: {error.what}", error.fix)
        return self.files.get(path, name.path)


def _inside(node: Node, step: Step) -> Node:
    """The node of an entry; the node itself where the recipe does not have the entry, as for a default."""
    if isinstance(node.value, Mapping):
        return node.value.get(str(step), node)
    if isinstance(node.value, tuple) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return node


def _at_use(what: str, fix: str) -> ValidationError:
    details: InitErrorDetails = {"type": grammar.refused(what, fix), "loc": ("use",), "input": None}
    return ValidationError.from_exception_data("use", [details])


@functools.cache
def _adapter(annotation: Any) -> TypeAdapter[Any]:
    """What pydantic validates a section with; building it takes longer than using it."""
    return TypeAdapter(annotation)


def _explained(error: ValidationError, root: Node, root_path: str) -> Iterator[tuple[Place, str, str]]:
    """Place, message and fix of each problem."""
    nodes: dict[str, Node] = {}
    lacking: dict[str, list[str]] = {}
    wrong: dict[str, list[ErrorDetails]] = {}
    containers: set[str] = set()
    for details in error.errors(include_url=False):
        *around, path = _paths(root, root_path, details["loc"], nodes)
        node, last, context = nodes[path], details["loc"][-1] if details["loc"] else "", details.get("ctx", {})
        containers.update(around)
        if details["type"] == grammar.REFUSED:
            what = context["what"].replace("{path}", _named(path)).replace("{key}", repr(last))
            what = what.replace("{parent}", _named([root_path, *around][-1]))
            fix = closest(str(last), context["choices"]) if context["choices"] else context["fix"]
            yield node.at if last == "use" else node.head, what, fix
        elif details["type"] == "missing" and isinstance(last, str):
            lacking.setdefault(path, []).append(last)
        else:
            wrong.setdefault(path, []).append(details)
            continue
        containers.add(path)
    for path, keys in lacking.items():
        use = nodes[path].value
        use = use["use"].value if isinstance(use, Mapping) and "use" in use else use
        name, fix = _named(path), ""
        if isinstance(use, str):
            name, written = f"{name} ({use})", "".join(f", {key}: ..." for key in keys)
            fix = f"write {{use: {use}{written}}}; 'vadkit list {use}' describes the keys"
        yield nodes[path].head, f"{name} lacks {', '.join(map(repr, keys))}", fix
    for path, found in wrong.items():
        if path not in containers:  # else the problem inside is that of the member of a union that was meant
            node = nodes[path]
            texts = " or ".join(dict.fromkeys(map(_text, found))).replace(" or should be ", " or ")
            yield node.at, f"{_named(path)} {texts}, not {_shown(node.value)}", _near(found, node.value)


def _paths(node: Node, path: str, location: Sequence[Step], nodes: dict[str, Node]) -> list[str]:
    """The paths on the way to a location of pydantic; their nodes are added to `nodes`."""
    nodes[path], paths = node, [path]
    for step in location:
        inner: Node | None = None
        if isinstance(node.value, Mapping):
            inner = node.value.get(str(step))
        elif isinstance(node.value, tuple) and isinstance(step, int) and step < len(node.value):
            inner = node.value[step]
        if inner is not None:  # other steps name a member of a union, or a missing entry
            node, path = inner, _joined(path, step)
            nodes[path] = node
            paths.append(path)
    return paths


def _text(details: ErrorDetails) -> str:
    if template := _TEXTS.get(details["type"]):
        return template.format(*details["loc"][-1:], **details.get("ctx", {}))
    return re.sub(r"^\w+ (?=should )", "", details["msg"])


def _near(found: Sequence[ErrorDetails], value: Any) -> str:
    choices = re.findall(r"'([^']*)'", "".join(str(details.get("ctx", {}).get("expected", "")) for details in found))
    hint = closest(value, choices) if isinstance(value, str) else ""
    # The message lists the choices already.
    return hint.partition(" (choices")[0] if hint.startswith("did you mean") else ""


def _named(path: str) -> str:
    return f"'{path}'" if path else "the recipe"


def _joined(path: str, step: Step) -> str:
    return f"{path}.{step}" if path else str(step)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (tuple, list)):
        return f"a list of {len(cast('Sequence[Any]', value))}"
    return repr(value) if isinstance(value, str) else json.dumps(value)
