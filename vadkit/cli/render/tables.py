"""Tables for the terminal."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Column, Table

from vadkit.core.errors import VadkitError, join_names

Subject = TypeVar("Subject")


def listing(*heads: Column | str, title: str | None = None) -> Table:
    """An empty table without lines."""
    return Table(
        *heads, title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim"
    )


def numeric(*heads: str) -> list[Column]:
    """Columns for numbers."""
    return [Column(head, justify="right") for head in heads]


def number(value: float | None, form: str = "{}", unit: float = 1) -> str:
    """`value / unit` in this form; "-" for None."""
    return "-" if value is None else form.format(value / unit if unit != 1 else value)


def maker(makers: Mapping[str, Callable[[Subject], str]], form: str) -> Callable[[Subject], str]:
    """The function for a format; a VadkitError if the format is unknown."""
    if form not in makers:
        raise VadkitError(f"unknown format {form!r}", where="--format", fix=f"choose among {join_names(makers)}")
    return makers[form]


def put(text: str, file: Path | None) -> None:
    """Print a text, or write it into a file."""
    if file is None:
        print(text, end="")
        return
    from vadkit.core.files import atomic_write_text

    atomic_write_text(file, text)
    print(f"written: {file}")


def printed(*parts: Table | str) -> str:
    """Tables and lines as text, with the width and the colours of the terminal."""
    target = io.StringIO()
    terminal = Console()
    console = Console(file=target, highlight=False, width=terminal.width, force_terminal=terminal.is_terminal)
    for part in parts:
        console.print(part, markup=False)
    return target.getvalue()


def fits(table: Table) -> bool:
    """Whether the terminal shows the table without folding a cell."""
    console = Console()
    return console.measure(table, options=console.options.update(max_width=10_000)).maximum <= console.width


def room(table: Table) -> int:
    """Columns of the terminal for the cells of a table without outer padding."""
    between = table.padding[1] + table.padding[3] + 1
    return Console().width - between * (len(table.columns) - 1) - 2
