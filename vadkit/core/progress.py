"""Where long work says how far it has come; the command line draws it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping


class Progress(ABC):
    """Told of progress by the stages; must never change a result."""

    @abstractmethod
    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        """A stage of `total` steps starts, `done` of them behind it; a step handles `unit`."""

    @abstractmethod
    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        """`done` steps are complete; the last handled `amount` units; `values` such as the loss."""

    @abstractmethod
    def end(self, note: str = "") -> None:
        """The stage is complete."""

    @abstractmethod
    def message(self, text: str) -> None:
        """Something worth a line."""


class NoProgress(Progress):
    """Says nothing."""

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        """Nothing."""

    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        """Nothing."""

    def end(self, note: str = "") -> None:
        """Nothing."""

    def message(self, text: str) -> None:
        """Nothing."""
