"""Commands and their options. What they need is imported when they run: `--help` stays fast."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vadkit import __version__
from vadkit.cli import data, plugins, protocols
from vadkit.cli.interrupt import complain, interruptible
from vadkit.errors import VadkitError

app = typer.Typer(
    name="vadkit",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    help="Find unusual events in video: train on normal video only, score, evaluate, compare.",
    epilog="New here? [bold]vadkit run recipes/quickstart.yaml[/bold] takes about two minutes and needs no data.",
)

app.add_typer(protocols.app, name="protocol")
app.add_typer(data.app, name="data")
app.add_typer(plugins.app, name="plugin")

RecipeArgument = Annotated[Path, typer.Argument(help="A recipe, a YAML file.", show_default=False)]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Change a value of the recipe: fuse.likelihood.weight=0.5. Repeatable."
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option("--data-root", help="The data set's folder, or the one that holds it. Default: $VADKIT_DATA."),
]
OutFileOption = Annotated[Path | None, typer.Option(help="Write into this file instead.")]
ReuseOption = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="RUN", help="Take over what this run has trained and scored alike. Repeatable.", show_default=False
    ),
]
TestTuningOption = Annotated[
    bool,
    typer.Option(
        "--allow-test-tuning",
        help="Accept what was chosen with test labels; the result is marked test-tuned wherever it appears.",
    ),
]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(f"vadkit {__version__}")
        raise typer.Exit


@app.command()
def run(
    recipe: RecipeArgument,
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
    from vadkit import stages
    from vadkit.cli.progress import progress

    with interruptible("what is finished is kept: go on with --resume"), progress() as monitor:
        done = stages.run(
            recipe,
            out=out,
            data_root=data_root,
            overrides=set_ or (),
            resume=resume,
            overwrite=overwrite,
            reuse=reuse or (),
            allow_test_tuning=allow_test_tuning,
            keep_cache=not no_cache,
            cache_limit=cache_limit,
            monitor=monitor,
        )
    typer.echo(f"run folder: {done.path}")


@app.command("eval")
def evaluate(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|SCORES", help="A run folder, or scores of any method: a file or a folder.", show_default=False
        ),
    ],
    set_: SetOption = None,
    protocol: Annotated[
        str | None, typer.Option(help="A preset, such as ffp or deployable; 'vadkit protocol show' lists them.")
    ] = None,
    all_protocols: Annotated[
        bool, typer.Option("--all-protocols", help="One table: these scores under every preset, side by side.")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(help="SCORES: the data set whose labels count: avenue, or '{use: avenue, labels: masks}'."),
    ] = None,
    data_root: DataOption = None,
    labels: Annotated[Path | None, typer.Option(help="SCORES: a label file or folder, in place of --data.")] = None,
    normal: Annotated[
        Path | None, typer.Option(help="SCORES: scores of held-out normal videos, for thresholds and scales.")
    ] = None,
    dropped: Annotated[
        str, typer.Option(metavar="A:B", help="SCORES: each video's first A and last B frames have no score.")
    ] = "0:0",
    high: Annotated[str, typer.Option(help="SCORES: what a high score means, abnormal or normal (PSNR).")] = "abnormal",
    out: Annotated[
        Path | None, typer.Option(help="Write metrics.json and figures into this folder; a RUN stays as it is.")
    ] = None,
    allow_test_tuning: TestTuningOption = False,
) -> None:
    """Judge a run again, or anybody's scores: other protocol, weights, transforms or metrics, in seconds."""
    from vadkit.cli.evaluation import Request, evaluate

    changes = [*([f"evaluate.protocol={protocol}"] if protocol else []), *(set_ or ())]
    with interruptible("no file is half-written: run it again"):
        evaluate(
            Request(target, changes, data, data_root, labels, normal, dropped, high, out),
            all_protocols=all_protocols,
            allow_test_tuning=allow_test_tuning,
        )


@app.command()
def figures(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)],
    figure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A reporter that draws: figures, histograms, weight_curve, error_maps, worst_frames, ... Repeatable. "
            "Default: those of the run's recipe.",
        ),
    ] = None,
    data_root: DataOption = None,
) -> None:
    """Draw figures of a finished run; the videos are needed only for those that show frames."""
    from vadkit import stages

    with interruptible("no file is half-written: run it again"):
        folder = stages.draw(run, figure or (), data_root=data_root)
    typer.echo(f"figures: {folder}")


@app.command()
def sweep(
    recipe: RecipeArgument,
    vary: Annotated[
        list[str],
        typer.Option(
            metavar="KEY=A,B,C", help="Values to try: seed=0,1,2. Repeatable: all combinations.", show_default=False
        ),
    ],
    set_: SetOption = None,
    data_root: DataOption = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the runs. Default: runs/NAME-sweep.")] = None,
    reuse: ReuseOption = None,
    allow_test_tuning: TestTuningOption = False,
) -> None:
    """Run a recipe with values varied; what they do not change is trained and scored once."""
    from vadkit.cli.progress import progress
    from vadkit.cli.sweeping import print_trials
    from vadkit.sweep import parse
    from vadkit.sweep import sweep as swept

    varied = parse(vary)
    with interruptible("finished runs are kept: give the same command again"), progress() as monitor:
        trials = swept(
            recipe,
            varied,
            out=out,
            data_root=data_root,
            overrides=set_ or (),
            reuse=reuse or (),
            allow_test_tuning=allow_test_tuning,
            monitor=monitor,
        )
    print_trials(trials)
    typer.echo(f"runs: {trials[0].path.parent}")


