"""Every public class shows an example in its docstring, and the examples run."""

from __future__ import annotations

import doctest
import inspect
import sys

import pytest

import vadkit
from vadkit import api, testing
from vadkit.plugin.registry import Registry

"""Public classes that do not have an example yet."""


def components() -> dict[str, type]:
    plugins = [plugin for plugin in Registry.discover().plugins if plugin.distribution.startswith("vadkit ")]
    return {f"{card.kind} {card.name}": card.load() for plugin in plugins for card in plugin.components}


def public() -> dict[str, type]:
    named = {f"{home.__name__}.{name}": getattr(home, name) for home in (vadkit, api, testing) for name in home.__all__}
    return {name: found for name, found in named.items() if inspect.isclass(found)}


CLASSES = {**components(), **public()}


@pytest.mark.parametrize("name", CLASSES)
def test_the_example_runs(name: str) -> None:
    found = CLASSES[name]
    module = sys.modules[found.__module__]
    test = doctest.DocTestParser().get_doctest(found.__doc__ or "", vars(module).copy(), name, module.__file__, None)
    assert test.examples, f"{name} has no example in its docstring"
    said: list[str] = []
    failures, _ = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert not failures, "".join(said)
