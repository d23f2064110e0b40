"""The errors of vadkit. Each message names the place, the problem and the fix.

Every problem that a user can fix is a `VadkitError`. The command line prints it without a traceback and
exits with `exit_code`. Any other exception is a bug in vadkit or in a plugin.
"""

from __future__ import annotations

import copyreg
import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


class VadkitError(Exception):
    """A problem that the user can fix. Base class of all errors of vadkit.

    Args:
        what: the problem, in one sentence.
        where: the file, line, video or component that has the problem. Can be empty.
        fix: what the user can do. Can be empty if `what` makes it clear.

    Example:
        >>> from vadkit.api import VadkitError
        >>> print(VadkitError("width is 4, but must be odd", where="smooth.yaml:12:9", fix="set width: 5"))
        smooth.yaml:12:9: width is 4, but must be odd
          -> set width: 5
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(what, where, fix)

    def __reduce__(self) -> tuple[Any, ...]:
        """Rebuild the error in another process without its constructor, which has other parameters in a subclass."""
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # pyright: ignore[reportAttributeAccessIssue]

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  -> {self.fix}" if self.fix else head


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem in a recipe.

    Attributes:
        where: `file:line:column`, or the `--set` that caused the problem.
        what: the problem, in one sentence.
        fix: what the user can do. Can be empty.
    """

    where: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" + (f"\n  -> {self.fix}" if self.fix else "")


class RecipeError(VadkitError):
    """All problems of one recipe.

    Args:
        problems: printed together, in this order.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PluginError(VadkitError):
    """A component is unknown or ambiguous, or its plugin cannot be loaded.

    Example:
        >>> from vadkit.api import Component, PluginError
        >>> try:
        ...     Component("flow", "glow", "my_flows.glow:Glow", "A flow.")
        ... except PluginError as error:
        ...     print(error.what)
        unknown kind 'flow'
    """


class DataError(VadkitError):
    """Videos, labels or score files are missing or damaged, or do not match each other.

    Example:
        >>> from vadkit.api import DataError
        >>> print(DataError("contains no videos", where="data/avenue/training_videos", fix="set --data-root"))
        data/avenue/training_videos: contains no videos
          -> set --data-root
    """


class ShapeError(VadkitError):
    """The sizes of two components, or of a component and the clip, do not match.

    Example:
        >>> from vadkit.api import ClipSpec, ShapeError
        >>> try:
        ...     ClipSpec(frames=8, height=32, width=48, input=(0, 9))
        ... except ShapeError as error:
        ...     print(error)
        data.clip: the range input 0:9 is not within the 8 frames of the clip
          -> choose a range inside 0:8
    """


class CheckpointError(VadkitError):
    """A checkpoint or a run folder is damaged, or belongs to another recipe.

    Example:
        >>> from vadkit.api import CheckpointError
        >>> print(CheckpointError("is damaged", where="runs/demo/checkpoints/model.safetensors"))
        runs/demo/checkpoints/model.safetensors: is damaged
    """


class RunFolderError(VadkitError):
    """vadkit cannot write into a run folder, for example because the disk is full or another run uses it.

    Example:
        >>> from vadkit.api import RunFolderError
        >>> print(RunFolderError("the disk is full", where="runs/demo", fix="free some space"))
        runs/demo: the disk is full
          -> free some space
    """


class DeprecatedKeyWarning(FutureWarning):
    """A recipe has a key by its old name; the message starts with its file, line and column."""


class DivergedError(VadkitError):
    """A loss or a gradient became NaN or infinite, so that training cannot continue. The exit code is 1.

    Example:
        >>> from vadkit.api import DivergedError
        >>> DivergedError("the loss is NaN since step 120", where="model", fix="lower lr").exit_code
        1
    """

    exit_code = 1


def class_of(part: object) -> str:
    """Return `module.Class` of an object, so that a message names the code of a component.

    Example:
        >>> class_of(DataError("is damaged"))
        'vadkit.core.errors.DataError'
    """
    return f"{type(part).__module__}.{type(part).__qualname__}"


def join_names(names: Iterable[object], most: int = 6) -> str:
    """Join names for a message, and count those that do not fit.

    Args:
        names: anything with a short `str`.
        most: number of names to show.

    Example:
        >>> from vadkit.api import join_names
        >>> join_names(["01", "02", "03"])
        '01, 02, 03'
        >>> join_names(["01", "02", "03"], most=2)
        '01, 02 and 1 more'
    """
    texts = [str(name) for name in names]
    return ", ".join(texts[:most]) + (f" and {len(texts) - most} more" if len(texts) > most else "")


def closest(word: str, choices: Iterable[str]) -> str:
    """Return a "did you mean" hint for the `fix` of an error.

    Args:
        word: what the user wrote.
        choices: the allowed words. Up to 24 are listed, otherwise they are counted.

    Example:
        >>> from vadkit.api import closest
        >>> closest("glwo", ["glow", "realnvp"])
        "did you mean 'glow'? (choices: glow, realnvp)"
        >>> closest("x", ["glow", "realnvp"])
        'choices: glow, realnvp'
    """
    known = sorted(set(choices))
    if not known:
        return "nothing can be chosen here"
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    named = ", ".join(known) if len(known) <= 24 else f"{len(known)} of them"
    return f"did you mean '{near[0]}'? (choices: {named})" if near else f"choices: {named}"
