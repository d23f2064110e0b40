"""Ctrl-C, and how a problem is told."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import typer


@contextlib.contextmanager
def interruptible(kept: str) -> Iterator[None]:
    """One message for Ctrl-C; Typer by itself leaves without a word."""
    try:
        yield
    except KeyboardInterrupt:
        complain(f"interrupted; {kept}")
        raise typer.Exit(130) from None


def complain(text: Any) -> None:
    """One error on standard error."""
    typer.secho(f"error: {text}", fg=typer.colors.RED if sys.stderr.isatty() else None, err=True)
