"""All commands. What they need is imported when they run: `--help` stays fast."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Annotated, Any

import typer

from vadkit.cli import shipped
from vadkit.cli.commands import check as recipes
from vadkit.cli.commands import data
from vadkit.cli.commands import eval as results
from vadkit.cli.commands import plugin as plugins
from vadkit.cli.commands import protocol as protocols
from vadkit.cli.commands import run as running
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

app.add_typer(protocols.app, name="protocol")
app.add_typer(data.app, name="data")
app.add_typer(plugins.app, name="plugin")
app.add_typer(shipped.app, name="recipes")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"vadkit {__version__}")
        raise typer.Exit


app.command()(running.run)
app.command("eval")(results.evaluate)
app.command()(results.figures)
app.command()(running.sweep)
app.command()(running.watch)
app.command()(results.compare)
app.command()(results.bench)
app.command()(recipes.check)
app.command()(recipes.show)
app.command("list", cls=LightCommand)(recipes.list_)
app.command()(recipes.schema)


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
    """Entry point: a problem that the user can mend is one message and exit code 2; a fault shows its traceback, 1."""
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
        if told := blamed(error, Registry.discover()):
            complain(told)
        sys.exit(1)
