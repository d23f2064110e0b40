"""What a module says of a class, read from its source without importing it.

A small reading of the module's top level: imports from the few modules that annotations
come from, and assignments of what those names can express. Whatever else there is, is
unknown, and raises `UnreadableError`: then the caller imports the class after all.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import importlib.util
import pathlib
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
# Bases whose constructors take no key of a recipe.
_KEYLESS = {"object", "ABC", "Module", "Generic", "Protocol", *(kind.__name__ for kind in contracts.KINDS.values())}


class UnreadableError(Exception):
    """The source does not say it plainly; only importing the class can tell."""


@dataclass(frozen=True, slots=True)
class Constructor:
    """A constructor as it stands in the source.

    Attributes:
        arguments: of `__init__`; None if there is none that takes keys.
        docstrings: of the class and of `__init__`.
        names: what names mean at the module's top level.
    """

    arguments: ast.arguments | None
    docstrings: tuple[str | None, str | None]
    names: Mapping[str, Any]

    def evaluate(self, expression: ast.expr) -> Any:
        """The value of an annotation or default.

        Raises:
            UnreadableError: it uses names that are not known without importing.
        """
        return _evaluate(expression, self.names)


def constructor(target: str) -> Constructor:
    """Find the class of `package.module:Class` and its `__init__`, in the source.

    Imports the packages that the module lies in, but not the module.

    Raises:
        UnreadableError: no source, no such class in it, or a constructor that comes from
            elsewhere (another module's base, a decorator).
    """
    module, _, name = target.partition(":")
    body = ast.parse(_source(module)).body
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    if name not in classes:
        raise UnreadableError(f"no class {name} at the top level of {module}")
    owner, init = _init(classes[name], classes)
    docstrings = (ast.get_docstring(classes[name]), ast.get_docstring(init) if init else None)
    if owner is not classes[name] and init and not docstrings[0]:
        docstrings = (ast.get_docstring(owner), docstrings[1])
    return Constructor(init.args if init else None, docstrings, _names(body))


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
        if isinstance(statement, ast.ImportFrom):
            source = _MODULES.get(statement.module or "") if statement.level == 0 else None
            for alias in statement.names:
                _bind(names, alias.asname or alias.name, getattr(source, alias.name, None))
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                _bind(names, alias.asname or alias.name.partition(".")[0], _module(alias))
        elif isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            names.pop(statement.name, None)
        else:
            _assign(statement, names)
    return names


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, those under `if TYPE_CHECKING:` among them."""
    for statement in body:
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from _flat(statement.body)
        else:
            yield statement


def _module(alias: ast.alias) -> Any:
    return None if "." in alias.name and not alias.asname else _MODULES.get(alias.name)


def _assign(statement: ast.stmt, names: dict[str, Any]) -> None:
    if isinstance(statement, ast.Assign):
        targets, value = statement.targets, statement.value
    elif isinstance(statement, ast.AnnAssign):
        targets, value = [statement.target], statement.value
    else:
        return
    for target in targets:
        if isinstance(target, ast.Name):
            try:
                _bind(names, target.id, _evaluate(value, names) if value else None)
            except UnreadableError:
                names.pop(target.id, None)


def _bind(names: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        names.pop(name, None)
    else:
        names[name] = value


def _evaluate(expression: ast.expr, names: Mapping[str, Any]) -> Any:
    # Calls are refused, so nothing runs but look-ups and operators on the names above.
    if any(isinstance(part, (ast.Call, ast.Lambda, ast.comprehension, ast.NamedExpr)) for part in ast.walk(expression)):
        raise UnreadableError(ast.unparse(expression))
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return expression.value
    code = compile(ast.Expression(expression), "<annotation>", "eval")
    try:
        return eval(code, {"__builtins__": {}, **names})
    except Exception as error:
        raise UnreadableError(f"{ast.unparse(expression)}: {error}") from error
