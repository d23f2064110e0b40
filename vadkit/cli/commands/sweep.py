"""`vadkit sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import interruptible


def sweep(
    recipe: options.Recipe,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=A,B,C", help="Values to try: seed=0,1,2. Repeatable: all combinations. Default: the variants."
        ),
    ] = None,
    variant: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A variant to run. Repeatable. Default: all.")
    ] = None,
    set_: options.Set = None,
    data_root: options.DataRoot = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs. Default: runs/NAME-sweep.")] = None,
    reuse: options.Reuse = None,
    allow_test_tuning: options.TestTuning = False,
) -> None:
    """Run the variants of a recipe, or combinations of values. Shared stages run once."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.cli.render.sweep import print_paper, print_trials
    from vadkit.engine.sweep import parse, sweep
    from vadkit.recipe.variants import family_of

    varied = parse(vary or ())
    with interruptible("finished runs are kept: give the same command again"), terminal_progress() as progress:
        trials = sweep(
            recipe,
            varied,
            variants=variant or (),
            out=out,
            data_root=data_root,
            overrides=set_ or (),
            reuse=reuse or (),
            allow_test_tuning=allow_test_tuning,
            progress=progress,
        )
    print_trials(trials)
    print_paper(trials, family_of(recipe).paper)
    typer.echo(f"runs: {trials[0].path.parent}")
