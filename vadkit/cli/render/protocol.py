"""The table of `vadkit eval --all-protocols`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from vadkit.cli.render.tables import numeric
from vadkit.core.errors import VadkitError
from vadkit.core.values import RunResult
from vadkit.recipe.presets import PRESETS

SHORT = {
    "micro_auc": "micro",
    "macro_auc": "macro",
    "macro_auc_padded": "padded",
    "eer": "EER",
    "average_precision": "AP",
}
"""Metric -> short name, so that tables fit a terminal."""


def print_all(results: Mapping[str, RunResult | VadkitError]) -> None:
    """Print the results under every protocol in one table, then the reasons for missing ones."""
    console = Console(highlight=False)
    heads = (Column(head, no_wrap=True) for head in ("protocol", "digest"))
    caption = "micro, macro and padded macro AUC, EER and average precision, %"
    table = Table(*heads, *numeric("frames", *SHORT.values()), header_style="bold", caption=caption)
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
