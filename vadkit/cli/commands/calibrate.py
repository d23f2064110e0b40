"""`vadkit calibrate`: scales and threshold for another camera."""

from pathlib import Path
from typing import Annotated

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import interruptible


def calibrate(
    run: options.RunFolder,
    videos: options.Videos = None,
    lists: options.VideoLists = None,
    out: Annotated[
        Path | None, typer.Option(help="The new run folder. Default: the run's name with '-calibrated'.")
    ] = None,
    fps: options.SourceRate = None,
    threads: options.Threads = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an earlier run folder.")] = False,
) -> None:
    """Set scales and alarm threshold for another camera, from its normal videos. Nothing is trained."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.live.videos import find_videos
    from vadkit.store.run_folder import RunFolder

    target = out or run.with_name(f"{run.resolve().name}-calibrated")
    with interruptible("nothing was written"), terminal_progress() as progress:
        RunFolder(run).require_run()
        found = find_videos(videos or (), lists or (), command="vadkit calibrate")
        from vadkit.live.calibrate import calibrate_run

        done = calibrate_run(
            run,
            found.videos,
            target,
            fps=fps,
            overwrite=overwrite,
            threads=threads,
            progress=progress,
        )
    minutes = 60 * done.hours
    basis = f"{minutes:.1f} minutes of {len(done.videos)} videos" if minutes else f"{len(done.videos)} videos"
    typer.echo(f"alarm threshold {done.threshold:.4g}, from {basis}")
    if minutes and done.false_alarms_per_hour * done.hours < 1:
        rate = f"a rate of {done.false_alarms_per_hour:g} per hour"
        typer.echo(f"these videos are too short to show {rate}: no alarm is allowed in them")
    typer.echo(f"run folder: {target}")
