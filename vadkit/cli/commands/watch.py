"""`vadkit watch`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import interruptible


def watch(
    run: options.RunFolder,
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="A video file, an image folder, a URL (rtsp://...) or a camera (/dev/video0)."
        ),
    ],
    threshold: Annotated[
        float | None, typer.Option(help="Alarm threshold. Default: from held-out normal video.")
    ] = None,
    false_alarms_per_hour: Annotated[
        float | None, typer.Option(help="Rate on normal video that sets the threshold. Default: the protocol's.")
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Frames to score a second. Default: as in training.")] = None,
    retries: Annotated[
        int | None, typer.Option(min=0, help="Attempts to reconnect to a lost stream. Default: no limit.")
    ] = None,
    alarms: Annotated[Path | None, typer.Option(help="Append alarms to this file, as JSON lines.")] = None,
    scores: Annotated[Path | None, typer.Option(help="Append the score of every frame to this file, as CSV.")] = None,
    set_: options.Set = None,
) -> None:
    """Score a video or a live stream with a trained run, and raise alarms."""
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
