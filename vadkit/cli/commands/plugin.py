"""`vadkit plugin`: a new one, which there are, and whether one keeps its contracts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli.commands import plugin_check as conformance
from vadkit.cli.interrupt import interruptible

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Plugins: which there are and what is wrong with them, whether one keeps its contracts, a new one.",
)


@app.command()
def new(
    kind: Annotated[str, typer.Argument(help="What it adds: density, scorer, encoder, ...", show_default=False)],
    name: Annotated[
        str,
        typer.Argument(help="Its name, such as my-kde: of the package, the plugin and the component."),
    ],
    out: Annotated[Path | None, typer.Option(help="Folder to write. Default: ./NAME.")] = None,
) -> None:
    """Write a package with a working component, a recipe that runs it and a test: the beginning of a plugin."""
    from vadkit.cli.scaffold import write_plugin
    from vadkit.plugin.registry import Registry

    with interruptible("nothing was written"):
        folder = write_plugin(kind, name, out or Path(name), Registry.discover())
    typer.echo(f"written: {folder}")
    typer.echo(f"next:    cd {folder} && pip install -e '.[test]' && pytest && vadkit run recipe.yaml")


@app.command("list")
def list_() -> None:
    """List plugins: distribution, version, where from, what they add, and what is wrong with them."""
    from vadkit.cli.render.plugin import print_plugins
    from vadkit.plugin.registry import Registry

    print_plugins(Registry.discover())


app.command()(conformance.check)
