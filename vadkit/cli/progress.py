"""Progress on the terminal: a live line a stage, or plain lines where nobody looks on."""

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
    """A monitor for this terminal, or for a log file where there is none."""
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


class _Rate:
    """Units a second since the stage began here."""

    def __init__(self, unit: str) -> None:
        self.unit, self.amount, self.began = unit, 0, time.monotonic()

    def add(self, amount: int) -> str:
        """-> "12.3 clips/s", empty before anything is known."""
        self.amount += amount
        seconds = time.monotonic() - self.began
        return f"{self.amount / seconds:.1f} {self.unit}/s" if self.amount and seconds > 0 else ""


def _brief(values: Mapping[str, float] | None) -> str:
    chosen = {name: value for name, value in (values or {}).items() if name in ("loss", "bits_per_dim")}
    return "  ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in chosen.items())


class Live(Progress):
    """One Rich progress bar a stage."""

    def __init__(self, shown: bars.Progress) -> None:
        self._bars = shown
        self._task: TaskID | None = None
        self._rate = _Rate("")

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        """A new bar."""
        self._rate = _Rate(unit)
        self._task = self._bars.add_task(stage, total=total, completed=done, values="", rate="")

    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        """Move the bar."""
        if self._task is not None:
            fields = {"values": _brief(values)} if values else {}
            self._bars.update(self._task, completed=done, rate=self._rate.add(amount), **fields)  # pyright: ignore

    def end(self, note: str = "") -> None:
        """The bar stays, full."""
        if note:
            self.message(note)

    def message(self, text: str) -> None:
        """A line above the bars."""
        self._bars.console.print(text, highlight=False)


class Plain(Progress):
    """Lines on stderr, one every quarter of a minute."""

    def __init__(self) -> None:
        self._stage, self._total, self._from = "", 0, 0
        self._rate = _Rate("")
        self._began = self._said = time.monotonic()

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        """Say that a stage begins."""
        self._stage, self._total, self._from = stage, total, done
        self._rate = _Rate(unit)
        self._began = self._said = time.monotonic()
        self.message(f"{stage}: {total - done} to do" if done else f"{stage}: begins")

    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        """Say how far it is, now and then."""
        rate, now = self._rate.add(amount), time.monotonic()
        if now - self._said < EVERY or done <= self._from:
            return
        self._said = now
        left = (now - self._began) / (done - self._from) * (self._total - done)
        parts = (f"{self._stage}: {done}/{self._total}", _brief(values), rate, f"{_clock(left)} left")
        self.message("  ".join(part for part in parts if part))

    def end(self, note: str = "") -> None:
        """Say that it is complete."""
        took = _clock(time.monotonic() - self._began)
        self.message(f"{self._stage}: done in {took}" + (f"; {note}" if note else ""))

    def message(self, text: str) -> None:
        """One line."""
        print(text, file=sys.stderr, flush=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
