"""`vadkit bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import interruptible


def bench(
    target: Annotated[
        Path, typer.Argument(metavar="RECIPE|RUN", help="A recipe, measured untrained, or a run folder.")
    ],
    set_: options.Set = None,
    batch: Annotated[int, typer.Option(min=1, max=65536, help="Clips in a pass; a live stream gives 1.")] = 1,
    warmup: Annotated[int, typer.Option(min=0, help="Passes before the clock starts.")] = 2,
    repeat: Annotated[int, typer.Option(min=1, help="Timed passes.")] = 10,
    count: Annotated[bool, typer.Option("--count", help="Only count parameters and GFLOPs; time nothing.")] = False,
    form: Annotated[
        str, typer.Option("--format", help="console, csv, markdown, latex or json.", metavar="FORMAT")
    ] = "console",
    out: options.OutFile = None,
) -> None:
    """Measure size and speed of each part on random clips: parameters, GFLOPs, ms, frames/s, memory."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.cli.render.bench import renderer
    from vadkit.cli.render.tables import put

    render = renderer(form)
    with interruptible("nothing was written"), terminal_progress() as progress:
        from vadkit.engine.bench.bench import bench

        found = bench(target, set_ or (), batch=batch, warmup=warmup, repeat=0 if count else repeat, progress=progress)
    put(render(found), out)
