"""Every public name of the conformance kit has an example in its docstring, and the examples run."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import vadkit.testing

MODULES = [
    "vadkit.testing",
    *(f"vadkit.testing.{module.name}" for module in pkgutil.iter_modules(vadkit.testing.__path__)),
]


@pytest.mark.parametrize("name", vadkit.testing.__all__)
def test_every_public_name_has_an_example(name: str) -> None:
    assert ">>>" in (getattr(vadkit.testing, name).__doc__ or "")


@pytest.mark.parametrize("module", MODULES)
def test_examples_run(module: str) -> None:
    assert doctest.testmod(importlib.import_module(module)).failed == 0
