"""One family of errors: each says where, what and what to do.

Everything that a user can mend is a `VadkitError`; the command line prints it without a
traceback and leaves with `exit_code`. Anything else that escapes is a bug of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class VadkitError(Exception):
    """A problem that the user can understand and mend.

    Args:
        what: what is wrong, one sentence.
        where: the file, line, video or component concerned; empty if none.
        fix: what to do about it; empty if `what` already says so.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(what, where, fix)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  -> {self.fix}" if self.fix else head


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding in a recipe; `where` is `file:line:col` or the origin of a `--set`."""

    where: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"\n  -> {self.fix}" if self.fix else "")


class RecipeError(VadkitError):
    """All problems of one recipe, printed together."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PluginError(VadkitError):
    """A component that is unknown, ambiguous, or whose plugin cannot be loaded."""


class DataError(VadkitError):
    """Videos, labels or score files that are missing, damaged or do not fit."""


class ShapeError(VadkitError):
    """Sizes that two components cannot agree on."""


class CheckpointError(VadkitError):
    """A checkpoint or run folder that belongs to another recipe, or is damaged."""


class RunFolderError(VadkitError):
    """A run folder that cannot be written: permission, disk space, or another run's."""


class DeprecatedKeyWarning(FutureWarning):
    """A recipe has a key by its old name; the message starts with its file, line and column."""


class DivergedError(VadkitError):
    """Training that left the finite numbers."""

    exit_code = 1


def join_names(names: Iterable[object], most: int = 6) -> str:
    """Names on one line, the rest counted.

    >>> join_names("abc", most=2)
    'a, b and 1 more'
    """
    texts = [str(name) for name in names]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def closest(word: str, choices: Iterable[str]) -> str:
    """Did-you-mean: the nearest choice, and all choices where there are few.

    >>> closest("glwo", ["glow", "realnvp"])
    "did you mean 'glow'? (choices: glow, realnvp)"
    """
    known = sorted(set(choices))
    if not known:
        return "there are no choices here"
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    named = ", ".join(known) if len(known) <= 24 else f"{len(known)} of them"
    return f"did you mean '{near[0]}'? (choices: {named})" if near else f"choices: {named}"
