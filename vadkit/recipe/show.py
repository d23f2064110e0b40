"""Writes a resolved tree as YAML, with or without the origin of each value.

Readers of YAML 1.1 and 1.2 read it the same way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from vadkit.recipe.node import Node, Place, Scalar, from_plain
from vadkit.recipe.source import scalar

_PLAIN = re.compile(r"[A-Za-z_/$][A-Za-z0-9_./$-]*( [A-Za-z0-9_./$-]+)*")
# Booleans of YAML 1.1; quoted, so that its readers see strings.
_WORDS_OF_1_1 = {"y", "n", "yes", "no", "on", "off"}
_COMMENT_COLUMN = 56

Line = tuple[str, Place | None]


def dump(tree: Mapping[str, Any]) -> str:
    """Plain values as YAML text, which reads back as the same values.

    Raises:
        RecipeError: YAML cannot express a value.
    """
    return "".join(f"{text}\n" for text, _ in _lines(from_plain(tree)))


def render(tree: Node) -> str:
    """A resolved tree as YAML text; a comment on each line names the origin of its value."""
    lines = list(_lines(tree))
    column = max((len(text) for text, place in lines if place and len(text) <= _COMMENT_COLUMN), default=0)
    return "".join(f"{text:<{column}}  # {_origin(place)}\n" if place else f"{text}\n" for text, place in lines)


def _origin(place: Place) -> str:
    # A value with several lines in a --set would end the comment.
    origin = " ".join(place.origin.split())
    origin = "--set" if origin.startswith("--set ") else origin
    return f"{origin}:{place.line}" if place.line else origin


def _lines(node: Node, indent: str = "") -> Sequence[Line]:
    if isinstance(node.value, Mapping) and node.value:
        return [
            line for name, child in node.value.items() for line in _entry(f"{indent}{_scalar(name)}:", child, indent)
        ]
    if isinstance(node.value, tuple) and node.value:
        return [line for child in node.value for line in _item(child, indent)]
    return [(indent + _inline(node), node.at)]


def _entry(head: str, node: Node, indent: str) -> Sequence[Line]:
    if _fits_a_line(node):
        return [(f"{head} {_inline(node)}", node.at)]
    return [(head, None), *_lines(node, indent + "  ")]


def _item(node: Node, indent: str) -> Sequence[Line]:
    if _fits_a_line(node):
        return [(f"{indent}- {_inline(node)}", node.at)]
    (first, place), *rest = _lines(node, indent + "  ")
    return [(f"{indent}- {first.removeprefix(indent + '  ')}", place), *rest]


def _fits_a_line(node: Node) -> bool:
    """Whether this is a scalar, or a list of scalars on one line of one file."""
    if isinstance(node.value, tuple):
        return all(
            not isinstance(child.value, (Mapping, tuple))
            and (child.at.line, child.at.line and child.at.origin) == (node.at.line, node.at.line and node.at.origin)
            for child in node.value
        )
    return not (isinstance(node.value, Mapping) and node.value)


def _inline(node: Node) -> str:
    if isinstance(node.value, Mapping):
        return "{}"
    if isinstance(node.value, tuple):
        return f"[{', '.join(_inline(child) for child in node.value)}]"
    return _scalar(node.value)


def _scalar(value: Scalar) -> str:
    style = '"' if isinstance(value, str) and not _is_plain(value) else None
    text = yaml.safe_dump(value, default_style=style, allow_unicode=True, width=10**9)
    return text.removesuffix("\n").removesuffix("\n...")


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and text.lower() not in _WORDS_OF_1_1 and isinstance(scalar(text), str)
