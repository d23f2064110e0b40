"""`vadkit figures`."""

from __future__ import annotations

from typing import Annotated

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import interruptible


def figures(
    run: options.RunFolder,
    figure: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="A reporter that draws: figures, histograms, weight_curve, error_maps, worst_frames, ... Repeatable. "
            "Default: those of the run's recipe.",
        ),
    ] = None,
    data_root: options.DataRoot = None,
) -> None:
    """Draw figures of a finished run. Only figures that show frames need the videos."""
    from vadkit.evaluation.reporting import draw

    with interruptible("no file is half-written: run it again"):
        folder = draw(run, figure or (), data_root=data_root)
    typer.echo(f"figures: {folder}")
