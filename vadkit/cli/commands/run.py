"""`vadkit run`, `sweep` and `watch`: what trains a model, and what puts it to work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli.interrupt import interruptible
from vadkit.cli.options import (
    DataOption,
    RecipeArgument,
    ReuseOption,
    SetOption,
    TestTuningOption,
    VariantOption,
    variant_of,
)


def run(
    recipe: RecipeArgument,
    variant: VariantOption = None,
    set_: SetOption = None,
    data_root: DataOption = None,
    out: Annotated[Path | None, typer.Option(help="Run folder. Default: runs/NAME.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where an earlier run stopped.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run.")] = False,
    reuse: ReuseOption = None,
    cache_limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", help="Keep the frame cache below this, such as 50GB. Default: $VADKIT_CACHE_LIMIT."
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Decode into a temporary folder; keep nothing for later runs.")
    ] = False,
    allow_test_tuning: TestTuningOption = False,
) -> None:
    """Train, fit densities, score, evaluate and report: the whole experiment of a recipe."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.engine import run as engine

    with interruptible("what is finished is kept: go on with --resume"), terminal_progress() as progress:
        done = engine.run(
            variant_of(recipe, variant),
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


def sweep(
    recipe: RecipeArgument,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=A,B,C",
            help="Values to try: seed=0,1,2. Repeatable: all combinations. Needed unless the file has variants.",
            show_default=False,
        ),
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A variant to run. Repeatable. Default: all.", show_default=False),
    ] = None,
    set_: SetOption = None,
    data_root: DataOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs. Default: runs/NAME-sweep.")] = None,
    reuse: ReuseOption = None,
    allow_test_tuning: TestTuningOption = False,
) -> None:
    """Run the variants of a recipe, or a recipe with values varied; what they share is trained and scored once."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.cli.render.sweep import print_paper, print_trials
    from vadkit.engine.sweep import parse
    from vadkit.engine.sweep import sweep as swept
    from vadkit.recipe.variants import family_of

    varied = parse(vary or ())
    with interruptible("finished runs are kept: give the same command again"), terminal_progress() as progress:
        trials = swept(
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


def watch(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)],
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A video file, a folder of images, a URL (rtsp://...), a camera (/dev/video0).",
            show_default=False,
        ),
    ],
    threshold: Annotated[
        float | None, typer.Option(help="Raise alarms at this score. Default: as held-out normal video says.")
    ] = None,
    false_alarms_per_hour: Annotated[
        float | None, typer.Option(help="Rate on normal video that sets the threshold. Default: the protocol's.")
    ] = None,
    fps: Annotated[
        float | None, typer.Option(help="Frames to take a second. Default: as many as training video had.")
    ] = None,
    retries: Annotated[
        int | None,
        typer.Option(min=0, help="Tries in a row to connect to a lost stream again. Default: without end."),
    ] = None,
    alarms: Annotated[Path | None, typer.Option(help="Append alarms to this file, as JSON lines.")] = None,
    scores: Annotated[Path | None, typer.Option(help="Append every frame's score to this file, as CSV.")] = None,
    set_: SetOption = None,
) -> None:
    """Look at video as it comes with a trained run, and raise alarms."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.cli.render.watch import follow
    from vadkit.live.watch import Watch

    with interruptible("what was written is kept"), terminal_progress() as progress:
        ready = Watch(
            run,
            overrides=set_ or (),
            threshold=threshold,
            false_alarms_per_hour=false_alarms_per_hour,
            progress=progress,
        )
        opened = ready.open(source, fps=fps, retries=retries)
        follow(ready.run(opened), ready, opened, alarms=alarms, scores=scores)
