"""`vadkit check`, `show`, `list` and `schema`: what a recipe says, and what it can say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli.options import RecipeArgument, SetOption
from vadkit.core.errors import VadkitError


def check(
    recipe: RecipeArgument,
    set_: SetOption = None,
    build: Annotated[
        bool,
        typer.Option(
            "--build/--no-build", help="Build it and pass the shapes of a clip through; without, torch is not imported."
        ),
    ] = True,
    clip: Annotated[
        bool, typer.Option("--clip", help="Pass an empty clip through in place of shapes, as 'vadkit run' does.")
    ] = False,
) -> None:
    """Say everything that is wrong with a recipe, at once, with file, line and column; then what does not fit."""
    from vadkit.plugin.registry import Registry
    from vadkit.recipe import load

    if clip and not build:
        raise VadkitError("--clip needs the recipe built", where="--no-build", fix="leave one of them out")
    load(recipe, overrides=set_ or (), registry=Registry.discover())
    if build:
        for stage, count in _built(recipe, set_ or (), clip=clip).items():
            typer.echo(f"{stage}: {count / 1e6:.2f} M parameters")
    typer.echo(f"{recipe}: no problems found")


def _built(recipe: Path, overrides: Sequence[str], *, clip: bool) -> Mapping[str, int]:
    """Parameters of each stage; where shapes alone do not pass, a process that has seen none of them decides."""
    from vadkit.engine.run import dry_run
    from vadkit.engine.sanity_check import NeedsValuesError

    try:
        return dry_run(recipe, overrides=overrides, values=clip)
    except NeedsValuesError:
        again = [sys.executable, "-c", "from vadkit.cli import main; main()", "check", "--clip", str(recipe)]
        done = subprocess.run([*again, *(f"--set={change}" for change in overrides)], check=False)
        raise typer.Exit(done.returncode) from None


def show(recipe: RecipeArgument, set_: SetOption = None) -> None:
    """Print a recipe with its parents merged in, and where each value came from."""
    from vadkit.plugin.registry import Registry
    from vadkit.recipe import load
    from vadkit.recipe.merge import resolve
    from vadkit.recipe.show import render

    typer.echo(render(resolve(recipe, set_ or ())))
    load(recipe, overrides=set_ or (), registry=Registry.discover())


def list_(
    name: Annotated[
        str | None,
        typer.Argument(help="A kind (encoder), a component (glow) or both (encoder/itae). Default: everything."),
    ] = None,
) -> None:
    """List kinds and components, where each comes from, and plugins that failed to load."""
    from vadkit.cli.render.list import print_listing
    from vadkit.plugin.registry import Registry

    print_listing(Registry.discover(), name)


def schema() -> None:
    """Print a JSON Schema of recipes, so that editors complete them."""
    import json

    from vadkit.plugin.registry import Registry
    from vadkit.recipe.schema import json_schema

    typer.echo(json.dumps(json_schema(Registry.discover()), indent=2))