@app.command()
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
    from vadkit.cli.progress import progress
    from vadkit.cli.watching import follow
    from vadkit.watch import Watch

    with interruptible("what was written is kept"), progress() as monitor:
        ready = Watch(
            run,
            overrides=set_ or (),
            threshold=threshold,
            false_alarms_per_hour=false_alarms_per_hour,
            monitor=monitor,
        )
        opened = ready.open(source, fps=fps, retries=retries)
        follow(ready.seen(opened), ready, opened, alarms=alarms, scores=scores)


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders.", show_default=False)],
    metric: Annotated[
        list[str] | None, typer.Option(help="A metric by name; repeatable. Default: AUCs, EER, AP.")
    ] = None,
    protocol: Annotated[str | None, typer.Option(help="Judge all runs under this preset.")] = None,
    set_: SetOption = None,
    any_protocol: Annotated[
        bool, typer.Option("--any-protocol", help="Put numbers of different protocols side by side, unranked.")
    ] = False,
    form: Annotated[
        str, typer.Option("--format", help="console, csv, markdown or latex.", metavar="FORMAT")
    ] = "console",
    out: OutFileOption = None,
    allow_test_tuning: TestTuningOption = False,
) -> None:
    """Put runs side by side: metrics with intervals, which differences are more than chance, cost."""
    from vadkit.cli.comparison import renderer
    from vadkit.compare import compare as judged
    from vadkit.planning import COMPARED

    render = renderer(form)
    changes = [*([f"evaluate.protocol={protocol}"] if protocol else []), *(set_ or ())]
    with interruptible("nothing was written"):
        found = judged(
            runs,
            metrics=metric or COMPARED,
            overrides=changes,
            any_protocol=any_protocol,
            allow_test_tuning=allow_test_tuning,
        )
    _put(render(found), out)


@app.command()
def bench(
    target: Annotated[
        Path,
        typer.Argument(metavar="RECIPE|RUN", help="A recipe, measured untrained, or a run folder.", show_default=False),
    ],
    set_: SetOption = None,
    batch: Annotated[
        int, typer.Option(min=1, max=65536, help="Clips of one pass; 1 is what a live stream can give.")
    ] = 1,
    warmup: Annotated[int, typer.Option(min=0, help="Passes before the clock starts.")] = 2,
    repeat: Annotated[int, typer.Option(min=1, help="Passes that are timed.")] = 10,
    count: Annotated[bool, typer.Option("--count", help="Parameters and GFLOPs alone: time nothing.")] = False,
    form: Annotated[
        str, typer.Option("--format", help="console, csv, markdown, latex or json.", metavar="FORMAT")
    ] = "console",
    out: OutFileOption = None,
) -> None:
    """Measure size and speed, part by part, on random clips: parameters, GFLOPs, ms, frames/s, memory."""
    from vadkit.cli.benching import renderer
    from vadkit.cli.progress import progress

    render = renderer(form)
    with interruptible("nothing was written"), progress() as monitor:
        from vadkit.bench import bench as measured

        found = measured(target, set_ or (), batch=batch, warmup=warmup, repeat=0 if count else repeat, monitor=monitor)
    _put(render(found), out)


@app.command()
def check(
    recipe: RecipeArgument,
    set_: SetOption = None,
    build: Annotated[
        bool,
        typer.Option(
            "--build/--no-build", help="Build it and pass the shapes of a clip through; without, torch is not imported."
        ),
    ] = True,
) -> None:
    """Say everything that is wrong with a recipe, at once, with file, line and column; then what does not fit."""
    from vadkit.recipe import load
    from vadkit.registry import Registry

    load(recipe, overrides=set_ or (), registry=Registry.discover())
    if build:
        from vadkit.stages import rehearse

        for stage, count in rehearse(recipe, overrides=set_ or ()).items():
            typer.echo(f"{stage}: {count / 1e6:.2f} M parameters")
    typer.echo(f"{recipe}: no problems found")


@app.command()
def show(recipe: RecipeArgument, set_: SetOption = None) -> None:
    """Print a recipe with its parents merged in, and where each value came from."""
    from vadkit.recipe import load
    from vadkit.recipe.merge import resolve
    from vadkit.recipe.show import render
    from vadkit.registry import Registry

    typer.echo(render(resolve(recipe, set_ or ())))
    load(recipe, overrides=set_ or (), registry=Registry.discover())


@app.command("list")
def list_(
    name: Annotated[
        str | None,
        typer.Argument(help="A kind (encoder), a component (glow) or both (encoder/itae). Default: everything."),
    ] = None,
) -> None:
    """List kinds and components, where each comes from, and plugins that failed to load."""
    from vadkit.cli.listing import print_listing
    from vadkit.registry import Registry

    print_listing(Registry.discover(), name)


@app.command()
def schema() -> None:
    """Print a JSON Schema of recipes, so that editors complete them."""
    import json

    from vadkit.recipe.schema import json_schema
    from vadkit.registry import Registry

    typer.echo(json.dumps(json_schema(Registry.discover()), indent=2))


def _put(text: str, out: Path | None) -> None:
    """On the terminal, or into a file."""
    if out is None:
        typer.echo(text, nl=False)
        return
    from vadkit.files import write_text

    write_text(out, text)
    typer.echo(f"written: {out}")


def main() -> None:
    """Entry point: a problem that the user can mend is one message and exit code 2; a fault shows its traceback, 1."""
    try:
        app()
    except VadkitError as error:
        complain(str(error))
        sys.exit(error.exit_code)
    except Exception as error:
        from vadkit.cli.crash import blamed
        from vadkit.registry import Registry

        sys.excepthook(type(error), error, error.__traceback__)
        if told := blamed(error, Registry.discover()):
            complain(told)
        sys.exit(1)
