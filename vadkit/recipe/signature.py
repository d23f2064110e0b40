"""The keys of a component: the keyword-only parameters of its constructor.

They are read from the source code, so that neither the component nor torch is imported. The class
is imported only if its source code is not enough.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, replace
from typing import Any

from vadkit.core.contracts import SUPPLIED
from vadkit.core.errors import PluginError, join_names
from vadkit.core.values import WeightsFile
from vadkit.plugin.component import Component
from vadkit.plugin.sandbox import captured, describe_error
from vadkit.recipe import docstring
from vadkit.recipe import source_signature as static


@dataclass(frozen=True, slots=True)
class Parameter:
    """One key of a component or section.

    Attributes:
        name: the key.
        annotation: its type; `Any` if it has no annotation. A contract stands for a nested component.
        required: whether a recipe must give it.
        default: its default value; MISSING if there is none, or if only the constructor knows it.
        help: what it means.
        type: the type as its author wrote it; empty for a key of a section.
        default_text: the default as its author wrote it; empty if required, or a key of a section.
    """

    name: str
    annotation: Any
    required: bool
    default: Any
    help: str = ""
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
    arguments = found.arguments
    by_position = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    kwargs = arguments.kwarg.arg if arguments.kwarg else ""
    keys = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    parameters = (_from_ast(found, argument, default) for argument, default in keys)
    return _signature(component, by_position, kwargs, parameters, *found.docstrings)


def _from_ast(found: static.Constructor, argument: ast.arg, default: ast.expr | None) -> Parameter:
    annotation, text = _type(found, argument.annotation)
    value = MISSING
    if default is not None:
        with contextlib.suppress(static.UnreadableError):
            value = static.evaluate(default, found.names)
    return Parameter(
        name=argument.arg,
        annotation=annotation,
        type=text,
        required=default is None,
        default=value,
        default_text=ast.unparse(default) if default else "",
    )


def _type(found: static.Constructor, expression: ast.expr | None) -> tuple[Any, str]:
    """The type, and its text as its author wrote it."""
    if expression is None:
        return Any, "Any"
    # The name of a module's own alias does not help a reader.
    may_be_alias, text = isinstance(expression, ast.Name), ast.unparse(expression)
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        text = expression.value
        expression = ast.parse(text, mode="eval").body
    meant = static.evaluate(expression, found.names)
    if isinstance(meant, str):
        raise static.UnreadableError(meant)
    if may_be_alias and not isinstance(meant, type) and meant is not WeightsFile:
        text = str(meant).replace("typing.", "")
    return type(None) if meant is None else meant, text


def _from_class(component: Component) -> Signature:
    loaded = component.load()
    init: Any = vars(loaded).get("__init__") or getattr(loaded, "__init__", None)
    # torch.nn.Module and object accept any arguments, but have no keys.
    keyless = init is object.__init__ or getattr(init, "__module__", "").startswith("torch.nn")
    try:
        declared = [] if keyless else list(inspect.signature(init).parameters.values())
    except (TypeError, ValueError) as error:
        what = f"its constructor has no signature that can be read: {describe_error(error)}"
        fix = "its author should write the constructor in Python"
        raise PluginError(what, where=component.where, fix=fix) from error
    except Exception as error:  # from Python 3.14 on, type hints are evaluated here
        raise _unreadable_types(component, error) from error
    by_position = [each.name for each in declared if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    kwargs = "".join(each.name for each in declared if each.kind is each.VAR_KEYWORD)
    parameters = _from_hints(component, init, [each for each in declared if each.kind is each.KEYWORD_ONLY])
    return _signature(component, by_position, kwargs, parameters, loaded.__doc__, getattr(init, "__doc__", None))


def _from_hints(component: Component, init: Any, declared: Sequence[inspect.Parameter]) -> Iterator[Parameter]:
    try:
        hints = typing.get_type_hints(init, include_extras=True) if declared else {}
    except Exception as error:
        raise _unreadable_types(component, error) from error
    for found in declared:
        annotation, required = hints.get(found.name, Any), found.default is found.empty
        yield Parameter(
            name=found.name,
            annotation=annotation,
            type=found.annotation if isinstance(found.annotation, str) else inspect.formatannotation(annotation),
            required=required,
            default=MISSING if required else found.default,
            default_text="" if required else repr(found.default),
        )


def _unreadable_types(component: Component, error: Exception) -> PluginError:
    what = f"the types of its constructor cannot be read: {describe_error(error)}"
    return PluginError(what, where=component.where, fix="annotate its keys with types that exist at run time")


def _signature(
    component: Component,
    by_position: Sequence[str],
    kwargs: str,
    parameters: Iterable[Parameter],
    of_class: str | None,
    of_init: str | None,
) -> Signature:
    """The signature with help; `by_position` includes self, and `of_class` and `of_init` are docstrings."""
    if kwargs:
        what = f"its constructor takes **{kwargs}, so its keys cannot be known"
        fix = "its author should name every key as a keyword-only parameter"
        raise PluginError(what, where=component.where, fix=fix)
    supplied = SUPPLIED.get(component.kind, ())
    if extra := by_position[1 + len(supplied) :]:
        with captured():
            component.load()  # a class of another kind gets its own message
        given = join_names(supplied) if supplied else "none"
        raise PluginError(
            f"its constructor takes {join_names(extra)} by position, but vadkit passes {given}",
            where=component.where,
            fix=f"its author should put a '*' before {extra[0]!r} (in a dataclass, kw_only=True): "
            "keys of a recipe are keyword-only",
        )
    helps = {**docstring.parameters(of_class), **docstring.parameters(of_init)}
    keys = {each.name: replace(each, help=helps.get(each.name, "")) for each in parameters}
    return Signature(component, docstring.summary(of_class) or component.summary, keys)
