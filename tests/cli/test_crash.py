"""The message after an unexpected error names the plugin, and the component, that raised it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vadkit.api import Component
from vadkit.cli.crash import plugin_message
from vadkit.plugin.registry import Plugin, Registry


def card(name: str, target: str) -> Component:
    return Component("scorer", name, target, "", origin=f"plugin {name} (dist-{name} 1.0)")


REGISTRY = Registry(
    [
        Plugin("a", "dist-a 1.0", (card("a", "acme.a.parts:A"),), module="acme.a"),
        Plugin("b", "dist-b 1.0", (card("b", "acme.b:B"),), module="acme.b:hooks"),
        Plugin("apart", "dist-apart 1.0", (card("apart", "apart_parts:C"),), module="apart"),
        Plugin("opt", "dist-opt 1.0", (card("opt", "torch.optim:AdamW"),), module="opt"),
    ]
)


def within(module: str, inner: Callable[[], Any]) -> Callable[[], Any]:
    """A function of this module that calls another one."""
    space: dict[str, Any] = {"__name__": module, "inner": inner}
    exec("def outer():\n    return inner()", space)
    return space["outer"]


def fails() -> None:
    raise KeyError("late")


def told(*modules: str) -> str:
    call: Callable[[], Any] = fails
    for module in reversed(modules):
        call = within(module, call)
    with pytest.raises(KeyError) as caught:
        call()
    return plugin_message(caught.value, REGISTRY)


@pytest.mark.parametrize(
    ("modules", "plugin"),
    [
        (["vadkit.engine.run", "acme.a.deep.parts"], "a"),
        (["vadkit.engine.run", "acme.b"], "b"),
        (["vadkit.engine.run", "acme.b", "torch.nn", "numpy"], "b"),
        (["acme.a", "acme.b"], "b"),
        (["vadkit.engine.run", "apart_parts"], "apart"),
        (["vadkit.engine.run", "acme.b", "vadkit.model.training.trainer"], ""),
        (["vadkit.engine.run", "acme.shared"], ""),
        (["vadkit.engine.run", "torch.optim.adamw"], ""),
        (["vadkit.engine.run", "vadkitten"], ""),
    ],
)
def test_the_innermost_code_of_a_plugin_is_named_unless_vadkits_lies_within(modules: list[str], plugin: str) -> None:
    message = told(*modules)
    assert message.startswith(f"raised in plugin {plugin} (dist-{plugin} 1.0): KeyError: " if plugin else "")
    assert bool(message) == bool(plugin)
