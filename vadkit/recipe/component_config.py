"""A component as a recipe names it: checked, not yet built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from vadkit.plugin.component import Component


@dataclass(frozen=True, slots=True)
class ComponentConfig:
    """A component and its keys, checked against its signature.

    Attributes:
        component: the registry's card.
        keys: keyword arguments; a nested component is a `Chosen` again.
        path: where in the recipe, such as `model.encoder`.
    """

    component: Component
    keys: Mapping[str, Any]
    path: str

    def plain(self) -> dict[str, Any]:
        """`{use: name, ...keys}`, as it could be written."""
        return {"use": self.component.name} | {name: _plain(value) for name, value in self.keys.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, ComponentConfig):
        return value.plain()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    return value
