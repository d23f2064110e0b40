"""`vadkit run`, `sweep`, `score` and `bench`: commands that use torch."""

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import interruptible
from vadkit.core.errors import VadkitError

Start = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Clock time of the video's first frame. Default: the time in the file."),
]
Table = Annotated[bool, typer.Option("--table", help="Also write videos.parquet, a table of all videos.")]
Ray = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Score on a Ray cluster: its address, auto, or local for new workers."),
]
Runtimes = Annotated[
    str | None,
    typer.Option(metavar="FORMATS", help="Also time exported models: onnx, openvino, torch, or 'onnx,openvino'."),
]


def run(
    recipe: options.Recipe,
    variant: options.Variant = None,
    set_: options.Set = None,
    data_root: options.DataRoot = None,
    out: Annotated[Path | None, typer.Option(help="Run folder. Default: runs/NAME.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run.")] = False,
    reuse: options.Reuse = None,
    warm_start: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Start training from the weights of this run.")
    ] = None,
    cache_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Limit of the frame cache: 50GB. Default: $VADKIT_CACHE_LIMIT.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Keep no decoded frames for later runs.")] = False,
    form: options.ScoreFormat = "csv",
    annotate: options.Annotate = False,
    allow_test_tuning: options.TestTuning = False,
    threads: options.Threads = None,
    devices: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes on this machine. Default: engine.devices.")
    ] = None,
    num_nodes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Machines. Default: engine.num_nodes.")
    ] = None,
) -> None:
    """Train, fit densities, score, evaluate and report: the complete experiment of a recipe."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.engine.launch import is_first_process, launch
    from vadkit.engine.run import run
    from vadkit.model.training.processes import NotStartedError

    engine = {"devices": devices, "num_nodes": num_nodes}
    changes = [
        *options.run_overrides(set_, threads),
        *(f"engine.{key}={count}" for key, count in engine.items() if count is not None),
    ]
    try:
        with interruptible("the work so far is kept: continue with --resume"), terminal_progress() as progress:
            done = run(
                options.variant_of(recipe, variant),
                out=out,
                data_root=data_root,
                overrides=changes,
                resume=resume,
                overwrite=overwrite,
                reuse=reuse or (),
                warm_start=warm_start,
                allow_test_tuning=allow_test_tuning,
                keep_cache=not no_cache,
                cache_limit=cache_limit,
                form=form,
                annotate=annotate,
                progress=progress,
            )
    except NotStartedError as error:
        raise typer.Exit(launch(error.engine)) from None
    if not is_first_process():
        return
    typer.echo(f"run folder: {done.path}")
    if (page := done.path / "report.html").is_file():
        typer.echo(f"open in a browser: {page}")


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
    threads: options.Threads = None,
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
            overrides=options.run_overrides(set_, threads),
            reuse=reuse or (),
            allow_test_tuning=allow_test_tuning,
            progress=progress,
        )
    print_trials(trials)
    print_paper(trials, family_of(recipe).paper)
    typer.echo(f"runs: {trials[0].path.parent}")


def score(
    run: options.RunFolder,
    videos: options.Videos = None,
    lists: options.VideoLists = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the results. Default: RUN/scored.")] = None,
    form: options.ScoreFormat = "csv",
    annotate: options.Annotate = False,
    start: Start = None,
    threshold: options.Threshold = None,
    false_alarms_per_hour: options.AlarmRate = None,
    fps: options.SourceRate = None,
    threads: options.Threads = None,
    table: Table = False,
    ray: Ray = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Workers of --ray local. Default: one for each core.")
    ] = None,
    set_: options.Set = None,
) -> None:
    """Score video files with a trained run, and list their events. To continue, run it again."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.cli.render.score import print_scored
    from vadkit.evaluation.reporting import refuse_run
    from vadkit.live.videos import find_videos
    from vadkit.store.run_folder import RunFolder

    folder = out or run / "scored"
    with interruptible("finished videos are kept: give the same command again"), terminal_progress() as progress:
        RunFolder(run).require_run()
        refuse_run(folder)
        found = find_videos(videos or (), lists or ())
        from vadkit.live.fleet import LOCAL, Fleet
        from vadkit.live.score import Settings, score_videos, start_of
        from vadkit.live.score_report import write_score_report
        from vadkit.live.score_table import check_table
        from vadkit.live.watch import Watch
        from vadkit.store.frame_scores import check_format

        check_format(form)
        if table:
            check_table()
        if workers is not None and ray != LOCAL:
            raise VadkitError("--workers is for new workers on this machine", fix="add --ray local")
        settings = Settings(form, fps, annotate, start_of(start, found.videos), table)
        chosen = {
            "overrides": tuple(set_ or ()),
            "threads": threads,
            "threshold": threshold,
            "false_alarms_per_hour": false_alarms_per_hour,
        }
        with RunFolder(folder).locked():
            ready = Watch(run, progress=progress, **chosen)
            fleet = Fleet(ray, run, chosen, folder, settings, workers) if ray is not None else None
            done = score_videos(ready, found.videos, folder, settings, progress, fleet.scored if fleet else None)
            write_score_report(ready, folder, done)
    print_scored(done, found.ignored, folder)
    if done.failed:
        raise typer.Exit(1)


def bench(
    target: Annotated[
        Path, typer.Argument(metavar="RECIPE|RUN", help="A recipe, measured untrained, or a run folder.")
    ],
    set_: options.Set = None,
    batch: Annotated[int, typer.Option(min=1, max=65536, help="Clips in a pass; a live stream gives 1.")] = 1,
    warmup: Annotated[int, typer.Option(min=0, help="Passes before the clock starts.")] = 2,
    repeat: Annotated[int, typer.Option(min=1, help="Timed passes.")] = 10,
    count: Annotated[bool, typer.Option("--count", help="Only count parameters and GFLOPs; time nothing.")] = False,
    export: Runtimes = None,
    form: Annotated[
        str, typer.Option("--format", help="console, csv, markdown, latex or json.", metavar="FORMAT")
    ] = "console",
    out: options.OutFile = None,
    threads: options.Threads = None,
) -> None:
    """Measure size and speed of each part on random clips: parameters, GFLOPs, ms, frames/s, memory."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.cli.render.bench import renderer
    from vadkit.cli.render.tables import put

    render = renderer(form)
    if count and export:
        raise VadkitError("--count times nothing, so --export has no use", fix="leave out one of them")
    with interruptible("nothing was written"), terminal_progress() as progress:
        from vadkit.engine.bench.bench import bench

        found = bench(
            target,
            options.run_overrides(set_, threads),
            batch=batch,
            warmup=warmup,
            repeat=0 if count else repeat,
            export=[name.strip() for name in export.split(",")] if export else (),
            progress=progress,
        )
    put(render(found), out)
