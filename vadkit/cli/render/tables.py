"""A table of text in the forms that people paste elsewhere, and a Rich table as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from vadkit.core.errors import VadkitError, join_names

Subject = TypeVar("Subject")


def maker(makers: Mapping[str, Callable[[Subject], str]], form: str) -> Callable[[Subject], str]:
    """The one that makes this form.

    Raises:
        VadkitError: there is none.
    """
    if form not in makers:
        raise VadkitError(f"there is no format {form!r}", where="--format", fix=f"choose among {join_names(makers)}")
    return makers[form]


def printed(*parts: Table | str) -> str:
    """Tables and lines of text below one another, as wide as the terminal, with its colours if there is one."""
    target = io.StringIO()
    terminal = Console()
    console = Console(file=target, highlight=False, width=terminal.width, force_terminal=terminal.is_terminal)
    for part in parts:
        console.print(part, markup=False)
    return target.getvalue()


def fits(table: Table) -> bool:
    """Whether the terminal is as wide as it, nothing folded."""
    console = Console()
    return console.measure(table, options=console.options.update(max_width=10_000)).maximum <= console.width


def room(table: Table) -> int:
    """Columns of the terminal that are left for the cells of a table without outer padding."""
    between = table.padding[1] + table.padding[3] + 1
    return Console().width - between * (len(table.columns) - 1) - 2


def comma(rows: Sequence[Sequence[object]]) -> str:
    """CSV; None is an empty cell."""
    target = io.StringIO()
    csv.writer(target, lineterminator="\n").writerows(rows)
    return target.getvalue()


def markdown(rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    """The head and the rows below it, then the notes."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    rule = "| " + " | ".join(["---"] * len(rows[0])) + " |"
    return "\n".join([lines[0], rule, *lines[1:], "", *(f"{note}." for note in notes), ""])


def latex(rows: Sequence[Sequence[str]], notes: Sequence[str]) -> str:
    """The same as a tabular; the notes are comments."""
    body = [" & ".join(_escaped(cell) for cell in row) + r" \\" for row in rows]
    columns = "l" + "r" * (len(rows[0]) - 1)
    head = [rf"\begin{{tabular}}{{{columns}}}", r"\hline", body[0], r"\hline"]
    return "\n".join([*(f"% {note}" for note in notes), *head, *body[1:], r"\hline", r"\end{tabular}", ""])


def _escaped(cell: str) -> str:
    for character in ("_", "%", "#", "&"):
        cell = cell.replace(character, "\\" + character)
    return cell
