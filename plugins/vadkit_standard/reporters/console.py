"""The result as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console as Terminal
from rich.table import Table
from rich.text import Text

from vadkit.api import Reporter, RunResult, VadkitError, result_notes, result_warnings
from vadkit_standard.reporters.names import printable

_MOST_DIGITS = 12
_COLUMNS = 3  # metrics in the table of components; more do not fit a terminal, metrics.json has all


class Console(Reporter):
    """Prints the metrics in percent: of the fused score, of each component alone, and of a random scorer.

    Args:
        digits: digits after the point; a number that is not in percent has one more.

    Example:
        >>> result = RunResult("demo", Path("runs/demo"), {"micro_auc": 0.875}, {}, {"name": "itae"}, [])
        >>> Console().report(result, Path())  # doctest: +ELLIPSIS
        <BLANKLINE>
        demo  protocol itae...
    """

    def __init__(self, *, digits: int = 2) -> None:
        if not 0 <= digits <= _MOST_DIGITS:
            raise VadkitError(f"digits must be 0 to {_MOST_DIGITS}, but it is {digits}", where="console")
        self._digits = digits

    def report(self, result: RunResult, folder: Path) -> None:
        """Print to standard output; the path of the run folder is the last line."""
        terminal = Terminal(highlight=False)
        terminal.print()
        if result.metrics:
            terminal.print(_fused(result, self._digits))
            terminal.print(_alone(result, self._digits))
        else:
            terminal.print(_title(result))
            given = "scores" if result.events is None else "scores and events"
            terminal.print(Text(f"no labels: {given} without metrics", style="yellow"))
        for line in result_notes(result):
            terminal.print(Text(printable(line), style="dim"))
        for line in result_warnings(result):
            terminal.print(Text(printable(line), style="yellow"))
        if folder != Path():  # external scores may have no folder
            # Do not wrap the path, so that it can be copied.
            terminal.print(Text(str(folder)), soft_wrap=True)


def _title(result: RunResult) -> Text:
    protocol = result.protocol
    title = Text(result.name, style="bold")
    title.append(f"  protocol {protocol.get('name', '?')} #{protocol.get('digest', '?')}", style="not bold cyan")
    if protocol.get("test_tuned"):
        title.append("  TEST-TUNED", style="bold red")
    return title


def _fused(result: RunResult, digits: int) -> Table:
    """Every value of the final score, with its interval and what chance gives."""
    chance: Mapping[str, float] = result.summary.chance
    table = Table(title=_title(result), title_justify="left", header_style="bold")
    table.add_column("fused score")
    for head in ("value", *(["95 % interval"] if result.intervals else []), *(["random scorer"] if chance else [])):
        table.add_column(head, justify="right")
    for index, (metric, value) in enumerate(result.metrics.items()):
        percent = metric not in result.units
        cells = [Text(_cell(value, percent, digits), style="bold")]
        if result.intervals:
            cells.append(Text(_ends(result.intervals.get(metric), percent, digits)))
        if chance:
            cells.append(Text(_cell(chance.get(metric), percent, digits), style="dim"))
        table.add_row(Text(_named(metric, result.units)), *cells, style="bold" if index == 0 else None)
    return table


def _alone(result: RunResult, digits: int) -> Table:
    """Table of each component alone, for the first few metrics."""
    metrics = list(result.metrics)[:_COLUMNS]
    percent = {metric: metric not in result.units for metric in metrics}
    table = Table(header_style="bold")
    table.add_column("component alone")
    for metric in metrics:
        table.add_column(Text(_named(metric, result.units)), justify="right")
    for name, values in result.components.items():
        table.add_row(Text(name), *(_cell(values.get(metric), percent[metric], digits) for metric in metrics))
    return table


def _named(metric: str, units: Mapping[str, str]) -> str:
    return f"{metric} {units.get(metric, '%')}".rstrip()


def _ends(interval: tuple[float, float] | None, percent: bool, digits: int) -> str:
    return " to ".join(_cell(end, percent, digits) for end in interval) if interval else "-"


def _cell(value: float | None, percent: bool, digits: int) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.{digits}f}" if percent else f"{value:.{digits + 1}f}"
