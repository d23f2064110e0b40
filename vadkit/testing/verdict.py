"""What a check may say: nothing, that a component fails it, or that it does not apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vadkit.core.errors import VadkitError

State = Literal["passed", "failed", "skipped", "expected"]


class ConformityError(VadkitError):
    """A component that does not keep its contract: what it did, and what its author should do."""

    exit_code = 1


class InapplicableError(Exception):
    """A check that has nothing to look at here, with the reason."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one check of one component.

    Attributes:
        component: kind/name.
        check: the check's name.
        state: "expected" is a failure that its author names with a reason.
        reason: why it failed, was skipped or is expected; empty if it passed.
    """

    component: str
    check: str
    state: State
    reason: str = ""


def require(holds: bool, what: str, fix: str) -> None:
    """Raise ConformityError unless it holds."""
    if not holds:
        raise ConformityError(what, fix=fix)
