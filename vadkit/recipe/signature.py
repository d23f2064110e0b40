"""A component's keys: the keyword-only parameters of its constructor.

They are read from the source, so that neither the component nor torch is imported; only
what the source does not say plainly is asked of the class itself.
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
"""In place of a default: there is none, or only the constructor knows it."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key of a component.

    Attributes:
        name: the key.
        annotation: its type, contracts standing for nested components; `Any` if not said.
        type: the type as its author wrote it.
        required: whether a recipe must give it.
        default: its value if left out, or MISSING.
        default_text: the default as its author wrote it; empty if required.
        help: what it means.
    """

    name: str
    annotation: Any
    type: str
    required: bool
    default: Any
    default_text: str
    help: str


@dataclass(frozen=True, slots=True)
class Signature:
    """What a recipe can say to a component.

    Attributes:
        component: its card.
        summary: one line, from its docstring or else its card.
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
        PluginError: the constructor takes `**kwargs`, or more by position than vadkit supplies,
            or the class cannot be imported where only that can tell.
    """
    try:
        return _from_source(component)
    except (static.UnreadableError, SyntaxError, ValueError, RecursionError):
        with captured():  # what the module prints when it is imported does not belong into our output
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
    # A module's own alias says nothing to a reader.
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
    # torch's Module and object take whatever they are given; neither has a key.
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
            fix="its author should write it in Python",
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
    """Refuse a constructor whose keys cannot be known; names of what it takes, without self."""
    if kwargs:
        raise PluginError(
            f"its constructor takes **{kwargs}, so its keys cannot be known",
            where=component.where,
            fix="its author should name every key as a keyword-only parameter",
        )
    supplied = SUPPLIED.get(component.kind, ())
    if extra := by_position[len(supplied) :]:
        given = join_names(supplied) if supplied else "nothing by position"
        raise PluginError(
            f"its constructor takes {join_names(extra)} by position, but is given {given}",
            where=component.where,
            fix=f"its author should put a '*' before {extra[0]!r} (in a dataclass, kw_only=True): "
            "keys of a recipe are keyword-only",
        )
