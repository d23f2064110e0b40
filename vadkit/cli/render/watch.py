"""The output of `vadkit watch`: on the terminal and in files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from vadkit.cli.render.tables import comma
from vadkit.core.alarms import Alarm
from vadkit.core.errors import RunFolderError, VadkitError
from vadkit.core.files import explain
from vadkit.live.watch import FrameScore, Watch

if TYPE_CHECKING:
    from vadkit.live.stream import Source


def follow(
    frame_scores: Iterator[FrameScore], watch: Watch, source: Source, *, alarms: Path | None, scores: Path | None
) -> None:
    """Print each begin and end of an alarm; append them to `alarms` (JSON lines), and every score to `scores` (CSV).

    Raises:
        VadkitError: the two files are the same, or a file cannot be written.
    """
    if alarms is not None and scores is not None and alarms.resolve() == scores.resolve():
        raise VadkitError(f"--alarms and --scores both name {alarms}", where="vadkit watch", fix="name two files")
    typer.echo(_head(watch))
    began = datetime.now(UTC) if source.live else None
    frames = raised = 0
    with ExitStack() as files:
        lines = _appended(files, alarms)
        table = _appended(files, scores)
        if table is not None and table.tell() == 0:
            _write(table, "source,frame,seconds,score\n")
        for frame_score in frame_scores:
            frames += 1
            if table is not None:
                row = [source.name, frame_score.frame, f"{frame_score.seconds:.3f}", f"{frame_score.score:.6g}"]
                _write(table, comma([row]))
            for alarm in frame_score.alarms:
                raised += alarm.until is None
                typer.echo(_line(alarm, began))
                if lines is not None:
                    event = {"source": source.name, **_event(alarm, watch.threshold, began)}
                    _write(lines, json.dumps(event) + "\n")
    typer.echo(f"{frames} frames, {raised} alarm{'s' if raised != 1 else ''}")


def _head(watch: Watch) -> str:
    basis = f", from {3600 * watch.hours:.0f} s of held-out normal video" if watch.hours else ""
    tuned = ", TEST-TUNED" if watch.protocol.test_tuned else ""
    return f"alarms at {watch.threshold:.4g}{basis}; protocol {watch.protocol.name}{tuned}"


def _line(alarm: Alarm, began: datetime | None) -> str:
    if alarm.until is None:
        return f"{_when(alarm.seconds, began)}  alarm begins  score {alarm.peak:.3g}"
    lasted = alarm.until - alarm.seconds
    peak = f"peak {alarm.peak:.3g} at {_when(alarm.peak_seconds, began)}"
    return f"{_when(alarm.until, began)}  alarm ends    after {lasted:.1f} s, {peak}"


def _event(alarm: Alarm, threshold: float, began: datetime | None) -> dict[str, object]:
    event: dict[str, object] = {"event": "begin" if alarm.until is None else "end", **asdict(alarm)}
    if began is not None:
        event["time"] = (began + timedelta(seconds=alarm.until or alarm.seconds)).isoformat(timespec="milliseconds")
    return event | {"threshold": threshold}


def _when(seconds: float, began: datetime | None) -> str:
    if began is not None:
        return (began + timedelta(seconds=seconds)).astimezone().isoformat(sep=" ", timespec="seconds")
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes // 60):02}:{int(minutes % 60):02}:{rest:04.1f}"


def _appended(files: ExitStack, path: Path | None) -> TextIO | None:
    if path is None:
        return None
    with _explained(path, "choose another file"):
        return files.enter_context(path.open("a", encoding="utf-8"))


def _write(file: TextIO, text: str) -> None:
    with _explained(Path(file.name), "free some space, or choose another file"):
        file.write(text)
        file.flush()


@contextmanager
def _explained(path: Path, fix: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFolderError(explain(error, path).what, where=str(path), fix=fix) from error
