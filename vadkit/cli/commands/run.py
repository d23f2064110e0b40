"""`vadkit run`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import interruptible


def run(
    recipe: options.Recipe,
    variant: options.Variant = None,
    set_: options.Set = None,
    data_root: options.DataRoot = None,
    out: Annotated[Path | None, typer.Option(help="Run folder. Default: runs/NAME.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run.")] = False,
    reuse: options.Reuse = None,
    cache_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Limit of the frame cache: 50GB. Default: $VADKIT_CACHE_LIMIT.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Keep no decoded frames for later runs.")] = False,
    allow_test_tuning: options.TestTuning = False,
) -> None:
    """Train, fit densities, score, evaluate and report: the complete experiment of a recipe."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.engine.run import run

    with interruptible("finished stages are kept: continue with --resume"), terminal_progress() as progress:
        done = run(
            options.variant_of(recipe, variant),
            out=out,
            data_root=data_root,
            overrides=set_ or (),
            resume=resume,
            overwrite=overwrite,
            reuse=reuse or (),
            allow_test_tuning=allow_test_tuning,
            keep_cache=not no_cache,
            cache_limit=cache_limit,
            progress=progress,
        )
    typer.echo(f"run folder: {done.path}")
