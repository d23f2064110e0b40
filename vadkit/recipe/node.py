"""Values of a recipe, each with its place in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from vadkit.core.errors import Problem, RecipeError

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The place where a value was written.

    Attributes:
        origin: a file, `--set a.b=1`, or a dotted path for values from Python.
        line: from 1; 0 if there are no lines.
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
        at: place of the value.
        key: place of its key; None for list entries and for the root.
    """

    value: Scalar | Mapping[str, Node] | tuple[Node, ...]
    at: Place
    key: Place | None = None

    @property
    def head(self) -> Place:
        """The place of its key, or of the value if it has no key; problems of a missing entry name it."""
        return self.key or self.at


def entries_of(node: Node | None) -> Mapping[str, Node]:
    """The entries of a mapping; none for other values and for None."""
    return node.value if node and isinstance(node.value, Mapping) else {}


def plain(node: Node) -> Any:
    """The value without places: dicts, lists and scalars."""
    if isinstance(node.value, Mapping):
        return {name: plain(child) for name, child in node.value.items()}
    if isinstance(node.value, tuple):
        return [plain(child) for child in node.value]
    return node.value


def from_plain(value: Any, path: str = "") -> Node:
    """Nodes from values made in Python; the place of a node is its dotted path.

    Raises:
        RecipeError: YAML cannot express a value.
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
    raise fail(at, f"a recipe cannot contain a {type(value).__name__}", "use numbers, strings, lists and dicts")


class Problems(list[Problem]):
    """Collects the problems of a recipe, each once."""

    def report(self, at: Place | str, what: str, fix: str = "") -> None:
        """Add a problem."""
        problem = Problem(str(at), what, fix)
        if problem not in self:
            self.append(problem)

    def refuse(self) -> None:
        """Raise all problems as one RecipeError; do nothing if there are none."""
        if self:
            raise RecipeError(self)


def fail(at: Place, what: str, fix: str = "") -> RecipeError:
    """A RecipeError with one problem."""
    return RecipeError([Problem(str(at), what, fix)])
