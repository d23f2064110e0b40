"""Runs the checks as pytest tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vadkit.plugin.component import Component
from vadkit.testing.catalogue import Check, checks_of
from vadkit.testing.outcome import NotApplicableError
from vadkit.testing.running import expectations
from vadkit.testing.settings import subjects
from vadkit.testing.subject import Subject


def parametrize_with_checks(
    tested: str | Sequence[Component],
    *,
    settings: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, Mapping[str, str]] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate `test(component, check)` so that pytest runs every check of every component of a plugin.

    A check that does not apply is skipped with a reason. An expected failure is a strict xfail: the test
    fails if the check passes.

    Args:
        tested: name of an installed plugin, as in `vadkit list`, or a list of components.
        settings: component -> its keys, as in a recipe, and `toy` for its toy surroundings (`Toy`). Only
            keys that differ from the defaults are needed. Name a component `kde`, or `density/kde` where
            several kinds share the name.
        expected_failures: component -> check -> the reason why it fails.

    Raises:
        PluginError: the plugin does not exist or cannot be loaded.
        VadkitError: settings or expected failures name an unknown component or check, or have no reason.

    Example:
        >>> @parametrize_with_checks(
        ...     "densities",
        ...     settings={"gmm": {"components": 2}},
        ...     expected_failures={"knn": {"check_normalised": "knn is not a probability density"}},
        ... )
        ... def test_conformance(component, check):
        ...     check(component)
    """
    import pytest

    found = subjects(tested, settings)
    reasons = expectations(found, expected_failures or {})
    parameters = []
    for subject in found:
        for check in checks_of(subject.kind):
            reason = reasons.get(subject.component, {}).get(check.name)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            parameters.append(pytest.param(subject, _PytestCheck(check), id=f"{subject}-{check.name}", marks=marks))
    return pytest.mark.parametrize(("component", "check"), parameters)


class _PytestCheck:
    """A check that reports NotApplicableError as a skipped test."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def __call__(self, component: Subject) -> None:
        import pytest

        try:
            self.check(component)
        except NotApplicableError as reason:
            pytest.skip(str(reason))
