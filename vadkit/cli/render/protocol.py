"""One set of scores under every protocol, side by side."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

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
"""Metric -> its short name: the table must fit a terminal."""


def print_all(results: Mapping[str, RunResult | VadkitError]) -> None:
    """One score file under every protocol, side by side; why not, where it cannot be."""
    console = Console(highlight=False)
    table = Table(header_style="bold", caption="micro, macro and padded macro AUC, EER and average precision, %")
    table.add_column("protocol", no_wrap=True)
    table.add_column("digest", no_wrap=True)
    for head in ("frames", *SHORT.values()):
        table.add_column(head, justify="right")
    reasons: list[tuple[str, str]] = []
    for name, result in results.items():
        if isinstance(result, VadkitError):
            table.add_row(name, *["-"] * (len(SHORT) + 2), style="dim")
            reasons.append((name, result.what))
            continue
        cells = [_cell(result.metrics.get(metric), bold=metric == PRESETS[name].headline) for metric in SHORT]
        if result.protocol["test_tuned"]:
            table.title = Text("TEST-TUNED", style="bold red")
        table.add_row(name, str(result.protocol["digest"]), str(result.facts["labelled_frames"]), *cells)
    console.print(table)
    for reason in dict.fromkeys(reason for _, reason in reasons):
        names = ", ".join(name for name, other in reasons if other == reason)
        console.print(Text(f"{names}: {reason}", style="yellow"))


def _cell(value: float | None, *, bold: bool) -> Text:
    return Text("-" if value is None else f"{100 * value:.2f}", style="bold" if bold else "")
