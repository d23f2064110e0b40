"""The tables of `vadkit compare`, on the terminal or in a file, and of `vadkit eval --all-protocols`."""

from __future__ import annotations

import itertools
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
from vadkit.evaluation.compare import FEWEST, Comparison, Entry
from vadkit.recipe.presets import PRESETS

SHORT = {
    "micro_auc": "micro",
    "macro_auc": "macro",
    "macro_auc_padded": "padded",
    "eer": "EER",
    "average_precision": "AP",
}
"""Metric -> short name, so that tables fit a terminal."""

_SPEED = ("GFLOPs", "frames/s")
_VALUE = 8  # columns of the terminal for a value and its sign


def _title(metric: str, units: Mapping[str, str]) -> str:
    return f"{metric} {units.get(metric, '%')}".rstrip()


def _number(value: float, metric: str, units: Mapping[str, str]) -> str:
    return f"{value:.3f}" if metric in units else f"{100 * value:.2f}"


def formatted(entry: Entry, metric: str, units: Mapping[str, str]) -> tuple[str, str]:
    """The value of a metric and its interval as texts; a dash and an empty text for none."""
    if metric not in entry.values:
        return "-", ""
    ends = entry.intervals.get(metric) or ()
    return _number(entry.values[metric], metric, units), " to ".join(_number(end, metric, units) for end in ends)


def _name(entry: Entry) -> str:
    return entry.name + (" TEST-TUNED" if entry.protocol["test_tuned"] else "")


def cost(entry: Entry) -> list[str]:
    """Size and speed of a run as texts."""
    return [
        tables.number(entry.parameters, "{:.2f} M", 1e6),
        tables.number(entry.flops, "{:.4g}", 1e9),
        tables.number(entry.frames_per_second, "{:.1f}"),
    ]


def notes(comparison: Comparison) -> list[str]:
    """What the numbers and signs of the table mean."""
    protocols = {f"{entry.protocol['name']} #{entry.protocol['digest']}" for entry in comparison.entries}
    lines = [f"protocol {', '.join(sorted(protocols))}; 95 % intervals by the bootstrap over videos"]
    if comparison.differ:
        lines.append(f"not ranked: the protocols differ in {', '.join(comparison.differ)}")
    else:
        few = comparison.videos < FEWEST
        why = f"{comparison.videos} videos are too few" if few else "paired bootstrap over videos, 95 %"
        lines.append(f"best in bold; ~ difference from the best within chance ({why})")
    lines.append("GFLOPs of one clip; frames/s on the test set and machine of the run, reading included")
    return lines


def _console(comparison: Comparison) -> str:
    metrics, units = comparison.metrics, comparison.units
    heads = [f"{SHORT[metric]} %" if metric in SHORT else _title(metric, units) for metric in metrics]
    values = [[_styled(entry, metric, comparison) for metric in metrics] for entry in comparison.entries]
    cost_heads, costs = ["size", *_SPEED], [list(map(Text, cost(entry))) for entry in comparison.entries]
    table = _table(comparison, [*heads, *cost_heads], [a + b for a, b in zip(values, costs, strict=True)])
    if tables.fits(table):
        return tables.printed(table, *notes(comparison))
    parts = _table(comparison, heads, values), _table(comparison, cost_heads, costs)
    return tables.printed(*parts, *notes(comparison))


def _table(comparison: Comparison, heads: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    columns = Column("run", overflow="fold"), *(Column(Text(head), justify="right") for head in heads)
    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    names = [_name(entry) for entry in comparison.entries]
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


def _csv(comparison: Comparison) -> str:
    parts = ("", "_low", "_high", "_behind_low", "_behind_high")
    columns = [f"{metric}{part}" for metric in comparison.metrics for part in parts]
    about, cost = ("name", "digest", "test_tuned"), ("parameters", "flops", "frames_per_second")
    rows: list[list[object]] = [["run", "protocol", *about[1:], *columns, *cost]]
    for entry in comparison.entries:
        numbers: list[float | None] = []
        for metric in comparison.metrics:
            intervals = (each.get(metric, (None, None)) for each in (entry.intervals, entry.behind))
            numbers += [entry.values.get(metric), *itertools.chain(*intervals)]
        protocol = [entry.protocol[key] for key in about]
        rows.append([entry.name, *protocol, *numbers, *(getattr(entry, key) for key in cost)])
    return tables.comma(rows)


def _rows(comparison: Comparison, best: str, close: str) -> list[list[str]]:
    """The head, then a row for each run; `best` and `close` are templates for cells."""
    metrics, units = comparison.metrics, comparison.units
    rows = [["run", *(_title(metric, units) for metric in metrics), "parameters", *_SPEED]]
    for entry in comparison.entries:
        cells: list[str] = []
        for metric in metrics:
            value, interval = formatted(entry, metric, units)
            text = f"{value} ({interval})" if interval else value
            if comparison.best(metric) is entry:
                text = best.format(text)
            elif comparison.by_chance(entry, metric):
                text = close.format(text)
            cells.append(text)
        rows.append([_name(entry), *cells, *cost(entry)])
    return rows


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


_FORMATS: Mapping[str, Callable[[Comparison], str]] = {
    "console": _console,
    "csv": _csv,
    "markdown": lambda found: tables.markdown(_rows(found, "**{}**", "{} ~"), notes(found)),
    "latex": lambda found: tables.latex(_rows(found, r"\textbf{{{}}}", r"{} $\sim$"), notes(found)),
}
renderer = partial(tables.maker, _FORMATS)
"""Gives the function that writes a comparison in a format; a VadkitError for an unknown format."""
