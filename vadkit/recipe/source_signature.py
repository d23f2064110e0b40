"""Reads the constructor of a class from the source of its module, without importing it.

At the module's top level, it reads imports from the few modules that annotations come from, and
assignments that use these names. Everything else is unknown and raises `UnreadableError`; then the
caller imports the class.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import contextlib
import importlib.util
import operator
import pathlib
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, cast

from vadkit.core import contracts, values

_BUILTINS = ("int", "float", "bool", "str", "list", "tuple", "dict", "set", "frozenset", "object")
_MODULES: Mapping[str, Any] = {
    "collections.abc": collections.abc,
    "pathlib": pathlib,
    "typing": typing,
    "vadkit.api": SimpleNamespace(**{**vars(values), **vars(contracts)}),
    "vadkit.core.contracts": contracts,
    "vadkit.core.values": values,
}
# Bases with constructors that take no key of a recipe.
_KEYLESS = {"object", "ABC", "Module", "Generic", "Protocol", *(kind.__name__ for kind in contracts.KINDS.values())}
_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.BitOr: operator.or_,
    ast.Div: operator.truediv,
    ast.Mult: operator.mul,
    ast.Sub: operator.sub,
}
_NO_ARGUMENTS = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])


class UnreadableError(Exception):
    """The source is not enough: the class must be imported."""


@dataclass(frozen=True, slots=True)
class Constructor:
    """The source of a constructor.

    Attributes:
        arguments: of `__init__`; empty if no `__init__` takes keys.
        docstrings: of the class and of `__init__`.
        names: the known names at the module's top level, with their values.
    """

    arguments: ast.arguments
    docstrings: tuple[str | None, str | None]
    names: Mapping[str, Any]


def constructor(target: str) -> Constructor:
    """Find the class of `package.module:Class` and its `__init__`, in the source.

    Imports the packages that contain the module, but not the module.

    Raises:
        UnreadableError: the module has no source, the source does not contain the class, or the constructor comes
            from elsewhere (another module's base, a decorator).
    """
    module, _, name = target.partition(":")
    classes, names = _parsed(_source(module))
    if name not in classes:
        raise UnreadableError(f"no class {name} at the top level of {module}")
    owner, init = _init(classes[name], classes)
    docstrings = (ast.get_docstring(classes[name]), ast.get_docstring(init) if init else None)
    if owner is not classes[name] and init and not docstrings[0]:
        docstrings = (ast.get_docstring(owner), docstrings[1])
    return Constructor(init.args if init else _NO_ARGUMENTS, docstrings, names)


@lru_cache(maxsize=256)  # a recipe reads several components of a module
def _parsed(source: str) -> tuple[dict[str, ast.ClassDef], Mapping[str, Any]]:
    """The classes at the top level of a module, and the known names there."""
    body = ast.parse(source).body
    return {node.name: node for node in body if isinstance(node, ast.ClassDef)}, _names(body)


def _source(module: str) -> str:
    try:
        spec = importlib.util.find_spec(module)
        source = cast("Any", spec.loader).get_source(module) if spec and spec.loader else None
    except (Exception, SystemExit) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    if source is None:
        raise UnreadableError(f"{module} has no source")
    return source


def _init(
    wanted: ast.ClassDef, classes: Mapping[str, ast.ClassDef], seen: tuple[ast.ClassDef, ...] = ()
) -> tuple[ast.ClassDef, ast.FunctionDef | None]:
    if wanted.decorator_list or wanted.keywords or wanted in seen:
        raise UnreadableError(f"{wanted.name} is decorated or built by a metaclass")
    for node in wanted.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            if node.decorator_list:
                raise UnreadableError(f"{wanted.name}.__init__ is decorated")
            return wanted, node
    for base in wanted.bases:
        plain = base.value if isinstance(base, ast.Subscript) else base
        name = plain.attr if isinstance(plain, ast.Attribute) else getattr(plain, "id", "")
        if isinstance(plain, ast.Name) and name in classes:
            owner, found = _init(classes[name], classes, (*seen, wanted))
            if found:
                return owner, found
        elif name not in _KEYLESS:
            raise UnreadableError(f"{wanted.name} takes its constructor from {ast.unparse(base)}")
    return wanted, None


def _names(body: Sequence[ast.stmt]) -> Mapping[str, Any]:
    names: dict[str, Any] = {name: getattr(builtins, name) for name in _BUILTINS}
    for statement in _flat(body):
        for name, value in _bound(statement, names):
            names.pop(name, None)
            if value is not None:
                names[name] = value
    return names


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, with those under `if TYPE_CHECKING:`."""
    for statement in body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from _flat(statement.body)
        else:
            yield statement


def _bound(statement: ast.stmt, names: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The names that a statement binds, with their values; None for an unknown value."""
    match statement:
        case ast.ImportFrom():
            source = _MODULES.get(statement.module or "") if statement.level == 0 else None
            for alias in statement.names:
                yield alias.asname or alias.name, getattr(source, alias.name, None)
        case ast.Import():
            for alias in statement.names:
                binds_package = "." in alias.name and not alias.asname
                module = None if binds_package else _MODULES.get(alias.name)
                yield alias.asname or alias.name.partition(".")[0], module
        case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
            yield statement.name, None
        case ast.Assign() | ast.AnnAssign():
            value = None
            if statement.value is not None:
                with contextlib.suppress(UnreadableError):
                    value = evaluate(statement.value, names)
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))


def evaluate(expression: ast.expr, names: Mapping[str, Any]) -> Any:
    """The value of a type hint or of a default: constants, known names and their public attributes, `|`, `[...]`.

    No code runs: the expression is read and not executed.

    Raises:
        UnreadableError: it contains something else, or an unknown name.
    """
    try:
        return _value(expression, names)
    except UnreadableError:
        raise
    except Exception as error:
        raise UnreadableError(f"{ast.unparse(expression)}: {error}") from error


def _value(expression: ast.expr, names: Mapping[str, Any]) -> Any:
    def value(part: ast.expr) -> Any:
        return _value(part, names)

    match expression:
        case ast.Constant():
            return expression.value
        case ast.Name():
            return names[expression.id]
        case ast.Attribute(attr=name) if not name.startswith("_"):
            return getattr(value(expression.value), name)
        case ast.Subscript():
            return value(expression.value)[value(expression.slice)]
        case ast.Tuple() | ast.List():
            items = [value(item) for item in expression.elts]
            return tuple(items) if isinstance(expression, ast.Tuple) else items
        case ast.Dict() if None not in expression.keys:
            return {
                value(key): value(item) for key, item in zip(expression.keys, expression.values, strict=True) if key
            }
        case ast.BinOp() if type(expression.op) in _OPERATORS:
            return _OPERATORS[type(expression.op)](value(expression.left), value(expression.right))
        case ast.UnaryOp(op=ast.USub()):
            return -value(expression.operand)
        case _:
            raise UnreadableError(ast.unparse(expression))
