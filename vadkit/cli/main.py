"""The program `vadkit`. Each command imports what it needs when it runs, so that `--help` stays fast."""

import sys
import warnings
from collections.abc import Callable
from functools import cache, partial
from typing import Annotated, Any

import typer

from vadkit.cli.commands import calibrate, data, export, plugin, protocol, recipes, results, runs, watch
from vadkit.cli.interrupt import complain
from vadkit.cli.light import LightCommand, LightGroup
from vadkit.core.errors import DeprecatedKeyWarning, VadkitError
from vadkit.core.version import __version__
from vadkit.core.waiting import wait_passively

app = typer.Typer(
    name="vadkit",
    cls=LightGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Find unusual events in video: train on normal video only, score, evaluate, compare.",
    epilog="New here? [bold]vadkit run quickstart[/bold] takes a few minutes and needs no data.",
)

# `--help` lists the commands in this order, then the groups.
app.command()(runs.run)
app.command("eval")(results.evaluate)
app.command()(results.compare)
app.command()(results.figures)
app.command()(runs.sweep)
app.command()(runs.score)
app.command()(watch.watch)
app.command()(calibrate.calibrate)
app.command()(export.export)
app.command()(runs.bench)
app.command("list", cls=LightCommand)(plugin.list_components)
app.command()(recipes.check)
app.command()(recipes.show)
app.command()(recipes.schema)
for group in (recipes, data, plugin, protocol):
    app.add_typer(group.app)


@app.callback(invoke_without_command=True)
def _root(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"vadkit {__version__}")
        raise typer.Exit


# A command may read a recipe several times.
_warn = cache(partial(complain, kind="warning", color=typer.colors.YELLOW))


def _show_warning(
    otherwise: Callable[..., None], message: Warning | str, category: type[Warning], *place: Any, **more: Any
) -> None:
    if issubclass(category, DeprecatedKeyWarning):
        _warn(str(message))
    else:
        otherwise(message, category, *place, **more)


def main() -> None:
    """Run the program. A `VadkitError` is one message and its exit code; any other error is a traceback and code 1."""
    wait_passively()
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
