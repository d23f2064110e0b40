"""Progress of long work. The command line draws it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping

_WARM_UP = 3  # steps that are not timed, because the first ones are slower
_TIMED = 10  # steps that are timed, or fewer if they take `_LONG_ENOUGH`
_LONG_ENOUGH = 10.0  # seconds
_WORTH_TELLING = 60.0  # seconds; a shorter stage is not announced


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


class Forecast(Progress):
    """Passes all progress on, and tells once for each long stage how long it will take, after a few timed steps.

    Args:
        inner: receives everything.
        hints: stage -> what makes it shorter. Other stages are not timed.
        clock: gives the time in seconds.

    Example:
        >>> class Told(NoProgress):
        ...     def message(self, text):
        ...         print(text)
        >>> ticks = iter(range(0, 1000, 2))  # each step takes two seconds
        >>> told = Forecast(Told(), {"model": "fewer steps make it shorter"}, clock=lambda: next(ticks))
        >>> told.begin("model", 1000)
        >>> for step in range(1, 20):
        ...     told.advance(step, amount=16)
        model: about 33 min; fewer steps make it shorter
    """

    def __init__(self, inner: Progress, hints: Mapping[str, str], clock: Callable[[], float] = time.monotonic) -> None:
        self._inner, self._hints, self._clock = inner, hints, clock
        self._hint, self._stage, self._total = "", "", 0
        self._calls, self._last, self._units, self._began = 0, 0, 0, 0.0

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        """A stage starts."""
        self._hint, self._stage, self._total = self._hints.get(stage, ""), stage, total
        self._calls, self._last, self._units = 0, done, 0
        self._inner.begin(stage, total, done=done, unit=unit)

    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        """Steps of the stage are complete. Steps without an amount were done before, and are not timed."""
        self._inner.advance(done, amount=amount, values=values)
        new, self._last = done - self._last, done
        if not self._hint or not amount:
            return
        self._calls += 1
        now = self._clock()
        if self._calls <= _WARM_UP:
            self._began = now
            return
        self._units += new
        seconds = now - self._began
        if self._units and (self._calls == _WARM_UP + _TIMED or seconds >= _LONG_ENOUGH):
            left = seconds / self._units * (self._total - done)
            if left >= _WORTH_TELLING:
                self._inner.message(f"{self._stage}: about {duration(left)}; {self._hint}")
            self._hint = ""

    def end(self, note: str = "") -> None:
        """The stage is complete."""
        self._inner.end(note)

    def message(self, text: str) -> None:
        """Show a message of one line."""
        self._inner.message(text)


def duration(seconds: float) -> str:
    """Seconds in words, with two digits: "33 min".

    Example:
        >>> duration(1980)
        '33 min'
        >>> duration(1.6e7)
        '190 days'
    """
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{float(f'{seconds / size:.2g}'):g} {unit}"
    return f"{seconds:.0f} s"
