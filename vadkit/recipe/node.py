"""Values of a recipe that know where they were written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from vadkit.core.errors import Problem, RecipeError

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was written.

    Attributes:
        origin: a file, `--set a.b=1`, or a dotted path for values from Python.
        line: from 1; 0 where there are no lines.
        column: from 1.
    """

    origin: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.origin}:{self.line}:{self.column}" if self.line else self.origin


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place.

    Attributes:
        value: a scalar, a mapping of nodes, or a tuple of nodes.
        at: where the value stands.
        key: where its key stands; None for entries of a list and for the root.
    """

    value: Scalar | Mapping[str, Node] | tuple[Node, ...]
    at: Place
    key: Place | None = None

    @property
    def head(self) -> Place:
        """Where its key stands, or else itself: the place to say that something is missing."""
        return self.key or self.at


def plain(node: Node) -> Any:
    """The value without its places: dicts, lists and scalars."""
    if isinstance(node.value, Mapping):
        return {name: plain(child) for name, child in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(child) for child in node.value]
    return node.value


def from_plain(value: Any, path: str = "") -> Node:
    """Values made in Python to nodes; a node's place is its dotted path.

    Raises:
        RecipeError: something that YAML cannot write.
    """
    at = Place(path or "recipe")
    if value is None or isinstance(value, (str, bool, int, float)):
        return Node(value, at)
    if isinstance(value, Path):
        return Node(str(value), at)
    if isinstance(value, Mapping):
        entries = cast("Mapping[Any, Any]", value)
        return Node({str(k): from_plain(v, f"{path}.{k}".strip(".")) for k, v in entries.items()}, at)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        items = cast("Sequence[Any]", value)
        return Node(tuple(from_plain(item, f"{path}.{i}".strip(".")) for i, item in enumerate(items)), at)
    raise fail(
        at, f"a {type(value).__name__} cannot be written in a recipe", "use plain numbers, strings, lists, dicts"
    )


def fail(at: Place, what: str, fix: str = "") -> RecipeError:
    """A RecipeError of one problem."""
    return RecipeError([Problem(str(at), what, fix)])
