"""The checks as tests of pytest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vadkit.plugin.component import Component
from vadkit.testing.catalogue import Check, checks_of
from vadkit.testing.running import expectations
from vadkit.testing.settings import subjects
from vadkit.testing.subject import Subject
from vadkit.testing.verdict import InapplicableError


def parametrize_with_checks(
    tested: str | Sequence[Component],
    *,
    settings: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, Mapping[str, str]] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a test of every check of every component of a plugin: a decorator for `test(component, check)`.

    A check that does not apply is skipped with its reason. An expected failure is a strict xfail: it
    fails once the check passes.

    Args:
        tested: an installed plugin's name, as in `vadkit list`, or components that it announces.
        settings: component -> its keys where the defaults do not do, as a recipe writes them, and `toy` for
            what it is built with and fed (`vadkit.testing.toy.Toy`). A component is named `kde`, or
            `density/kde` where kinds share a name.
        expected_failures: component -> check -> why it fails.

    Raises:
        PluginError: there is no such plugin, or it cannot be loaded.
        VadkitError: settings or expected failures that fit no component or check, or lack a reason.
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
    """A check that skips as pytest does."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def __call__(self, component: Subject) -> None:
        import pytest

        try:
            self.check(component)
        except InapplicableError as reason:
            pytest.skip(str(reason))
