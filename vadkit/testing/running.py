"""Runs the checks, as pytest tests or one by one."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from vadkit.core.errors import VadkitError
from vadkit.plugin.component import Component
from vadkit.testing.catalogue import DEFAULT_TIMEOUT, Check, checks_of, refuse_unknown
from vadkit.testing.outcome import NotApplicableError, Outcome, told
from vadkit.testing.settings import by_component, subjects
from vadkit.testing.subject import Subject

Reasons = Mapping[Component, Mapping[str, str]]


def expectations(subjects: Iterable[Subject], named: Mapping[str, Mapping[str, str]]) -> Reasons:
    """Expected failures, by component: check -> reason.

    Args:
        subjects: the components under test.
        named: component -> check -> reason, with components named as in the settings.

    Raises:
        VadkitError: a component or check does not exist, or a reason is missing.

    Example:
        >>> from vadkit.testing import subjects
        >>> found = subjects("densities", only=["knn"])
        >>> reasons = {"knn": {"check_normalised": "knn is not a probability density"}}
        >>> [each.name for each in expectations(found, reasons)]
        ['knn']
    """
    found = by_component([subject.component for subject in subjects], named)
    for component, reasons in found.items():
        where = f"expected failures of {component.kind}/{component.name}"
        if not isinstance(reasons, Mapping):
            raise VadkitError(f"{reasons!r} is not {{check: reason}}", where=where, fix="give each check a reason")
        refuse_unknown(component.kind, reasons)
        for name, reason in reasons.items():
            if not (isinstance(reason, str) and reason.strip()):
                raise VadkitError(f"{name} has no reason", where=where, fix="state why the check fails")
    return found


def parametrize_with_checks(
    tested: str | Sequence[Component],
    *,
    settings: Mapping[str, Any] | None = None,
    expected_failures: Mapping[str, Mapping[str, str]] | None = None,
    timeout: float = DEFAULT_TIMEOUT,
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
        timeout: time limit of each check in seconds, 0 for no limit.

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
        for check in checks_of(subject.kind, timeout=timeout):
            reason = reasons.get(subject.component, {}).get(check.name)
            marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            parameters.append(pytest.param(subject, check, id=f"{subject}-{check.name}", marks=marks))
    return pytest.mark.parametrize(("component", "check"), parameters)


def run_checks(
    subjects: Iterable[Subject],
    expected: Reasons | None = None,
    *,
    timeout: float = DEFAULT_TIMEOUT,
    begin: Callable[[str, str], None] | None = None,
) -> Iterator[Outcome]:
    """Run every check of every component; any exception is a failure.

    Args:
        subjects: the components under test.
        expected: expected failures, from `expectations`.
        timeout: time limit of each check in seconds, 0 for no limit.
        begin: is called with the component and the check before each check.

    Yields:
        One outcome for each check of each component.

    Example:
        >>> from vadkit.testing import subjects
        >>> tested = subjects("standard", {"median": {"size": 5}}, only=["median"])
        >>> [each.check for each in run_checks(tested) if each.state == "skipped"]
        ['check_causality']
    """
    for subject in subjects:
        reasons = (expected or {}).get(subject.component, {})
        for check in checks_of(subject.kind, timeout=timeout):
            if begin is not None:
                begin(str(subject), check.name)
            yield _outcome(subject, check, reasons.get(check.name))


def _outcome(subject: Subject, check: Check, expected: str | None) -> Outcome:
    about = str(subject), check.name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check(subject)
    except NotApplicableError as reason:
        return Outcome(*about, "skipped", str(reason))
    except Exception as error:
        reason = str(error) if isinstance(error, VadkitError) else told(error)
        return Outcome(*about, "expected", expected) if expected else Outcome(*about, "failed", reason)
    if expected:
        reason = f"it passes, but is expected to fail ({expected}). Remove the expected failure"
        return Outcome(*about, "failed", reason)
    return Outcome(*about, "passed")
