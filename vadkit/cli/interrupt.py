"""Messages for Ctrl-C and for errors."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import typer


@contextlib.contextmanager
def interruptible(kept: str) -> Iterator[None]:
    """Turn Ctrl-C into one message and exit code 130; Typer alone prints nothing useful."""
    try:
        yield
    except KeyboardInterrupt:
        complain(f"interrupted; {kept}")
        raise typer.Exit(130) from None


def complain(text: str, kind: str = "error", color: str = typer.colors.RED) -> None:
    """Print an error or warning on standard error."""
    typer.secho(f"{kind}: {text}", fg=color if sys.stderr.isatty() else None, err=True)
