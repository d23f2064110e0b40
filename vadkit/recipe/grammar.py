"""The grammar of recipes as pydantic schemas.

A dataclass becomes a section of a recipe through the base class `Section`. A component's signature
becomes one through `component_keys`. The context of a validation is a `Reader`, which looks
components up.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
import re
import types
import typing
from collections.abc import Collection, Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn, cast

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, Strict, TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from vadkit.core.contracts import KINDS
from vadkit.core.errors import VadkitError
from vadkit.core.values import InputFile
from vadkit.recipe import docstring
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.input_files import FileName
from vadkit.recipe.signature import Parameter, Signature

FiniteFloat = Annotated[float, Field(allow_inf_nan=False)]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]

REFUSED = "refused"
"""Type of the errors that `refused` makes."""

_COMPONENT = "(component)"  # the step to the component of a `component_field` in the location of an error
_ENTRY_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_KIND_OF: Mapping[Any, str] = {contract: kind for kind, contract in KINDS.items()}


def refused(what: str, fix: str = "", choices: Collection[str] = ()) -> PydanticCustomError:
    """An error with a complete message.

    Args:
        what: what is wrong. `{path}`, `{parent}` and `{key}` are replaced by the path of the value, the path of its
            parent, and its key.
        fix: what to do.
        choices: possible keys; the fix then is the closest of them.
    """
    return PydanticCustomError(REFUSED, REFUSED, {"what": what, "fix": fix, "choices": choices})


def _entry_name(name: str) -> str:
    if not _ENTRY_NAME.fullmatch(name):
        fix = "use letters, digits, '_' and '-', starting with a letter"
        raise refused("{path} is not a valid name for an entry", fix)
    return name


EntryName = Annotated[str, AfterValidator(_entry_name)]
"""The name that a recipe gives to one of its entries, such as a score."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """Says that a field takes a component of this kind."""

    name: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _component(self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class Written:
    """Says that a field is written as another section; the `meaning()` of that section is the value."""

    form: type[Section]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(self.form)


@dataclasses.dataclass(frozen=True, slots=True)
class Shorthand:
    """Says that a list of components can also be written as a section; `meaning()` of that section is the list."""

    form: type[Section]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        listed = handler(source)
        written = core_schema.chain_schema([handler.generate_schema(self.form), listed])
        return core_schema.tagged_union_schema(
            {"section": written, "list": listed}, lambda value: "section" if isinstance(value, dict) else "list"
        )


class Section:
    """Base of the dataclasses that are sections of a recipe: fields are keys, with their defaults.

    Attributes:
        component_field: the field that takes a component. A recipe writes its `use` and keys among the section's
            own keys. The field's name is also the kind. Empty if no field takes one.
    """

    __slots__ = ()
    component_field: ClassVar[str] = ""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        keys, field = own_keys(cls), cls.component_field

        def arrange(value: Any) -> Any:
            if isinstance(value, str) and (field or "use" in keys):
                value = {"use": value}
            if not isinstance(value, dict):
                return value
            entries = cast("dict[str, Any]", value)
            others = {name: entry for name, entry in entries.items() if name not in keys}
            # Null stands for the default.
            own = {name: entries[name] for name in entries.keys() & keys.keys()}
            own = {name: entry for name, entry in own.items() if entry is not None or keys[name].required}
            return own | ({_COMPONENT: others} if field else others)

        def make(values: dict[str, Any]) -> Any:
            if field:
                values[field] = values.pop(_COMPONENT)
            try:
                made: Any = cls(**values)
                return made.meaning() if hasattr(cls, "meaning") else made
            except VadkitError as error:
                raise refused(f"{{path}}: {error.what}", error.fix) from None

        more = {_COMPONENT: core_schema.typed_dict_field(_component(field, keys))} if field else {}
        inner = _mapping(keys, handler, "{parent}", more=more, metadata={"section": cls})
        made = core_schema.no_info_after_validator_function(make, inner)
        return core_schema.no_info_before_validator_function(arrange, made)


@functools.cache
def own_keys(form: type[Section]) -> Mapping[str, Parameter]:
    """Name -> key of a section. Its `component_field` and the fields `tree` and `files` are not keys."""
    hints, helps = typing.get_type_hints(form, include_extras=True), docstring.parameters(form.__doc__)
    return {
        field.name: Parameter(
            name=field.name,
            annotation=hints[field.name],
            required=field.default is MISSING and field.default_factory is MISSING,
            default=field.default,
            help=helps.get(field.name, ""),
        )
        for field in dataclasses.fields(cast("Any", form))
        if field.name not in (form.component_field, "tree", "files")
    }


def component_keys(signature: Signature, structural: Collection[str] = ()) -> TypeAdapter[dict[str, Any]]:
    """Validates the keys of a component; `structural` are those of the section around it, for hints."""
    card = signature.component

    class Keys:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
            return _mapping(signature.parameters, handler, f"{card.kind} {card.name!r}", structural=structural)

    return cast("Any", TypeAdapter(Keys))


def _component(kind: str, structural: Collection[str] = ()) -> CoreSchema:
    def choose(value: Any, info: core_schema.ValidationInfo[Any]) -> ComponentConfig:
        return info.context.choose(kind, value, structural)

    return core_schema.with_info_plain_validator_function(choose, metadata={"kind": kind})


def _mapping(
    keys: Mapping[str, Parameter],
    handler: GetCoreSchemaHandler,
    owner: str,
    *,
    structural: Collection[str] = (),
    more: Mapping[str, core_schema.TypedDictField] | None = None,
    metadata: dict[str, Any] | None = None,
) -> CoreSchema:
    """A mapping of exactly these keys. Nothing is converted, but lists become tuples and strings paths."""
    fields = {
        name: core_schema.typed_dict_field(_key(key.annotation, handler), required=key.required)
        for name, key in keys.items()
    }
    choices = [*keys, *structural]
    unknown = refused(f"{owner} has no key {{key}}", "" if choices else "it has no keys", choices)
    return core_schema.typed_dict_schema(
        {**fields, **(more or {})},
        extra_behavior="allow",
        extras_schema=_refusing(unknown),
        config=core_schema.CoreConfig(strict=True),
        metadata=metadata,
    )


def _key(annotation: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    try:
        return handler.generate_schema(_readable(annotation))
    except PydanticUserError as error:
        reason = str(error).splitlines()[0]
        return _refusing(refused(f"{{path}} has a type that a recipe cannot express: {reason}"))


def _refusing(error: PydanticCustomError) -> CoreSchema:
    def refuse(_: Any) -> NoReturn:
        raise error

    return core_schema.no_info_plain_validator_function(refuse)


def _readable(annotation: Any) -> Any:
    """The same type with contracts as components; not strict for types that YAML lacks (tuples, sets, paths)."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, type) and annotation in _KIND_OF:
        return Annotated[ComponentConfig, Kind(_KIND_OF[annotation])]
    if origin in (typing.Union, types.UnionType):
        return functools.reduce(operator.or_, map(_readable, inner))
    if origin is Annotated and InputFile() in annotation.__metadata__:
        return Annotated[Path, Strict(False), AfterValidator(FileName)]
    if origin is Annotated:
        return Annotated[(_readable(inner[0]), *annotation.__metadata__)]
    if inner and origin is not typing.Literal:
        named = origin in (dict, Mapping) and inner[1] in _KIND_OF
        annotation = cast("Any", origin)[tuple(map(_readable, (EntryName, inner[1]) if named else inner))]
    strict = (origin or annotation) not in (tuple, set, frozenset, Path)
    return annotation if strict else Annotated[annotation, Strict(False)]
