"""The outcomes of a check: it passes, the component fails it, or it does not apply."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from unittest import SkipTest

from vadkit.core.errors import VadkitError

State = Literal["passed", "failed", "skipped", "expected"]


class ConformityError(VadkitError):
    """A component breaks its contract: what it does, and what its author should change.

    Example:
        >>> print(ConformityError("its score is (2, 5), not (2, 8)", fix="score every frame of the clip"))
        its score is (2, 5), not (2, 8)
          -> score every frame of the clip
    """

    exit_code = 1


class NotApplicableError(SkipTest):
    """A check does not apply to the component, with the reason. pytest reports the test as skipped.

    Example:
        >>> print(NotApplicableError("it has no parameters"))
        it has no parameters
    """

    @property
    def refused(self) -> bool:
        """Whether the constructor of the component raised a VadkitError itself, not another exception."""
        return isinstance(self.__cause__, VadkitError) and self.__cause__.__cause__ is None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one check of one component.

    Attributes:
        component: kind/name.
        check: name of the check.
        state: "passed", "failed", "skipped", or "expected" for an expected failure.
        reason: why it failed, was skipped or is expected to fail; empty if it passed.

    Example:
        >>> Outcome("density/knn", "check_cuda", "skipped", "this machine has no CUDA device").state
        'skipped'
    """

    component: str
    check: str
    state: State
    reason: str = ""


def require(holds: bool, what: str, fix: str) -> None:
    """Raise ConformityError unless it holds."""
    if not holds:
        raise ConformityError(what, fix=fix)


@contextlib.contextmanager
def failing(what: str, fix: str, *errors: type[Exception]) -> Iterator[None]:
    """Turn these exceptions into a ConformityError that ends with their message."""
    try:
        yield
    except errors as error:
        raise ConformityError(f"{what}: {told(error)}", fix=fix) from error


def told(error: Exception) -> str:
    """An exception in one line, without the fix of a VadkitError."""
    return error.what if isinstance(error, VadkitError) else f"{type(error).__name__}: {error}"
