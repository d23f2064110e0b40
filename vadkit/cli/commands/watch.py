"""`vadkit watch`: scores a camera, a stream or a file, and acts on alarms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vadkit.cli import options
from vadkit.cli.interrupt import complain, interruptible
from vadkit.core.errors import VadkitError

if TYPE_CHECKING:
    from vadkit.live.following import Watched
    from vadkit.live.outputs import NamedSink

_ADDRESS = "127.0.0.1:8420"
_EXIT_CODES = {"SIGINT": 130, "SIGTERM": 143}  # of a recording that a signal interrupts, as in a shell
_SOURCES, _ALARMS, _OUTPUTS = "Source", "Alarms", "Outputs"  # groups of options in `--help`

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE", help="A video file, an image folder, a URL (rtsp://...) or a camera (/dev/video0)."
    ),
]


def watch(
    run: options.RunFolder,
    source: Source,
    threshold: Annotated[
        float | None,
        typer.Option(help="Alarm threshold. Default: from held-out normal video.", rich_help_panel=_ALARMS),
    ] = None,
    false_alarms_per_hour: Annotated[
        float | None,
        typer.Option(
            help="Rate on normal video that sets the threshold. Default: the protocol's.", rich_help_panel=_ALARMS
        ),
    ] = None,
    end_threshold: Annotated[
        float | None,
        typer.Option(help="An alarm ends below this score. Default: the alarm threshold.", rich_help_panel=_ALARMS),
    ] = None,
    min_duration: Annotated[
        float, typer.Option(metavar="SECONDS", help="Shorter alarms are not raised.", rich_help_panel=_ALARMS)
    ] = 0.0,
    cool_down: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Time after an alarm in which no other begins.", rich_help_panel=_ALARMS),
    ] = 0.0,
    alarms: Annotated[
        Path | None, typer.Option(help="Append alarms to this file, as JSON lines.", rich_help_panel=_OUTPUTS)
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="Append the score of every frame to this file, as CSV.", rich_help_panel=_OUTPUTS),
    ] = None,
    sink: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SINK",
            help="An output: its name, or '{use: NAME, KEY: VALUE}'. Repeatable. 'vadkit list sink' lists them.",
            rich_help_panel=_OUTPUTS,
        ),
    ] = None,
    sinks: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A YAML file with outputs.", rich_help_panel=_OUTPUTS)
    ] = None,
    ui: Annotated[
        bool, typer.Option("--ui", help=f"Serve a live page at http://{_ADDRESS}.", rich_help_panel=_OUTPUTS)
    ] = False,
    http: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve /healthz and /metrics here, and the page of --ui.",
            rich_help_panel=_OUTPUTS,
        ),
    ] = None,
    picture_size: Annotated[
        int,
        typer.Option(
            min=16,
            max=4096,
            metavar="PIXELS",
            help="Longer side of the pictures that outputs save and show.",
            rich_help_panel=_OUTPUTS,
        ),
    ] = 640,
    summary: Annotated[
        Path | None, typer.Option(help="Write a summary to this file at the end, as JSON.", rich_help_panel=_OUTPUTS)
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second to score. Default: as in training.", rich_help_panel=_SOURCES),
    ] = None,
    retries: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Attempts to connect to a stream that is off or lost. Default: no limit.",
            rich_help_panel=_SOURCES,
        ),
    ] = None,
    rtsp_transport: Annotated[
        str, typer.Option(help="tcp or udp. Over udp, packets may be lost.", rich_help_panel=_SOURCES)
    ] = "tcp",
    threads: options.Threads = None,
    set_: options.Set = None,
) -> None:
    """Score a video or a live stream with a trained run, and act on alarms."""
    from vadkit.cli.progress import terminal_progress
    from vadkit.core.alarms import AlarmRules
    from vadkit.plugin.registry import Registry

    if alarms is not None and scores is not None and alarms.resolve() == scores.resolve():
        raise VadkitError(f"--alarms and --scores both name {alarms}", where="vadkit watch", fix="name two files")
    rules = AlarmRules(end_threshold, min_duration, cool_down)
    registry = Registry.discover()
    short = {"--alarms": ("jsonl", {"file": alarms}), "--scores": ("scores", {"file": scores})}
    chosen = {option: {"use": name, **keys} for option, (name, keys) in short.items() if keys["file"] is not None}
    if ui or http is not None:
        chosen["--http" if http else "--ui"] = {"use": "http", "at": http or _ADDRESS, "page": ui}
    named = _build(sinks, sink or (), chosen, registry)

    with interruptible("what was written is kept"), terminal_progress() as progress:
        from vadkit.live.following import follow
        from vadkit.live.outputs import Outputs
        from vadkit.live.stop import Stop
        from vadkit.live.watch import Watch

        ready = Watch(
            run,
            overrides=set_ or (),
            threshold=threshold,
            false_alarms_per_hour=false_alarms_per_hour,
            rules=rules,
            threads=threads,
            progress=progress,
            registry=registry,
        )
        outputs = Outputs(named, ready.recipe.data.clip, progress.message)
        opened = ready.open(
            source,
            fps=fps,
            retries=retries,
            transport=rtsp_transport,
            picture_size=picture_size if outputs.needs_pictures else 0,
            on_status=outputs.status,
        )
        with Stop() as stop:
            done = follow(ready, opened, outputs, stop)
    _end(done, summary)


def _build(
    file: Path | None, written: Sequence[str], chosen: dict[str, dict[str, Any]], registry: Any
) -> list[NamedSink]:
    """The sinks. The terminal is always one of them."""
    from vadkit.live.outputs import NamedSink
    from vadkit.recipe.build import build
    from vadkit.recipe.sinks import read_sinks

    configs = read_sinks(file, written, chosen, registry)
    if all(config.component.name != "terminal" for config in configs):
        configs = [*read_sinks(None, ["terminal"], {}, registry), *configs]
    return [NamedSink(config.component.name, build(config)) for config in configs]


def _end(done: Watched, summary: Path | None) -> None:
    """Write the summary, and set the exit code.

    A live source usually ends with a signal, so the exit code is 0. A recording is incomplete if a signal interrupts it
    or if an output is incomplete.
    """
    from vadkit.core.files import atomic_write_text

    if summary is not None:
        atomic_write_text(summary, json.dumps(done.as_dict(), indent=2, ensure_ascii=False) + "\n")
    if done.error is not None:
        raise done.error
    live, incomplete = done.summary.source.live, False
    for name, state in done.outputs.items():
        if problem := str(state):
            complain(f"output {name}: {problem}", "warning", typer.colors.YELLOW)
            incomplete = True
    if live:
        return
    if done.stopped_by:
        complain(f"interrupted by {done.stopped_by}; what was written is kept")
        raise typer.Exit(_EXIT_CODES[done.stopped_by])
    if incomplete:
        raise typer.Exit(1)
