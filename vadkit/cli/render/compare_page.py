"""The page of `vadkit compare --html`: the table, intervals, ROCs, and the values of each video."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np

from vadkit.evaluation.compare import Comparison, Entry
from vadkit.evaluation.compare_table import cost, formatted, notes
from vadkit.report.curves import roc_line
from vadkit.report.page import (
    Cell,
    Chart,
    Charts,
    DotChart,
    Fact,
    Line,
    LineChart,
    Page,
    Points,
    Section,
    Table,
    Tables,
    Text,
    Texts,
)
from vadkit.report.run_report import FILE


def compare_page(comparison: Comparison, path: Path) -> Page:
    """The page of a comparison.

    Args:
        comparison: the runs.
        path: where the page will be; its links to the reports of the runs are relative to this file.
    """
    entries = comparison.entries
    protocols = sorted({f"{entry.protocol['name']} #{entry.protocol['digest']}" for entry in entries})
    facts = [Fact("protocol", ", ".join(protocols)), Fact("test videos", str(comparison.videos))]
    tuned = [entry.name for entry in entries if entry.protocol["test_tuned"]]
    warnings = [f"TEST-TUNED: a weight or a setting was chosen with test labels: {', '.join(tuned)}"] if tuned else []
    if comparison.differ:
        warnings.append(f"the runs are not ranked: their protocols differ in {', '.join(comparison.differ)}")
    sections: list[Section] = [
        _table(comparison, path),
        _intervals(comparison),
        _roc(entries),
        *_each_video(comparison),
        Texts("Recipes", [Text(entry.name, entry.result.recipe) for entry in entries]),
    ]
    return Page("Comparison of runs", facts, warnings, sections)


def _table(comparison: Comparison, path: Path) -> Tables:
    rows = [
        [
            Cell(entry.name, href=_address(entry, path)),
            *(_cell(comparison, entry, metric) for metric in comparison.metrics),
            *map(Cell, cost(entry, comparison.costs)),
        ]
        for entry in comparison.entries
    ]
    missing = [entry.name for entry in comparison.entries if not _address(entry, path)]
    lines = [*notes(comparison)]
    if missing:
        lines.append(f"no link, because there is no {FILE}: {', '.join(missing)}; 'vadkit eval RUN' writes it")
    return Tables(
        "Numbers", [Table("Final score of each run", ("run", *comparison.metrics, *comparison.costs), rows)], lines
    )


def _cell(comparison: Comparison, entry: Entry, metric: str) -> Cell:
    value, interval = formatted(entry, metric, comparison.units)
    unit = "" if metric in comparison.units or value == "-" else " %"
    close = " ~" if comparison.by_chance(entry, metric) else ""
    text = f"{value}{unit} ({interval}){close}" if interval else f"{value}{unit}{close}"
    return Cell(text, strong=comparison.best(metric) is entry)


def _address(entry: Entry, path: Path) -> str:
    """Relative address of the run's own page; empty if it has none."""
    page = entry.folder / FILE
    if not page.is_file():
        return ""
    return quote(Path(os.path.relpath(page.resolve(), path.resolve().parent)).as_posix())


def _intervals(comparison: Comparison) -> Charts:
    charts: list[Chart] = []
    labels = [entry.name for entry in comparison.entries]
    shares = [metric for metric in comparison.metrics if metric not in comparison.units]
    for metric in comparison.metrics:
        scale = 100 if metric in shares else 1
        values = [_scaled(entry.values.get(metric), scale) for entry in comparison.entries]
        ends = [entry.intervals.get(metric, (None, None)) for entry in comparison.entries]
        low, high = ([_scaled(end[side], scale) for end in ends] for side in (0, 1))
        unit = "%" if metric in shares else comparison.units[metric]
        charts.append(DotChart(metric, f"{metric} {unit}".rstrip(), labels, [Points(metric, values, low, high)]))
    return Charts("Intervals", charts, ["Each line is the 95 % interval by the bootstrap over videos."])


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else scale * value


def _roc(entries: Sequence[Entry]) -> Charts:
    lines: list[Line] = []
    for entry in entries:
        labelled = [(video.fused, video.labels) for video in entry.result.videos if video.labels is not None]
        if not labelled:
            continue
        scores, labels = (np.concatenate(list(parts)) for parts in zip(*labelled, strict=True))
        line = roc_line(entry.name, scores, labels)
        lines += [line] if line is not None else []
    if not lines:
        return Charts("ROC", (), ["There is no ROC: it needs labelled frames of both classes."])
    rates = "false positive rate (%)", "true positive rate (%)"
    return Charts("ROC", [LineChart("ROC over all frames", *rates, lines, square=True)])


def _each_video(comparison: Comparison) -> list[Section]:
    """The first metric that is known for single videos: a chart and a table, largest differences first."""
    groups = [entry.result.groups.get("video", {}) for entry in comparison.entries]
    known = [name for group in groups for values in group.values() for name in values]
    metric = next((name for name in comparison.metrics if name in known), None)
    if metric is None:
        return []
    names = list(dict.fromkeys(name for group in groups for name in group))
    scale = 1 if metric in comparison.units else 100
    values = {name: [_scaled(group.get(name, {}).get(metric), scale) for group in groups] for name in names}
    names.sort(key=lambda name: -_spread(values[name]))
    rows = [[Cell(name), *map(_plain, [*values[name], _spread(values[name])])] for name in names]
    runs = [entry.name for entry in comparison.entries]
    points = [Points(run, [values[name][place] for name in names]) for place, run in enumerate(runs)]
    unit = comparison.units.get(metric, "%")
    chart = DotChart(f"{metric} of each video", f"{metric} {unit}".rstrip(), names, points)
    notes = ["The videos with the largest differences between the runs come first."]
    table = Table(f"{metric} of each video, {unit}", ("video", *runs, "difference"), rows)
    return [Charts("Each video", [chart], notes), Tables("Each video in numbers", [table])]


def _spread(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return max(known) - min(known) if len(known) > 1 else 0.0


def _plain(value: float | None) -> Cell:
    return Cell("-" if value is None else f"{value:.2f}")
