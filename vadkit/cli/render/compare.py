"""The tables of `vadkit compare`, on the terminal or in a file, and of `vadkit eval --all-protocols`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from vadkit.cli.render import tables
from vadkit.core.errors import VadkitError
from vadkit.core.values import RunResult
from vadkit.evaluation.compare import Comparison, Entry
from vadkit.evaluation.compare_table import SHORT, cost, csv_of, formatted, name_of, notes, title
from vadkit.evaluation.systems import SystemComparison
from vadkit.recipe.presets import PRESETS

_VALUE = 8  # columns of the terminal for a value and its sign


def _console(comparison: Comparison) -> str:
    metrics, units = comparison.metrics, comparison.units
    heads = [f"{SHORT[metric]} %" if metric in SHORT else title(metric, units) for metric in metrics]
    values = [[_styled(entry, metric, comparison) for metric in metrics] for entry in comparison.entries]
    cost_heads = ["size" if column == "parameters" else column for column in comparison.costs]
    costs = [list(map(Text, cost(entry, comparison.costs))) for entry in comparison.entries]
    table = _table(comparison, [*heads, *cost_heads], [a + b for a, b in zip(values, costs, strict=True)])
    if tables.fits(table) or not cost_heads or not heads:
        return tables.printed(table, *notes(comparison))
    parts = _table(comparison, heads, values), _table(comparison, cost_heads, costs)
    return tables.printed(*parts, *notes(comparison))


def _table(comparison: Comparison, heads: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    columns = Column("run", overflow="fold"), *(Column(Text(head), justify="right") for head in heads)
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    names = [name_of(entry) for entry in comparison.entries]
    for name, row in zip(names, rows, strict=True):
        table.add_row(Text(name), *row)
    if not tables.fits(table):
        # Fold a long name, not a number.
        space = tables.room(table) - len(heads) * _VALUE
        columns[0].width = max(min(max(map(len, names)), space), len("run"))
        for column in columns[1:]:
            column.width = _VALUE
    return table


def _styled(entry: Entry, metric: str, comparison: Comparison) -> Text:
    value, interval = formatted(entry, metric, comparison.units)
    close = " ~" if comparison.by_chance(entry, metric) else ""
    style = "bold" if comparison.best(metric) is entry else ""
    return Text(value + close, style=style).append(f"\n{interval}", style="dim")


def print_all(results: Mapping[str, RunResult | VadkitError]) -> None:
    """Print the results under every protocol in one table, then the reasons for missing ones."""
    console = Console(highlight=False)
    heads = (Column(head, no_wrap=True) for head in ("protocol", "digest"))
    caption = "micro, macro and padded macro AUC, EER and average precision, %"
    table = Table(*heads, *tables.numeric("frames", *SHORT.values()), header_style="bold", caption=caption)
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for name, result in results.items():
        if isinstance(result, VadkitError):
            table.add_row(name, *["-"] * (len(SHORT) + 2), style="dim")
            reasons[result.what].append(name)
            continue
        cells = [_cell(result.metrics.get(metric), bold=metric == PRESETS[name].headline) for metric in SHORT]
        if result.protocol["test_tuned"]:
            table.title = Text("TEST-TUNED", style="bold red")
        table.add_row(name, str(result.protocol["digest"]), str(result.summary.labelled_frames), *cells)
    console.print(table)
    for reason, names in reasons.items():
        console.print(Text(f"{', '.join(names)}: {reason}", style="yellow"))


def _cell(value: float | None, *, bold: bool) -> Text:
    return Text("-" if value is None else f"{100 * value:.2f}", style="bold" if bold else "")


def _console_of_systems(found: SystemComparison) -> str:
    """A table for each data set, because a terminal is narrow."""
    parts: list[Table | str] = []
    for group in found.data_sets:
        metrics = found.metrics_of(group)
        columns = Column("system", overflow="fold"), *tables.numeric(*(title(each, found.units) for each in metrics))
        table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False, header_style="bold", title=Text(group))
        for system in found.systems:
            cells = [found.cell(system, group, metric) for metric in metrics]
            table.add_row(Text(system), *(Text(cell.text, style="bold" if cell.best else "") for cell in cells))
        parts.append(table)
    return tables.printed(*parts, *found.notes)


def _texts(found: Comparison | SystemComparison, form: str) -> str:
    table = found.table()
    return table.markdown() if form == "markdown" else table.latex(booktabs=form == "booktabs")


_FORMATS: Mapping[str, Callable[[Comparison | SystemComparison], str]] = {
    "console": lambda found: _console(found) if isinstance(found, Comparison) else _console_of_systems(found),
    "csv": lambda found: csv_of(found) if isinstance(found, Comparison) else found.csv(),
    **{form: partial(_texts, form=form) for form in ("markdown", "latex", "booktabs")},
}
renderer = partial(tables.maker, _FORMATS)
"""Gives the function that writes a comparison in a format; a VadkitError for an unknown format."""
