"""`vadkit check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli import options
from vadkit.core.errors import VadkitError


def check(
    recipe: options.Recipe,
    variant: options.Variant = None,
    set_: options.Set = None,
    build: Annotated[
        bool, typer.Option("--build/--no-build", help="Build it and pass the shapes of a clip through, with torch.")
    ] = True,
    clip: Annotated[
        bool, typer.Option("--clip", help="Pass an empty clip through instead of shapes, as 'vadkit run' does.")
    ] = False,
) -> None:
    """Find all mistakes of a recipe at once, with file, line and column; then parts that do not fit.

    If the file has variants, each one is checked.
    """
    from vadkit.plugin.registry import Registry
    from vadkit.recipe import load
    from vadkit.recipe.variants import family_of

    if clip and not build:
        raise VadkitError("--clip needs the components built", where="--no-build", fix="leave one of them out")
    chosen, overrides, registry = options.variant_of(recipe, variant), set_ or (), Registry.discover()
    each = [chosen / name for name in family_of(chosen).variants] or [chosen]
    for one in each:
        load(one, overrides=overrides, registry=registry)
    for one in each:
        if build:
            _build(one, overrides, clip=clip)
        else:
            typer.echo(f"{one}: no problems found")


def _build(recipe: Path, overrides: Sequence[str], *, clip: bool) -> None:
    """Print the parameters of each stage. If shapes are not enough, check values in a new process."""
    import subprocess

    from vadkit.engine.dry_run import dry_run
    from vadkit.engine.sanity_check import NeedsValuesError

    try:
        stages = dry_run(recipe, overrides=overrides, values=clip)
    except NeedsValuesError:
        again = [sys.executable, "-c", "from vadkit.cli import main; main()", "check", "--clip", str(recipe)]
        done = subprocess.run([*again, *(f"--set={change}" for change in overrides)], check=False)
        if done.returncode:
            raise typer.Exit(done.returncode) from None
        return
    for stage, size in stages.items():
        typer.echo(f"{stage}: {size}")
    typer.echo(f"{recipe}: no problems found")
