"""Builds objects from checked components; only this module imports component classes to use them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, cast

from vadkit.core.contracts import KINDS
from vadkit.core.errors import PluginError, VadkitError, join_names
from vadkit.plugin.sandbox import describe_error
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.signature import MISSING


def build(chosen: ComponentConfig, *args: Any, positional: Mapping[str, Sequence[Any]] | None = None) -> Any:
    """Build a component. Components inside it are built first.

    Args:
        chosen: the component and its keys.
        args: positional arguments of its constructor, which its contract fixes.
        positional: kind -> positional arguments of nested components. Those of the same kind as
            `chosen` get `args`. A kind that is not here, such as a scorer, gets none.

    Raises:
        VadkitError: the constructor refused its arguments; the message names the component of the recipe.
        PluginError: the class cannot be imported, or its constructor breaks the contract.
    """
    return _build(chosen, {chosen.component.kind: args, **(positional or {})}, args)


def with_defaults(chosen: ComponentConfig) -> dict[str, Any]:
    """A component with all its keys as plain values, defaults included, so that a digest changes with a default."""
    parameters = inspect.signature(chosen.component.load()).parameters.values()
    keys = {
        key.name: key.default for key in parameters if key.kind is key.KEYWORD_ONLY and key.default is not key.empty
    }
    keys |= chosen.keys
    plain = {
        name: with_defaults(value) if isinstance(value, ComponentConfig) else value for name, value in keys.items()
    }
    return {"use": chosen.component.name} | plain


def _build(chosen: ComponentConfig, positional: Mapping[str, Sequence[Any]], args: Sequence[Any]) -> Any:
    keys = {name: _value(value, positional) for name, value in chosen.keys.items()}
    where = f"{chosen.path} ({chosen.component.name})"
    cls = chosen.component.load()
    contract, tell = KINDS[chosen.component.kind], f"tell the author of {chosen.component.origin or 'its plugin'}"
    if inspect.isabstract(cls):
        what = f"it lacks {join_names(sorted(cls.__abstractmethods__))}, which every {contract.__name__} must define"
        raise PluginError(what, where=where, fix=tell)
    try:
        made = cls(*args, **keys)
    except VadkitError as error:
        error.where = error.where or where
        raise
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        fix = f"correct its keys in the recipe; if they are correct, {tell}"
        raise VadkitError(f"{type(error).__name__}: {error}", where=where, fix=fix) from error
    except (Exception, SystemExit) as error:
        raise PluginError(f"its constructor fails: {describe_error(error)}", where=where, fix=tell) from error
    if lacking := [name for name in contract.__annotations__ if getattr(made, name, MISSING) is MISSING]:
        what = f"its constructor does not set {join_names(lacking)}, which every {contract.__name__} must have"
        raise PluginError(what, where=where, fix=tell)
    return made


def _value(value: Any, positional: Mapping[str, Sequence[Any]]) -> Any:
    if isinstance(value, ComponentConfig):
        return _build(value, positional, positional.get(value.component.kind, ()))
    if isinstance(value, (list, tuple)):
        items = (_value(item, positional) for item in cast("Sequence[Any]", value))
        return tuple(items) if isinstance(value, tuple) else list(items)
    if isinstance(value, Mapping):
        return {key: _value(item, positional) for key, item in cast("Mapping[Any, Any]", value).items()}
    return value
