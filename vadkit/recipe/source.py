"""Reads YAML text as nodes that know their line and column.

The text is read as YAML 1.2 (core schema): `1e-3` is a float, `on` and `0:16` are strings. Duplicate
keys, tags and merge keys are refused. Anchors and aliases are allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import yaml

from vadkit.recipe.node import Node, Place, Problems, Scalar, fail

# Far more than any recipe needs; keeps aliases of aliases from filling the memory.
_MOST_NODES = 100_000
_MOST_BYTES = 1_000_000
_DEEPEST = 40  # values within values

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


def scalar(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar under the core schema of YAML 1.2.

    Raises:
        ValueError: an integer with more digits than Python reads.

    >>> [scalar(text) for text in ("1e-3", "on", "0:16", "0o17", "~")]
    [0.001, 'on', '0:16', 15, None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text, 0 if text.startswith(("0o", "0x")) else 10)
    return float(text) if _FLOAT.fullmatch(text) else text


def read(path: Path) -> Node:
    """Read one recipe file.

    Raises:
        RecipeError: the file is missing, unreadable, not UTF-8, not valid YAML, or not a mapping.
    """
    at = Place(str(path))
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except FileNotFoundError as error:
        fix = "check the path: it is relative to the current folder, or for 'extends' to the file that contains it"
        raise fail(at, "this file does not exist", fix) from error
    except IsADirectoryError as error:
        raise fail(at, "this is a folder", "name a recipe file, such as recipe.yaml in it") from error
    except UnicodeDecodeError as error:
        raise fail(at, f"this is not UTF-8 text (byte {error.start})", "save the file as UTF-8") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise fail(at, f"cannot be read: {reason}") from error
    if len(content) > _MOST_BYTES:
        raise fail(at, f"this file is larger than {_MOST_BYTES} bytes", "name a recipe file")
    node = parse(text, str(path))
    if not isinstance(node.value, Mapping):
        raise fail(node.at, "a recipe is a mapping of 'key: value' lines", "start with 'vadkit: 1'")
    return node


def parse(text: str, origin: str, *, lines: bool = True) -> Node:
    """Read one YAML document as nodes. Places have the origin, and with `lines` a line and column.

    Raises:
        RecipeError: syntax errors, duplicate keys, tags, merge keys.
    """
    try:
        composed = _Loader(text).get_single_node()
        if composed is None:
            return Node(None, Place(origin, 1, 1) if lines else Place(origin))
        converter = _Converter(origin, lines)
        node = converter.convert(composed)
        converter.problems.refuse()
        return node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise fail(_place(origin, mark if lines else None), f"YAML: {_reason(error)}") from error
    except yaml.YAMLError as error:
        raise fail(Place(origin), f"YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise fail(Place(origin), "the values are nested too deeply") from error


class _Loader(yaml.BaseLoader):
    """Composes nodes without resolving scalars, because PyYAML resolves them as YAML 1.1."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = cast("Any", self).peek_event()
        if getattr(event, "tag", None) is not None:
            raise yaml.MarkedYAMLError(
                problem=f"tags such as {event.tag!r} are not allowed", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


class _Converter:
    """Converts the nodes of PyYAML to ours and collects problems."""

    def __init__(self, origin: str, lines: bool) -> None:
        self.origin, self.lines = origin, lines
        self.problems = Problems()
        self.open: set[int] = set()
        self.count = 0

    def convert(self, composed: yaml.Node) -> Node:
        at = self.place(composed)
        self.count += 1
        if len(self.open) >= _DEEPEST:
            raise fail(at, f"the values are nested more than {_DEEPEST} levels deep")
        if self.count > _MOST_NODES:
            raise fail(at, f"aliases expand to more than {_MOST_NODES} values")
        if id(composed) in self.open:
            raise fail(at, "an alias is inside the value that it refers to")
        self.open.add(id(composed))
        try:
            if isinstance(composed, yaml.MappingNode):
                return Node(self.entries(composed), at)
            if isinstance(composed, yaml.SequenceNode):
                items = cast("list[yaml.Node]", composed.value)
                return Node(tuple(self.convert(item) for item in items), at)
            return Node(self.scalar(cast("yaml.ScalarNode", composed), at), at)
        finally:
            self.open.discard(id(composed))

    def entries(self, composed: yaml.MappingNode) -> Mapping[str, Node]:
        found: dict[str, Node] = {}
        for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", composed.value):
            at = self.place(key)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.report(at, "a key must be a scalar")
                continue
            name = cast("str", key.value)
            if name == "<<" and key.style is None:
                self.problems.report(
                    at, "merge keys ('<<') are not allowed", "use 'extends: other.yaml', or repeat the keys"
                )
            elif name in found:
                self.problems.report(
                    at, f"the key {name!r} appears twice, first at {found[name].key}", "remove one of them"
                )
            else:
                found[name] = replace(self.convert(value), key=at)
        return found

    def scalar(self, composed: yaml.ScalarNode, at: Place) -> Scalar:
        text = cast("str", composed.value)
        if composed.style is not None:
            return text
        try:
            return scalar(text)
        except ValueError:
            self.problems.report(at, f"a number with {len(text)} digits is too long")
            return None

    def place(self, composed: yaml.Node) -> Place:
        return _place(self.origin, composed.start_mark if self.lines else None)


def _place(origin: str, mark: yaml.Mark | None) -> Place:
    return Place(origin, mark.line + 1, mark.column + 1) if mark else Place(origin)


def _reason(error: yaml.MarkedYAMLError) -> str:
    return " ".join(f"{error.context or ''} {error.problem or ''}".split()) or "cannot be read"
