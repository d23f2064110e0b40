"""The commands of `vadkit`. Each imports what it needs when it runs, so that `--help` stays fast."""

from typing import Annotated

import typer

from vadkit.cli.commands import calibrate, data, export, plugin, protocol, recipes, results, runs, watch
from vadkit.cli.light import LightGroup
from vadkit.core.version import __version__

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
app.command("list")(plugin.list_components)
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
