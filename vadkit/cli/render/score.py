"""The summary of `vadkit score`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from vadkit.core.errors import join_names
from vadkit.live.score import Scored


def print_scored(done: Scored, ignored: Sequence[Path], folder: Path) -> None:
    """Print how many videos were scored, skipped and not scored, and where the events are."""
    if ignored:
        typer.echo(f"warning: {_count(len(ignored), 'file')} ignored: {join_names(ignored)}", err=True)
    parts = [f"{_count(done.scored, 'video')} scored"]
    parts += [f"{done.skipped} scored before"] if done.skipped else []
    parts += [f"{len(done.failed)} not scored: {join_names(done.failed)}"] if done.failed else []
    typer.echo("; ".join(parts))
    files, videos, where = f"{folder / 'events.csv'}, {folder / 'report.html'}", done.scored + done.skipped, ""
    if done.all_videos != videos:
        if videos:
            typer.echo(f"{_count(done.events, 'event')} in {_count(videos, 'video')}")
        where = f" in all {_count(done.all_videos, 'video')} of the folder"
    typer.echo(f"{_count(done.all_events, 'event')}{where}: {files}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
