"""`vadkit compare`: the table, on the terminal and as CSV, Markdown or LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from vadkit.cli.render import tables
from vadkit.cli.render.protocol import SHORT
from vadkit.evaluation.compare import FEWEST, Comparison, Entry

_SPEED = ("GFLOPs", "frames/s")
_VALUE = 8  # columns of the terminal that a value and its mark take


def renderer(form: str) -> Callable[[Comparison], str]:
    """What gives a comparison in this form.

    Raises:
        VadkitError: there is no such form.
    """
    return tables.maker({"console": _console, "csv": _csv, "markdown": _markdown, "latex": _latex}, form)


def _head(comparison: Comparison) -> list[str]:
    return ["run", *(_title(metric, comparison.units) for metric in comparison.metrics), "parameters", *_SPEED]


def _title(metric: str, units: Mapping[str, str]) -> str:
    return f"{metric} {units.get(metric, '%')}".rstrip()


def _short(metric: str, units: Mapping[str, str]) -> str:
    return f"{SHORT[metric]} %" if metric in SHORT else _title(metric, units)


def _number(value: float, metric: str, units: Mapping[str, str]) -> str:
    return f"{value:.3f}" if metric in units else f"{100 * value:.2f}"


def _cell(entry: Entry, metric: str, units: Mapping[str, str]) -> str:
    if metric not in entry.values:
        return "-"
    interval = entry.intervals.get(metric)
    text = _number(entry.values[metric], metric, units)
    return f"{text} ({' to '.join(_number(end, metric, units) for end in interval)})" if interval else text


def _name(entry: Entry) -> str:
    return entry.name + (" TEST-TUNED" if entry.protocol["test_tuned"] else "")


def _cost(entry: Entry) -> tuple[str, str, str]:
    parameters = f"{entry.parameters / 1e6:.2f} M" if entry.parameters is not None else "-"
    flops = f"{entry.flops / 1e9:.4g}" if entry.flops is not None else "-"
    rate = f"{entry.frames_per_second:.1f}" if entry.frames_per_second is not None else "-"
    return parameters, flops, rate


def _notes(comparison: Comparison) -> list[str]:
    protocols = {f"{entry.protocol['name']} #{entry.protocol['digest']}" for entry in comparison.entries}
    notes = [f"protocol {', '.join(sorted(protocols))}; 95 % intervals by the bootstrap over videos"]
    if comparison.differ:
        notes.append(f"not ranked: the protocols differ in {', '.join(comparison.differ)}")
    else:
        few = comparison.videos < FEWEST
        why = f"{comparison.videos} videos cannot tell more" if few else "paired bootstrap over videos, 95 %"
        notes.append(f"best in bold; ~ no more than chance behind the best ({why})")
    notes.append("GFLOPs of one clip; frames/s of the run's own test set and machine, reading included")
    return notes


def _console(comparison: Comparison) -> str:
    values = (
        [_short(metric, comparison.units) for metric in comparison.metrics],
        [[_value(entry, metric, comparison) for metric in comparison.metrics] for entry in comparison.entries],
    )
    costs = ["size", *_SPEED], [[Text(cell) for cell in _cost(entry)] for entry in comparison.entries]
    whole = _table(comparison, [*values[0], *costs[0]], [a + b for a, b in zip(values[1], costs[1], strict=True)])
    if tables.fits(whole):
        return tables.printed(whole, *_notes(comparison))
    return tables.printed(_table(comparison, *values), _table(comparison, *costs), *_notes(comparison))


def _table(comparison: Comparison, heads: Sequence[str], rows: Sequence[Sequence[Text]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    table.add_column("run", overflow="fold")
    for head in heads:
        table.add_column(Text(head), justify="right")
    for entry, row in zip(comparison.entries, rows, strict=True):
        table.add_row(Text(_name(entry)), *row)
    if not tables.fits(table):
        # A long name is folded before a value is: what a table is for are its numbers.
        widths = [max(len(_name(entry)) for entry in comparison.entries), *(_VALUE for _ in heads)]
        room = tables.room(table) - len(heads) * _VALUE
        widths[0] = max(min(widths[0], room), len("run"))
        for column, width in zip(table.columns, widths, strict=True):
            column.width = width
    return table


def _value(entry: Entry, metric: str, comparison: Comparison) -> Text:
    best = comparison.best(metric) is entry
    value, _, ends = _cell(entry, metric, comparison.units).partition(" (")
    close = " ~" if comparison.by_chance(entry, metric) else ""
    return Text(value + close, style="bold" if best else "").append("\n" + ends.rstrip(")"), style="dim")


def _csv(comparison: Comparison) -> str:
    parts = ("", "_low", "_high", "_behind_low", "_behind_high")
    columns = [f"{metric}{part}" for metric in comparison.metrics for part in parts]
    cost = ("parameters", "flops", "frames_per_second")
    rows: list[list[object]] = [["run", "protocol", "digest", "test_tuned", *columns, *cost]]
    for entry in comparison.entries:
        numbers: list[float | None] = []
        for metric in comparison.metrics:
            interval, behind = entry.intervals.get(metric), entry.behind.get(metric)
            ends = interval or (None, None)
            gap = [behind.low, behind.high] if behind else [None, None]
            numbers += [entry.values.get(metric), *ends, *gap]
        about = [entry.name, entry.protocol["name"], entry.protocol["digest"], entry.protocol["test_tuned"]]
        rows.append([*about, *numbers, *(getattr(entry, name) for name in cost)])
    return tables.comma(rows)


def _markdown(comparison: Comparison) -> str:
    rows = [_marked(entry, comparison, "**{}**", "{} ~") for entry in comparison.entries]
    return tables.markdown([_head(comparison), *rows], _notes(comparison))


def _latex(comparison: Comparison) -> str:
    rows = [_marked(entry, comparison, r"\textbf{{{}}}", r"{} $\sim$") for entry in comparison.entries]
    return tables.latex([_head(comparison), *rows], _notes(comparison))


def _marked(entry: Entry, comparison: Comparison, best: str, close: str) -> list[str]:
    cells = [_name(entry)]
    for metric in comparison.metrics:
        text = _cell(entry, metric, comparison.units)
        if comparison.best(metric) is entry:
            text = best.format(text)
        elif comparison.by_chance(entry, metric):
            text = close.format(text)
        cells.append(text)
    return [*cells, *_cost(entry)]
