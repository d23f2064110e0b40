"""`vadkit eval`, `figures`, `compare` and `bench`: what came of runs, and what they cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli.interrupt import interruptible
from vadkit.cli.options import DataOption, OutFileOption, SetOption, TestTuningOption


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
    from vadkit.cli.commands.eval_request import Request, evaluate

    changes = [*([f"evaluate.protocol={protocol}"] if protocol else []), *(set_ or ())]
    with interruptible("no file is half-written: run it again"):
        evaluate(
            Request(target, changes, data, data_root, labels, normal, dropped, high, out),
            all_protocols=all_protocols,
            allow_test_tuning=allow_test_tuning,
        )


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
    from vadkit.engine import run as stages

    with interruptible("no file is half-written: run it again"):
        folder = stages.draw(run, figure or (), data_root=data_root)
    typer.echo(f"figures: {folder}")


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
    from vadkit.cli.render.compare import renderer
    from vadkit.evaluation.build import COMPARED
    from vadkit.evaluation.compare import compare as judged

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
    from vadkit.cli.progress import terminal_progress
    from vadkit.cli.render.bench import renderer

    render = renderer(form)
    with interruptible("nothing was written"), terminal_progress() as progress:
        from vadkit.engine.bench.bench import bench as measured

        found = measured(
            target, set_ or (), batch=batch, warmup=warmup, repeat=0 if count else repeat, progress=progress
        )
    _put(render(found), out)


def _put(text: str, out: Path | None) -> None:
    """On the terminal, or into a file."""
    if out is None:
        typer.echo(text, nl=False)
        return
    from vadkit.core.files import atomic_write_text

    atomic_write_text(out, text)
    typer.echo(f"written: {out}")
