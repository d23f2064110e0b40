"""Checks run one by one, outside of any test framework."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping

from vadkit.core.errors import VadkitError
from vadkit.plugin.component import Component
from vadkit.testing.catalogue import Check, checks_of, refuse_unknown
from vadkit.testing.settings import by_component
from vadkit.testing.subject import Subject
from vadkit.testing.verdict import InapplicableError, Outcome

Reasons = Mapping[Component, Mapping[str, str]]


def expectations(subjects: Iterable[Subject], named: Mapping[str, Mapping[str, str]]) -> Reasons:
    """Expected failures, by component: check -> reason.

    Raises:
        VadkitError: a component or a check that there is not, or a failure without a reason.
    """
    found = by_component([subject.component for subject in subjects], named)
    for component, reasons in found.items():
        where = f"expected failures of {component.kind}/{component.name}"
        if not isinstance(reasons, Mapping):
            raise VadkitError(
                f"{reasons!r} is not {{check: reason}}", where=where, fix="name each check with its reason"
            )
        refuse_unknown(component.kind, reasons)
        for name, reason in reasons.items():
            if not (isinstance(reason, str) and reason.strip()):
                raise VadkitError(f"{name} has no reason", where=where, fix="say why it fails, for who reads it later")
    return found


def run_checks(subjects: Iterable[Subject], expected: Reasons | None = None) -> Iterator[Outcome]:
    """Every check of every component; what raises is a failure, whatever it raises."""
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
    except InapplicableError as reason:
        return Outcome(*about, "skipped", str(reason))
    except Exception as error:
        return Outcome(*about, "expected", expected) if expected else Outcome(*about, "failed", _told(error))
    if expected:
        return Outcome(*about, "failed", f"it passes, but is expected to fail ({expected}): take the expectation away")
    return Outcome(*about, "passed")


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, VadkitError) else f"{type(error).__name__}: {error}"
