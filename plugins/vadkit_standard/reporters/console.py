"""The result as a table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console as Terminal
from rich.table import Table
from rich.text import Text

from vadkit.api import Reporter, RunResult


class Console(Reporter):
    """Prints the metrics in percent: the fused score, each component alone, and a random scorer."""

    def report(self, result: RunResult, folder: Path) -> None:
        """Print to standard output; the run folder comes last."""
        terminal = Terminal(highlight=False)
        terminal.print()
        if result.metrics:
            terminal.print(_table(result))
        else:
            terminal.print(_title(result))
            terminal.print(Text("no labels: scores only, nothing measured", style="yellow"))
        for line in _facts(result.facts):
            terminal.print(Text(line, style="dim"))
        for line in _warnings(result):
            terminal.print(Text(line, style="yellow"))
        # A path broken over two lines cannot be copied.
        terminal.print(Text(str(folder)), soft_wrap=True)


def _title(result: RunResult) -> Text:
    protocol = result.protocol
    title = Text(result.name, style="bold")
    title.append(f"  protocol {protocol.get('name', '?')} #{protocol.get('digest', '?')}", style="not bold cyan")
    if protocol.get("test_tuned"):
        title.append("  TEST-TUNED", style="bold red")
    return title


def _table(result: RunResult) -> Table:
    floor: Mapping[str, float] = result.facts.get("floor", {})
    rows: list[tuple[Text, Mapping[str, float]]] = [(Text("fused score", style="bold"), result.metrics)]
    rows += [(Text(f"  {name}"), values) for name, values in result.components.items()]
    percent = {metric: _is_share(metric, [values for _, values in rows]) for metric in result.metrics}
    table = Table(title=_title(result), title_justify="left", header_style="bold")
    table.add_column("score")
    for metric in result.metrics:
        table.add_column(Text(f"{metric} %" if percent[metric] else metric), justify="right")
    for index, (label, values) in enumerate(rows):
        cells = [_cell(values.get(metric), percent[metric]) for metric in result.metrics]
        table.add_row(label, *cells, style="bold" if index == 0 else None, end_section=index == len(rows) - 1)
    if floor:
        cells = [_cell(floor.get(metric), percent[metric]) for metric in result.metrics]
        table.add_row(Text("random scorer"), *cells, style="dim")
    return table


def _is_share(metric: str, rows: Sequence[Mapping[str, float]]) -> bool:
    return all(0 <= values[metric] <= 1 for values in rows if metric in values)


def _cell(value: float | None, percent: bool) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.2f}" if percent else f"{value:.3f}"


def _facts(facts: Mapping[str, Any]) -> list[str]:
    lines = []
    if "frames" in facts:
        frames = f"{facts.get('videos', '?')} videos, {facts['frames']} frames"
        lines.append(f"{frames}, {facts['abnormal_frames']} abnormal" if facts.get("labelled_frames") else frames)
    if "coverage_min" in facts:
        lines.append(f"windows a frame: at least {facts['coverage_min']}, mean {facts['coverage_mean']:.1f}")
    return lines


def _warnings(result: RunResult) -> list[str]:
    facts = result.facts
    rules = {
        "single_class_videos": "videos with one class only, left out of averages over videos",
        "unlabelled_videos": "videos without labels, not measured",
        "constant": "constant scores",
    }
    # Without any label at all, a list of the videos that have none says nothing new.
    shown = rules if result.metrics else {"constant": rules["constant"]}
    lines = [f"{len(facts[key])} {text}: {_listed(facts[key])}" for key, text in shown.items() if facts.get(key)]
    if facts.get("frames_without_score"):
        rule = result.protocol.get("uncovered", "?")
        lines.append(f"{facts['frames_without_score']} frames without a score of their own; rule: {rule}")
    return lines


def _listed(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
