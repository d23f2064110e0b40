"""A JSON Schema of recipes, so that editors complete and check them while one types."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from vadkit.core.errors import PluginError
from vadkit.plugin.registry import Registry
from vadkit.recipe import annotations as types
from vadkit.recipe import docstring
from vadkit.recipe.markers import Beside
from vadkit.recipe.merge import VERSION
from vadkit.recipe.model import Recipe
from vadkit.recipe.signature import MISSING, describe

Schema = dict[str, Any]


def json_schema(registry: Registry) -> Schema:
    """The schema of a whole recipe, draft 2020-12, with a branch for each component.

    A recipe that extends another may leave out anything, so nothing is required of it.
    Components whose plugin is broken are accepted with any keys.
    """
    defs: dict[str, Schema] = {}
    whole = _Writer(registry, defs, partial=False).value(Recipe)
    partial = _Writer(registry, defs, partial=True).value(Recipe)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vadkit recipe",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": partial,
        "else": whole,
        "$defs": defs,
    }


class _Writer:
    """Types to schemas; sections and kinds become definitions of their own."""

    def __init__(self, registry: Registry, defs: dict[str, Schema], *, partial: bool) -> None:
        self.registry, self.defs, self.partial = registry, defs, partial

    def value(self, annotation: Any) -> Schema:
        """The schema of a value of this type; mirrors `Reader.value`."""
        if kind := types.kind_of(annotation):
            return self.defined(kind, lambda: self.component(kind, {}, ()))
        if form := types.section_of(annotation):
            return self.defined(form.__name__, lambda: self.section(form))
        if not types.structured(annotation):
            return _plain(annotation)
        if len(types.arms(annotation)) > 1:
            return {"anyOf": [self.value(arm) for arm in types.arms(annotation)]}
        if typing.get_origin(annotation) is Annotated:
            return self.value(typing.get_args(annotation)[0])
        if (inner := types.value_of(annotation)) is not None:
            return {"type": "object", "additionalProperties": self.value(inner)}
        if (inner := types.entry_of(annotation)) is not None:
            return {"type": "array", "items": self.value(inner)}
        return {}

    def defined(self, name: str, make: typing.Callable[[], Schema]) -> Schema:
        """A reference to a definition, made at its first use: types may hold themselves."""
        name = f"partial.{name}" if self.partial else name
        if name not in self.defs:
            self.defs[name] = {}
            self.defs[name] = make()
        return {"$ref": f"#/$defs/{name}"}

    def section(self, form: type) -> Schema:
        """A mapping of fixed keys, together with those of the component that stands beside them."""
        hints = typing.get_type_hints(form, include_extras=True)
        helps = docstring.parameters(form.__doc__)
        keys: dict[str, Schema] = {}
        required: list[str] = []
        beside = ""
        for field in dataclasses.fields(form):
            if any(isinstance(mark, Beside) for mark in getattr(hints[field.name], "__metadata__", ())):
                beside = types.kind_of(hints[field.name]) or ""
            elif field.name != "tree":
                default = field.default if field.default is not dataclasses.MISSING else MISSING
                keys[field.name] = _told(self.value(hints[field.name]), helps.get(field.name, ""), default)
                if default is MISSING and field.default_factory is dataclasses.MISSING:
                    required.append(field.name)
        if beside:
            return self.component(beside, keys, required)
        if form is Recipe:
            keys = {"vadkit": {"const": VERSION}, "extends": {"type": "string"}, **keys}
            required = ["vadkit", *required]
        mapping = self.mapping(keys, required, docstring.summary(form.__doc__))
        return {"anyOf": [keys["use"], mapping]} if "use" in keys else mapping

    def component(self, kind: str, beside: Mapping[str, Schema], required: Collection[str]) -> Schema:
        """One branch for each component, and its bare name where nothing more is needed."""
        branches: list[Schema] = []
        bare: list[str] = []
        for name in _names(self.registry, kind):
            try:
                signature = describe(self.registry.get(kind, name))
            except PluginError as error:
                branches.append(_unreadable(name, error))
                continue
            parameters = signature.parameters
            needed = signature.required
            own = {
                key: _told(self.value(parameter.annotation), parameter.help, parameter.default)
                for key, parameter in parameters.items()
            }
            branch = self.mapping(
                {"use": {"const": name}, **own, **beside}, ["use", *needed, *required], signature.summary
            )
            if self.partial:
                branch["required"] = ["use"]
            branches.append(branch)
            if not needed and not required:
                bare.append(name)
        if bare:
            branches.insert(0, {"type": "string", "enum": bare})
        if self.partial:
            branches.append({"type": "object", "not": {"required": ["use"]}})
        return {"oneOf": branches} if branches else {"not": {}}

    def mapping(self, keys: Mapping[str, Schema], required: Collection[str], summary: str) -> Schema:
        """An object of exactly these keys."""
        schema: Schema = {"type": "object", "properties": dict(keys), "additionalProperties": False}
        if required and not self.partial:
            schema["required"] = list(required)
        return _told(schema, summary, MISSING)


def _names(registry: Registry, kind: str) -> list[str]:
    """What can stand after `use:`; names that clash in full."""
    return [full for name in registry.names(kind) for full in registry.clashes.get((kind, name), [name])]


def _unreadable(name: str, error: PluginError) -> Schema:
    properties: Schema = {"use": {"const": name}}
    return {"type": "object", "properties": properties, "required": ["use"], "description": error.what}


def _plain(annotation: Any) -> Schema:
    try:
        return types.adapter(annotation).json_schema()
    except (PydanticUserError, TypeError):
        return {}


def _told(schema: Schema, help_text: str, default: Any) -> Schema:
    told = dict(schema)
    if help_text:
        told["description"] = help_text
    if default is not MISSING and default is not None:
        try:
            told["default"] = to_jsonable_python(default)
        except PydanticSerializationError:
            return told
    return told
