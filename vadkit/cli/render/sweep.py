"""`vadkit sweep`: the table of trials, the spread over seeds, and the numbers of a paper beside ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vadkit.cli.render.protocol import SHORT
from vadkit.engine.sweep import SEED, Beside, Trial, beside_paper, summarize_seeds
from vadkit.recipe.variants import Paper

_NOTE = "To choose among these by test metrics is to choose with test labels: mark such a recipe test_tuned."


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


def print_paper(trials: Sequence[Trial], paper: Paper) -> None:
    """Our numbers, the paper's, and ours less the paper's; nothing where the recipe has none of the paper's."""
    found = beside_paper(trials, paper)
    if not found:
        return
    console = Console(highlight=False)
    table = Table(header_style="bold", title=Text(f"compared with {paper.source or 'the paper'}"), title_justify="left")
    for key in found[0].values:
        table.add_column(Text(key), overflow="fold")
    table.add_column("metric")
    for head in ("ours", "paper", "difference"):
        table.add_column(head, justify="right")
    before: Mapping[str, str] = {}
    for one in found:
        if before and before != one.values:
            table.add_section()
        values = [""] * len(one.values) if before == one.values else list(one.values.values())
        metric = f"{one.metric} {one.unit}".rstrip()
        numbers = (_ours(one), Text(str(one.paper)), Text(_number(one, one.difference, "+")))
        table.add_row(*map(Text, (*values, metric)), *numbers)
        before = one.values
    console.print(table)


def _ours(one: Beside) -> Text:
    if one.deviation is not None:
        return Text(f"{_number(one, one.ours)} ± {_number(one, one.deviation)}")
    ours = Text(_number(one, one.ours))
    return ours.append(f"\n{' to '.join(_number(one, end) for end in one.interval)}", "dim") if one.interval else ours


def _number(one: Beside, value: float, sign: str = "") -> str:
    return f"{value:{sign}.{2 if one.unit == '%' else 3}f}"
