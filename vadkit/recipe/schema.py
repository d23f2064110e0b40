"""A JSON Schema of recipes, so that editors complete and check them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema, to_jsonable_python

from vadkit.core.errors import PluginError
from vadkit.plugin.registry import Registry
from vadkit.recipe import docstring
from vadkit.recipe import grammar as grammar
from vadkit.recipe.merge import VERSION
from vadkit.recipe.model import Recipe
from vadkit.recipe.signature import MISSING, Parameter, describe

Schema = dict[str, Any]


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "properties": dict(properties), "additionalProperties": False}


_NUMBERS: Schema = {"type": "object", "additionalProperties": {"type": "number"}}
_PAPER = _object({
    "source": {"type": "string", "description": "Which table of which paper."},
    "rows": {"type": "object", "additionalProperties": _NUMBERS, "description": "Variant -> metric -> number."},
})  # fmt: skip


def json_schema(registry: Registry) -> Schema:
    """The schema of a recipe, draft 2020-12, with a branch for each component.

    A recipe that extends another or has variants may leave out every key, so none is required of it.
    Components with a broken plugin are accepted with any keys.
    """
    defs: dict[str, Schema] = {}
    recipe = TypeAdapter(Recipe).core_schema
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "vadkit recipe",
        "type": "object",
        "if": {"anyOf": [{"required": ["extends"]}, {"required": ["variants"]}]},
        "then": _Writer(registry, defs, partial=True).generate_inner(recipe),
        "else": _Writer(registry, defs, partial=False).generate_inner(recipe),
        "$defs": defs,
    }


class _Writer(GenerateJsonSchema):
    """pydantic's generator, where sections and kinds of components become definitions."""

    def __init__(self, registry: Registry, defs: dict[str, Schema], *, partial: bool) -> None:
        super().__init__()
        self.registry, self.defs, self.partial = registry, defs, partial

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> Schema:
        """A component."""
        kind = schema.get("metadata", {}).get("kind")
        return self.defined(kind, lambda: self.component(kind, {}, ())) if kind else {}

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> Schema:
        """A section, or a type of a plugin."""
        form = schema.get("metadata", {}).get("section")
        if form is None:
            return super().typed_dict_schema(schema)
        return self.defined(form.__name__, lambda: self.section(form, schema))

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> Schema:  # noqa: ARG002
        """A type that JSON Schema cannot express: any value."""
        return {}

    def defined(self, name: str, make: Callable[[], Schema]) -> Schema:
        """A reference to a definition, made at its first use because types may contain themselves."""
        name = f"partial.{name}" if self.partial else name
        if name not in self.defs:
            self.defs[name] = {}
            self.defs[name] = make()
        return {"$ref": f"#/$defs/{name}"}

    def section(self, form: type[grammar.Section], schema: core_schema.TypedDictSchema) -> Schema:
        """A mapping of fixed keys and the keys of its component."""
        keys, required = self.keys(grammar.own_keys(form), schema)
        if form.component_field:
            return self.component(form.component_field, keys, required)
        if form is Recipe:
            keys = {"vadkit": {"const": VERSION}, "extends": {"type": "string"}, **keys}
            keys |= {"variants": _variants(keys), "paper": _PAPER} if self.partial else {}
            required = ["vadkit", *required]
        mapping = self.mapping(keys, required, docstring.summary(form.__doc__))
        return {"anyOf": [keys["use"], mapping]} if "use" in keys else mapping

    def component(self, kind: str, beside: Mapping[str, Schema], required: Collection[str]) -> Schema:
        """One branch for each component, and its name alone where nothing more is required."""
        branches: list[Schema] = []
        bare: list[str] = []
        for name in _names(self.registry, kind):
            try:
                signature = describe(self.registry.get(kind, name))
            except PluginError as error:
                any_keys = {"type": "object", "properties": {"use": {"const": name}}, "required": ["use"]}
                branches.append(any_keys | {"description": error.what})
                continue
            schema: Any = grammar.component_keys(signature).core_schema
            own, needed = self.keys(signature.parameters, schema)
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

    def keys(
        self, parameters: Mapping[str, Parameter], schema: core_schema.TypedDictSchema
    ) -> tuple[dict[str, Schema], list[str]]:
        """Name -> schema of each key, with its help and default; and the keys that are required."""
        fields = {name: self.generate_inner(schema["fields"][name]["schema"]) for name in parameters}
        helped = {name: _described(fields[name], key.help, key.default) for name, key in parameters.items()}
        return helped, [name for name, key in parameters.items() if key.required]

    def mapping(self, keys: Mapping[str, Schema], required: Collection[str], summary: str) -> Schema:
        """An object of exactly these keys."""
        schema = _object(keys)
        if required and not self.partial:
            schema["required"] = list(required)
        return _described(schema, summary, MISSING)


def _variants(keys: Mapping[str, Schema]) -> Schema:
    """Name -> what the variant changes: any of a recipe's keys but the version, or nothing."""
    content = _object({name: schema for name, schema in keys.items() if name != "vadkit"})
    return {"type": "object", "additionalProperties": {"anyOf": [content, {"type": "null"}]}}


def _names(registry: Registry, kind: str) -> list[str]:
    """Values of `use:`; full names where plugins use the same name."""
    return [full for name in registry.names(kind) for full in registry.clashes.get((kind, name), [name])]


def _described(schema: Schema, help_text: str, default: Any) -> Schema:
    more = {"description": help_text or None, "default": to_jsonable_python(default, fallback=lambda _: None)}
    return schema | {name: value for name, value in more.items() if value is not None}
