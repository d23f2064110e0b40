"""How a type annotation is to be read: components, sections, or plain values for pydantic."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import ConfigDict, Strict, TypeAdapter

from vadkit.core.contracts import KINDS
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.markers import Kind, Written

_SEQUENCES = (list, tuple, Sequence)
_MAPPINGS = (dict, Mapping)
_LOOSE = (tuple, set, frozenset)
_KIND_OF: Mapping[Any, str] = {contract: kind for kind, contract in KINDS.items()}


def kind_of(annotation: Any) -> str | None:
    """The kind of component that a value of this type is; None if it is none."""
    if typing.get_origin(annotation) is Annotated:
        marks = (mark for mark in annotation.__metadata__ if isinstance(mark, Kind))
        return next((mark.name for mark in marks), None)
    return _KIND_OF.get(annotation) if isinstance(annotation, type) else None


def section_of(annotation: Any) -> type | None:
    """The dataclass whose fields are a section's keys; None if it is no section."""
    if typing.get_origin(annotation) is Annotated:
        marks = (mark for mark in annotation.__metadata__ if isinstance(mark, Written))
        return next((mark.form for mark in marks), None)
    if not isinstance(annotation, type) or annotation is ComponentConfig or not dataclasses.is_dataclass(annotation):
        return None
    return cast("type", annotation) if annotation.__module__.startswith(("vadkit.recipe.", "vadkit.core.")) else None


def arms(annotation: Any) -> tuple[Any, ...]:
    """The members of a union; the type itself if it is none."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation) if is_union else (annotation,)


def entry_of(annotation: Any) -> Any:
    """The type of a list's entries, None if it is no list (or a tuple of fixed length)."""
    if typing.get_origin(annotation) not in _SEQUENCES:
        return None
    inner = typing.get_args(annotation)
    fixed = typing.get_origin(annotation) is tuple and inner[1:] != (Ellipsis,)
    return None if fixed else inner[0]


def value_of(annotation: Any) -> Any:
    """The type of a mapping's values, None if it is no mapping."""
    return typing.get_args(annotation)[1] if typing.get_origin(annotation) in _MAPPINGS else None


def structured(annotation: Any) -> bool:
    """Whether components or sections stand anywhere in this type."""
    if kind_of(annotation) or section_of(annotation):
        return True
    return any(structured(inner) for inner in typing.get_args(annotation))


def adapter(annotation: Any) -> TypeAdapter[Any]:
    """Validates plain values: no coercion, but lists become tuples and strings paths.

    Raises:
        pydantic.errors.PydanticUserError: a type that pydantic cannot validate.
    """
    return TypeAdapter(_loosened(annotation), config=ConfigDict(strict=True))


def _loosened(annotation: Any) -> Any:
    """The same type where what YAML cannot write (tuples, sets, paths) is read from lists and strings."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Path or annotation in _LOOSE:
        return Annotated[annotation, Strict(False)]
    if origin is Annotated:
        return Annotated[(_loosened(inner[0]), *annotation.__metadata__)]
    if origin in (typing.Union, types.UnionType):
        return typing.Union[tuple(_loosened(arm) for arm in inner)]  # noqa: UP007 - the number of arms is open
    if origin is typing.Literal or not inner:
        return annotation
    rebuilt: Any = origin[tuple(_loosened(part) for part in inner)]
    return Annotated[rebuilt, Strict(False)] if origin in _LOOSE else rebuilt
