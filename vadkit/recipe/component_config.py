"""A component of a recipe: validated, not yet built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from vadkit.plugin.component import Component


@dataclass(frozen=True, slots=True)
class ComponentConfig:
    """A component and its keys, validated against its signature.

    Attributes:
        component: its entry in the registry.
        keys: keyword arguments; a nested component is also a `ComponentConfig`.
        path: its position in the recipe, such as `model.encoder`.
    """

    component: Component
    keys: Mapping[str, Any]
    path: str

    def plain(self) -> dict[str, Any]:
        """`{use: name, ...keys}`, as a recipe could have it."""
        return {"use": self.component.name} | {name: _plain(value) for name, value in self.keys.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, ComponentConfig):
        return value.plain()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    return value
