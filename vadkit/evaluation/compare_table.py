"""The table of a comparison: values with intervals, then size and speed of each run."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from vadkit.evaluation.compare import COSTS, FEWEST, Comparison, Entry
from vadkit.report.text_table import TextCell, TextTable, comma

SHORT = {
    "micro_auc": "micro",
    "macro_auc": "macro",
    "macro_auc_padded": "padded",
    "eer": "EER",
    "average_precision": "AP",
}
"""Metric -> short name, so that tables fit a terminal."""


def title(metric: str, units: Mapping[str, str]) -> str:
    """The heading of a metric's column, with its unit."""
    return f"{metric} {units.get(metric, '%')}".rstrip()


def number(value: float, metric: str, units: Mapping[str, str]) -> str:
    """A value of a metric as text, in percent if it has no unit."""
    return f"{value:.3f}" if metric in units else f"{100 * value:.2f}"


def formatted(entry: Entry, metric: str, units: Mapping[str, str]) -> tuple[str, str]:
    """The value of a metric and its interval as texts; a dash and an empty text for none."""
    if metric not in entry.values:
        return "-", ""
    ends = entry.intervals.get(metric) or ()
    return number(entry.values[metric], metric, units), " to ".join(number(end, metric, units) for end in ends)


def name_of(entry: Entry) -> str:
    """The name of a run, with a mark if something was chosen with test labels."""
    return entry.name + (" TEST-TUNED" if entry.protocol["test_tuned"] else "")


def cost(entry: Entry, columns: Sequence[str] = COSTS) -> list[str]:
    """Size and speed of a run as texts."""
    known = {
        "parameters": _count(entry.parameters, "{:.2f} M", 1e6),
        "GFLOPs": _count(entry.flops, "{:.4g}", 1e9),
        "frames/s": _count(entry.frames_per_second, "{:.1f}", 1),
    }
    return [known[column] for column in columns]


def _count(value: float | None, form: str, unit: float) -> str:
    return "-" if value is None else form.format(value / unit)


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
    if {"GFLOPs", "frames/s"} & {*comparison.costs}:
        lines.append("GFLOPs of one clip; frames/s on the test set and machine of the run, reading included")
    return lines


def table_of(comparison: Comparison) -> TextTable:
    """The table: a row for each run."""
    metrics, units = comparison.metrics, comparison.units
    rows: list[list[TextCell]] = []
    for entry in comparison.entries:
        cells = [TextCell(name_of(entry))]
        for metric in metrics:
            value, interval = formatted(entry, metric, units)
            best, close = comparison.best(metric) is entry, comparison.by_chance(entry, metric)
            cells.append(TextCell(f"{value} ({interval})" if interval else value, best=best, close=close))
        rows.append([*cells, *map(TextCell, cost(entry, comparison.costs))])
    head = ["run", *(title(metric, units) for metric in metrics), *comparison.costs]
    return TextTable(head, rows, notes(comparison))


def csv_of(comparison: Comparison) -> str:
    """All numbers as CSV, with the ends of the intervals."""
    parts = ("", "_low", "_high", "_behind_low", "_behind_high")
    columns = [f"{metric}{part}" for metric in comparison.metrics for part in parts]
    about, costs = ("name", "digest", "test_tuned"), ("parameters", "flops", "frames_per_second")
    rows: list[list[object]] = [["run", "protocol", *about[1:], *columns, *costs]]
    for entry in comparison.entries:
        numbers: list[float | None] = []
        for metric in comparison.metrics:
            intervals = (each.get(metric, (None, None)) for each in (entry.intervals, entry.behind))
            numbers += [entry.values.get(metric), *itertools.chain(*intervals)]
        protocol = [entry.protocol[key] for key in about]
        rows.append([entry.name, *protocol, *numbers, *(getattr(entry, key) for key in costs)])
    return comma(rows)
