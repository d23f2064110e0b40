"""Runs the checks one by one, without a test framework."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping

from vadkit.core.errors import VadkitError
from vadkit.plugin.component import Component
from vadkit.testing.catalogue import Check, checks_of, refuse_unknown
from vadkit.testing.outcome import NotApplicableError, Outcome
from vadkit.testing.settings import by_component
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


def run_checks(subjects: Iterable[Subject], expected: Reasons | None = None) -> Iterator[Outcome]:
    """Run every check of every component; any exception is a failure.

    Args:
        subjects: the components under test.
        expected: expected failures, from `expectations`.

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
        for check in checks_of(subject.kind):
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
        return Outcome(*about, "expected", expected) if expected else Outcome(*about, "failed", _told(error))
    if expected:
        reason = f"it passes, but is expected to fail ({expected}). Remove the expected failure"
        return Outcome(*about, "failed", reason)
    return Outcome(*about, "passed")


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, VadkitError) else f"{type(error).__name__}: {error}"
