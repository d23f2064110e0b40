"""The tables of `vadkit sweep`: trials, statistics over seeds, and a comparison with a paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from vadkit.cli.render.tables import numeric
from vadkit.engine.sweep import SEED, PaperComparison, Trial, compare_with_paper, readable, summarize_seeds
from vadkit.evaluation.compare_table import SHORT
from vadkit.recipe.variants import Paper

_NOTE = "If you choose among these by test metrics, you choose with test labels: set test_tuned in such a recipe."


def print_trials(trials: Sequence[Trial]) -> None:
    """Print every trial, then mean and standard deviation if seeds are varied."""
    console = Console(highlight=False)
    metrics = [name for name in SHORT if any(name in trial.metrics for trial in trials)]
    heads = [f"{SHORT[name]} %" for name in metrics]
    table = _table(trials[0].values, numeric(*heads))
    for trial in trials:
        cells = [f"{100 * trial.metrics[name]:.2f}" if name in trial.metrics else "-" for name in metrics]
        table.add_row(*_shown(trial.values), *cells)
    console.print(table)
    spreads = summarize_seeds(trials) if SEED in trials[0].values else []
    if any(spread.seeds > 1 for spread in spreads):
        table = _table(spreads[0].values, numeric("seeds", *heads), title="mean and standard deviation over seeds")
        for spread in spreads:
            cells = [
                f"{100 * spread.means[name]:.2f} ± {100 * spread.deviations[name]:.2f}" if name in spread.means else "-"
                for name in metrics
            ]
            table.add_row(*_shown(spread.values), str(spread.seeds), *cells)
        console.print(table)
    if any(trial.protocol["test_tuned"] for trial in trials):
        console.print(Text("TEST-TUNED", style="bold red"))
    console.print(Text(_NOTE, style="dim"))


def print_paper(trials: Sequence[Trial], paper: Paper) -> None:
    """Print our values, the values of the paper and the differences; nothing if the recipe has none of its values."""
    found = compare_with_paper(trials, paper)
    if not found:
        return
    columns = [Column("metric"), *numeric("ours", "paper", "difference")]
    table = _table(found[0].values, columns, title=f"compared with {paper.source or 'the paper'}")
    before: Mapping[str, str] = {}
    for one in found:
        if before and before != one.values:
            table.add_section()
        values = [""] * len(one.values) if before == one.values else list(one.values.values())
        numbers = (_ours(one), Text(str(one.paper)), Text(_number(one, one.difference, "+")))
        table.add_row(*map(Text, (*values, f"{one.metric} {one.unit}".rstrip())), *numbers)
        before = one.values
    Console(highlight=False).print(table)


def _shown(values: Mapping[str, str]) -> list[Text]:
    return [Text(readable(value)) for value in values.values()]


def _table(keys: Iterable[str], columns: Sequence[Column], title: str = "") -> Table:
    varied = (Column(Text(key), overflow="fold") for key in keys)
    return Table(*varied, *columns, header_style="bold", title=Text(title) if title else None, title_justify="left")


def _ours(one: PaperComparison) -> Text:
    if one.deviation is not None:
        return Text(f"{_number(one, one.ours)} ± {_number(one, one.deviation)}")
    ours = Text(_number(one, one.ours))
    return ours.append(f"\n{' to '.join(_number(one, end) for end in one.interval)}", "dim") if one.interval else ours


def _number(one: PaperComparison, value: float, sign: str = "") -> str:
    return f"{value:{sign}.{2 if one.unit == '%' else 3}f}"
