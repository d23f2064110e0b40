"""Progress on standard error: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Mapping

from rich import progress as bars
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn

from vadkit.core.progress import Progress

EVERY = 15.0  # seconds between plain lines


@contextlib.contextmanager
def terminal_progress() -> Iterator[Progress]:
    """Bars if standard error is a terminal, otherwise plain lines."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Plain()
        return
    columns = (
        TextColumn("[bold]{task.description:<22}"),
        BarColumn(bar_width=28),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("[cyan]{task.fields[values]}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with bars.Progress(*columns, console=console, refresh_per_second=4) as shown:
        yield Live(shown)


class _Timed(Progress):
    """Measures the rate of a stage, in units a second."""

    def _start(self, unit: str) -> None:
        self._unit, self._amount, self._began = unit, 0, time.monotonic()

    def _rate(self, amount: int) -> str:
        """-> "12.3 clips/s", empty before the first units."""
        self._amount += amount
        seconds = time.monotonic() - self._began
        return f"{self._amount / seconds:.1f} {self._unit}/s" if self._amount and seconds > 0 else ""


def _brief(values: Mapping[str, float] | None) -> str:
    chosen = {name: value for name, value in (values or {}).items() if name in ("loss", "bits_per_dim")}
    return "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in chosen.items())


class Live(_Timed):
    """A Rich progress bar for each stage."""

    def __init__(self, shown: bars.Progress) -> None:
        self._bars = shown
        self._task: TaskID | None = None

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        """Add a bar."""
        self._start(unit)
        self._task = self._bars.add_task(stage, total=total, completed=done, values="", rate="")

    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        """Move the bar."""
        if self._task is not None:
            fields = {"values": _brief(values)} if values else {}
            self._bars.update(self._task, completed=done, rate=self._rate(amount), **fields)  # pyright: ignore

    def end(self, note: str = "") -> None:
        """Leave the full bar on the terminal."""
        if note:
            self.message(note)

    def message(self, text: str) -> None:
        """Print a line above the bars."""
        self._bars.console.print(text, highlight=False)


class Plain(_Timed):
    """Lines on standard error, at most one in `EVERY` seconds within a stage."""

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        """Print that a stage begins."""
        self._start(unit)
        self._stage, self._total, self._from, self._printed = stage, total, done, self._began
        self.message(f"{stage}: {total - done} to do" if done else f"{stage}: begins")

    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        """Print the state, if the last line is old enough."""
        rate, now = self._rate(amount), time.monotonic()
        if now - self._printed < EVERY or done <= self._from:
            return
        self._printed = now
        left = (now - self._began) / (done - self._from) * (self._total - done)
        parts = (f"{self._stage}: {done}/{self._total}", _brief(values), rate, f"{_clock(left)} left")
        self.message("  ".join(filter(None, parts)))

    def end(self, note: str = "") -> None:
        """Print that the stage is complete."""
        took = _clock(time.monotonic() - self._began)
        self.message(f"{self._stage}: done in {took}" + (f"; {note}" if note else ""))

    def message(self, text: str) -> None:
        """Print a line."""
        print(text, file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
