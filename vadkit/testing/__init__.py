"""The conformance kit: checks that a plugin's component keeps the contract of its kind.

Example:
    A test module of a plugin, run by pytest:

    >>> from vadkit.testing import parametrize_with_checks
    >>> @parametrize_with_checks("flows")
    ... def test_conformance(component, check):
    ...     check(component)
"""

from vadkit.testing.catalogue import checks_of
from vadkit.testing.outcome import ConformityError, NotApplicableError, Outcome
from vadkit.testing.running import expectations, parametrize_with_checks, run_checks
from vadkit.testing.settings import subjects
from vadkit.testing.subject import Subject
from vadkit.testing.toy import Toy

__all__ = [
    "ConformityError",
    "NotApplicableError",
    "Outcome",
    "Subject",
    "Toy",
    "checks_of",
    "expectations",
    "parametrize_with_checks",
    "run_checks",
    "subjects",
]
