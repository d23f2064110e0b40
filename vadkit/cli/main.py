"""The program `vadkit`. Each command imports what it needs when it runs, so that `--help` stays fast."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Annotated, Any

import typer

from vadkit.cli.commands import data, plugin, protocol, recipes
from vadkit.cli.commands.bench import bench
from vadkit.cli.commands.check import check
from vadkit.cli.commands.compare import compare
from vadkit.cli.commands.eval import evaluate
from vadkit.cli.commands.figures import figures
from vadkit.cli.commands.list import list_
from vadkit.cli.commands.run import run
from vadkit.cli.commands.schema import schema
from vadkit.cli.commands.show import show
from vadkit.cli.commands.sweep import sweep
from vadkit.cli.commands.watch import watch
from vadkit.cli.interrupt import complain
from vadkit.cli.light import LightCommand, LightGroup
from vadkit.core.errors import DeprecatedKeyWarning, VadkitError
from vadkit.core.version import __version__

app = typer.Typer(
    name="vadkit",
    cls=LightGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Find unusual events in video: train on normal video only, score, evaluate, compare.",
    epilog="New here? [bold]vadkit run quickstart[/bold] takes about two minutes and needs no data.",
)

# `--help` lists the commands in this order, then the groups.
app.command()(run)
app.command("eval")(evaluate)
app.command()(compare)
app.command()(figures)
app.command()(sweep)
app.command()(watch)
app.command()(bench)
app.command("list", cls=LightCommand)(list_)
app.command()(check)
app.command()(show)
app.command()(schema)
for group in (recipes, data, plugin, protocol):
    app.add_typer(group.app)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"vadkit {__version__}")
        raise typer.Exit


@cache  # a command may read a recipe several times
def _warn(text: str) -> None:
    typer.secho(f"warning: {text}", fg=typer.colors.YELLOW if sys.stderr.isatty() else None, err=True)


def _show_warning(
    otherwise: Callable[..., None], message: Warning | str, category: type[Warning], *place: Any, **more: Any
) -> None:
    if issubclass(category, DeprecatedKeyWarning):
        _warn(str(message))
    else:
        otherwise(message, category, *place, **more)


def main() -> None:
    """Run the program. A `VadkitError` is one message and its exit code; any other error is a traceback and code 1."""
    warnings.showwarning = partial(_show_warning, warnings.showwarning)
    try:
        app()
    except VadkitError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except Exception as error:
        from vadkit.cli.crash import blamed
        from vadkit.plugin.registry import Registry

        sys.excepthook(type(error), error, error.__traceback__)
        if message := blamed(error, Registry.discover()):
            complain(message)
        sys.exit(1)
