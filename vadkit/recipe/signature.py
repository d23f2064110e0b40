"""The keys of a component: the keyword-only parameters of its constructor.

They are read from the source code, so that neither the component nor torch is imported. The class
is imported only if its source code is not enough.
"""

from __future__ import annotations

import ast
import inspect
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vadkit.core.contracts import SUPPLIED
from vadkit.core.errors import PluginError, join_names
from vadkit.plugin.component import Component
from vadkit.plugin.sandbox import captured, describe_error
from vadkit.recipe import docstring
from vadkit.recipe import source_signature as static


class Missing:
    """The type of `MISSING`."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()
"""Replaces a default that does not exist, or that only the constructor knows."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key of a component or section.

    Attributes:
        name: the key.
        annotation: its type; a contract stands for a nested component; `Any` if it has no annotation.
        required: whether a recipe must give it.
        default: its default value, or MISSING.
        help: what it means.
        type: the type as its author wrote it; empty for a key of a section.
        default_text: the default as its author wrote it; empty if required, or a key of a section.
    """

    name: str
    annotation: Any
    required: bool
    default: Any
    help: str
    type: str = ""
    default_text: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """The keys that a recipe can give a component.

    Attributes:
        component: its entry in the registry.
        summary: one line, from its docstring or else from the registry.
        parameters: name -> key, in the order of the constructor.
    """

    component: Component
    summary: str
    parameters: Mapping[str, Parameter]

    @property
    def required(self) -> list[str]:
        """Keys that a recipe must give."""
        return [name for name, parameter in self.parameters.items() if parameter.required]


def describe(component: Component) -> Signature:
    """The keys of a component, with types, defaults and help.

    Raises:
        PluginError: the constructor takes `**kwargs`, or more positional arguments than vadkit supplies,
            or the class must be imported and cannot be.
    """
    try:
        return _from_source(component)
    except (static.UnreadableError, SyntaxError, ValueError, RecursionError):
        with captured():  # the module may print when it is imported
            return _from_class(component)


def _from_source(component: Component) -> Signature:
    found = static.constructor(component.target)
    helps = _helps(*found.docstrings)
    parameters: dict[str, Parameter] = {}
    if found.arguments:
        by_position = [each.arg for each in (*found.arguments.posonlyargs, *found.arguments.args)]
        _check_rule(component, by_position[1:], found.arguments.kwarg.arg if found.arguments.kwarg else "")
        for argument, default in zip(found.arguments.kwonlyargs, found.arguments.kw_defaults, strict=True):
            parameters[argument.arg] = Parameter(
                name=argument.arg,
                annotation=_annotation(found, argument.annotation),
                type=_type_text(found, argument.annotation),
                required=default is None,
                default=_default(found, default),
                default_text=ast.unparse(default) if default else "",
                help=helps.get(argument.arg, ""),
            )
    return Signature(component, docstring.summary(found.docstrings[0]) or component.summary, parameters)


def _annotation(found: static.Constructor, expression: ast.expr | None) -> Any:
    if expression is None:
        return Any
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        expression = ast.parse(expression.value, mode="eval").body
    value = found.evaluate(expression)
    if value is None:
        return type(None)
    if isinstance(value, str):
        raise static.UnreadableError(value)
    return value


def _type_text(found: static.Constructor, expression: ast.expr | None) -> str:
    if expression is None:
        return "Any"
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return expression.value
    meant = found.evaluate(expression)
    # The name of a module's own alias does not help a reader.
    is_alias = isinstance(expression, ast.Name) and not isinstance(meant, type)
    return str(meant).replace("typing.", "") if is_alias else ast.unparse(expression)


def _default(found: static.Constructor, expression: ast.expr | None) -> Any:
    try:
        return MISSING if expression is None else found.evaluate(expression)
    except static.UnreadableError:
        return MISSING


def _from_class(component: Component) -> Signature:
    loaded = component.load()
    init: Any = vars(loaded).get("__init__") or getattr(loaded, "__init__", None)
    # torch.nn.Module and object accept any arguments, but have no keys.
    keyless = init is object.__init__ or getattr(init, "__module__", "").startswith("torch.nn")
    declared: Mapping[str, inspect.Parameter] = {} if keyless else _declared(component, init)
    by_position = _of_kind(declared, inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    _check_rule(component, by_position[1:], "".join(_of_kind(declared, inspect.Parameter.VAR_KEYWORD)))
    helps = _helps(loaded.__doc__, getattr(init, "__doc__", None))
    try:
        hints = {} if keyless else typing.get_type_hints(init, include_extras=True)
    except Exception as error:
        raise PluginError(
            f"the types of its constructor cannot be read: {describe_error(error)}",
            where=component.where,
            fix="annotate its keys with types that exist at run time",
        ) from error
    parameters = {
        name: _parameter(found, hints.get(name, Any), helps.get(name, ""))
        for name, found in declared.items()
        if found.kind is inspect.Parameter.KEYWORD_ONLY
    }
    return Signature(component, docstring.summary(loaded.__doc__) or component.summary, parameters)


def _of_kind(declared: Mapping[str, inspect.Parameter], *kinds: object) -> list[str]:
    return [name for name, found in declared.items() if found.kind in kinds]


def _declared(component: Component, init: Any) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(init).parameters
    except (TypeError, ValueError) as error:
        raise PluginError(
            f"its constructor has no signature that can be read: {describe_error(error)}",
            where=component.where,
            fix="its author should write the constructor in Python",
        ) from error


def _parameter(found: inspect.Parameter, annotation: Any, help_text: str) -> Parameter:
    required = found.default is inspect.Parameter.empty
    return Parameter(
        name=found.name,
        annotation=annotation,
        type=found.annotation if isinstance(found.annotation, str) else inspect.formatannotation(annotation),
        required=required,
        default=MISSING if required else found.default,
        default_text="" if required else repr(found.default),
        help=help_text,
    )


def _helps(of_class: str | None, of_init: str | None) -> Mapping[str, str]:
    return {**docstring.parameters(of_class), **docstring.parameters(of_init)}


def _check_rule(component: Component, by_position: Sequence[str], kwargs: str) -> None:
    """Refuse a constructor with keys that cannot be known.

    Args:
        component: for messages.
        by_position: names of its positional parameters, without self.
        kwargs: name of its `**` parameter, or empty.
    """
    if kwargs:
        raise PluginError(
            f"its constructor takes **{kwargs}, so its keys cannot be known",
            where=component.where,
            fix="its author should name every key as a keyword-only parameter",
        )
    supplied = SUPPLIED.get(component.kind, ())
    if extra := by_position[len(supplied) :]:
        given = join_names(supplied) if supplied else "none"
        raise PluginError(
            f"its constructor takes {join_names(extra)} by position, but vadkit passes {given}",
            where=component.where,
            fix=f"its author should put a '*' before {extra[0]!r} (in a dataclass, kw_only=True): "
            "keys of a recipe are keyword-only",
        )
