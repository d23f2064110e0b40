"""Progress of long work. The command line draws it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping


class Progress(ABC):
    """Receives the progress of each stage. It must not change any result.

    Pass a subclass to `vadkit.run` to show progress in another way, for example in a notebook. `begin` starts a
    stage, `advance` follows after each step, and `end` finishes it.

    Example:
        >>> class Steps(NoProgress):
        ...     def begin(self, stage, total, *, done=0, unit="clips"):
        ...         print(f"{stage}: {total - done} of {total} steps to do")
        >>> Steps().begin("model", 100, done=20)
        model: 80 of 100 steps to do
    """

    @abstractmethod
    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        """A stage starts.

        Args:
            stage: its name.
            total: number of steps of the stage.
            done: number of steps that an earlier session completed.
            unit: what a step processes, for a display such as "120 clips/s".
        """

    @abstractmethod
    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        """Steps of the stage are complete.

        Args:
            done: number of completed steps.
            amount: number of units that the last step processed.
            values: numbers to display, such as the loss.
        """

    @abstractmethod
    def end(self, note: str = "") -> None:
        """The stage is complete.

        Args:
            note: a remark on the stage, such as "3 non-finite steps skipped".
        """

    @abstractmethod
    def message(self, text: str) -> None:
        """Show a message of one line."""


class NoProgress(Progress):
    """Ignores all progress. Subclass it to override single methods."""

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        """Do nothing."""

    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        """Do nothing."""

    def end(self, note: str = "") -> None:
        """Do nothing."""

    def message(self, text: str) -> None:
        """Do nothing."""
