"""`vadkit sweep`: the table of trials, and the spread over seeds."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vadkit.cli.render.protocol import SHORT
from vadkit.engine.sweep import SEED, Trial, summarize_seeds

_NOTE = "A choice among these by test metrics is a choice with test labels: mark a recipe that makes it test_tuned."


def print_trials(trials: Sequence[Trial]) -> None:
    """Every trial, then mean and deviation where seeds are varied."""
    console = Console(highlight=False)
    metrics = [name for name in SHORT if any(name in trial.metrics for trial in trials)]
    table = Table(header_style="bold")
    for key in trials[0].values:
        table.add_column(Text(key), overflow="fold")
    for name in metrics:
        table.add_column(f"{SHORT[name]} %", justify="right")
    for trial in trials:
        cells = [f"{100 * trial.metrics[name]:.2f}" if name in trial.metrics else "-" for name in metrics]
        table.add_row(*map(Text, trial.values.values()), *cells)
    console.print(table)
    if SEED in trials[0].values and any(spread.seeds > 1 for spread in summarize_seeds(trials)):
        console.print(_spread(trials, metrics))
    if any(trial.protocol["test_tuned"] for trial in trials):
        console.print(Text("TEST-TUNED", style="bold red"))
    console.print(Text(_NOTE, style="dim"))


def _spread(trials: Sequence[Trial], metrics: Sequence[str]) -> Table:
    spreads = summarize_seeds(trials)
    table = Table(header_style="bold", title="mean and standard deviation over seeds", title_justify="left")
    for key in spreads[0].values:
        table.add_column(Text(key), overflow="fold")
    table.add_column("seeds", justify="right")
    for name in metrics:
        table.add_column(f"{SHORT[name]} %", justify="right")
    for spread in spreads:
        cells = [
            f"{100 * spread.means[name]:.2f} ± {100 * spread.deviations[name]:.2f}" if name in spread.means else "-"
            for name in metrics
        ]
        table.add_row(*map(Text, spread.values.values()), str(spread.seeds), *cells)
    return table
