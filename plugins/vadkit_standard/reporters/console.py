"""The result as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console as Terminal
from rich.table import Table
from rich.text import Text

from vadkit.api import Event, Reporter, RunResult, join_names
from vadkit_standard.reporters.names import printable

_COLUMNS = 3  # metrics in the table of components; more do not fit a terminal, metrics.json has all


class Console(Reporter):
    """Prints the metrics in percent: of the fused score, of each component alone, and of a random scorer.

    Example:
        >>> result = RunResult("demo", Path("runs/demo"), {"micro_auc": 0.875}, {}, {"name": "itae"}, [])
        >>> Console().report(result, Path())  # doctest: +ELLIPSIS
        <BLANKLINE>
        demo  protocol itae...
    """

    def report(self, result: RunResult, folder: Path) -> None:
        """Print to standard output; the path of the run folder is the last line."""
        terminal = Terminal(highlight=False)
        terminal.print()
        if result.metrics:
            terminal.print(_fused(result))
            terminal.print(_alone(result))
        else:
            terminal.print(_title(result))
            given = "scores" if result.events is None else "scores and events"
            terminal.print(Text(f"no labels: {given} without metrics", style="yellow"))
        for line in _notes(result):
            terminal.print(Text(printable(line), style="dim"))
        for line in _warnings(result):
            terminal.print(Text(printable(line), style="yellow"))
        if folder != Path():  # external scores may have no folder
            # Do not wrap the path, so that it can be copied.
            terminal.print(Text(str(folder)), soft_wrap=True)


def _title(result: RunResult) -> Text:
    protocol = result.protocol
    title = Text(result.name, style="bold")
    title.append(f"  protocol {protocol.get('name', '?')} #{protocol.get('digest', '?')}", style="not bold cyan")
    if protocol.get("test_tuned"):
        title.append("  TEST-TUNED", style="bold red")
    return title


def _fused(result: RunResult) -> Table:
    """Every value of the final score, with its interval and what chance gives."""
    chance: Mapping[str, float] = result.summary.chance
    table = Table(title=_title(result), title_justify="left", header_style="bold")
    table.add_column("fused score")
    for head in ("value", *(["95 % interval"] if result.intervals else []), *(["random scorer"] if chance else [])):
        table.add_column(head, justify="right")
    for index, (metric, value) in enumerate(result.metrics.items()):
        percent = metric not in result.units
        cells = [Text(_cell(value, percent), style="bold")]
        if result.intervals:
            cells.append(Text(_ends(result.intervals.get(metric), percent)))
        if chance:
            cells.append(Text(_cell(chance.get(metric), percent), style="dim"))
        table.add_row(Text(_named(metric, result.units)), *cells, style="bold" if index == 0 else None)
    return table


def _alone(result: RunResult) -> Table:
    """Table of each component alone, for the first few metrics."""
    metrics = list(result.metrics)[:_COLUMNS]
    percent = {metric: metric not in result.units for metric in metrics}
    table = Table(header_style="bold")
    table.add_column("component alone")
    for metric in metrics:
        table.add_column(Text(_named(metric, result.units)), justify="right")
    for name, values in result.components.items():
        table.add_row(Text(name), *(_cell(values.get(metric), percent[metric]) for metric in metrics))
    return table


def _named(metric: str, units: Mapping[str, str]) -> str:
    return f"{metric} {units.get(metric, '%')}".rstrip()


def _ends(interval: tuple[float, float] | None, percent: bool) -> str:
    return " to ".join(_cell(end, percent) for end in interval) if interval else "-"


def _cell(value: float | None, percent: bool) -> str:
    if value is None:
        return "-"
    return f"{100 * value:.2f}" if percent else f"{value:.3f}"


def _notes(result: RunResult) -> list[str]:
    summary, lines = result.summary, list[str]()
    if summary.run and summary.run.tested_on:
        lines.append(f"tested on a data set that the model was not trained on: {_component(summary.run.tested_on)}")
    if summary.frames:
        frames = f"{summary.videos} videos, {summary.frames} frames"
        lines.append(f"{frames}, {summary.abnormal_frames} abnormal" if summary.labelled_frames else frames)
    if summary.coverage_mean and result.protocol.get("stride", 1):
        lines.append(f"windows per frame: at least {summary.coverage_min}, mean {summary.coverage_mean:.1f}")
    if summary.alarm_threshold is not None and summary.normal_hours is not None:
        minutes, videos = f"{60 * summary.normal_hours:.2g}", len(summary.normal_videos)
        lines.append(
            f"alarm threshold {summary.alarm_threshold:.4g}, from {minutes} minutes of held-out normal video "
            f"({videos} {'video' if videos == 1 else 'videos'})"
        )
    lines += [f"{metric}: {basis}" for metric, basis in summary.basis.items()]
    if result.events is not None:
        lines.append(_events(result.events))
    if summary.run and summary.run.stateful:
        lines.append(f"scores depend on the order of frames: {summary.run.stateful}")
    return lines


def _events(events: Sequence[Event]) -> str:
    """How many events there are, and the file that lists them."""
    if not events:
        return "no events: no score of a test video reaches the alarm threshold"
    videos = len({event.video for event in events})
    found = f"{len(events)} {'event' if len(events) == 1 else 'events'}"
    return f"{found} in {videos} test {'video' if videos == 1 else 'videos'}, listed in events.csv"


def _component(written: str | Mapping[str, object]) -> str:
    """A component of the recipe, in one line."""
    if isinstance(written, str):
        return written
    keys = [f"{key} {value}" for key, value in written.items() if key != "use"]
    return f"{written.get('use')} ({', '.join(keys)})" if keys else str(written.get("use"))


def _warnings(result: RunResult) -> list[str]:
    summary = result.summary
    rules = {
        "single_class_videos": "one class only, "
        + ("padded" if result.protocol.get("single_class") == "pad" else "excluded from averages over videos"),
        "unlabelled_videos": "without labels, not evaluated",
        "constant": "constant scores",
    }
    # Without any labels, the list of unlabelled videos is redundant.
    shown = rules if result.metrics else {"constant": rules["constant"]}
    lines = [f"{text}: {join_names(getattr(summary, key))}" for key, text in shown.items() if getattr(summary, key)]
    for split, videos in (summary.run.damaged if summary.run else {}).items():
        lines.append(f"damaged {split} videos, of which the rest was used: {join_names(list(videos))}")
    if result.events is None and summary.run is not None:
        lines.append(
            "no events: without held-out normal video there is no alarm threshold; "
            "run again with --set data.held_out=0.2"
        )
    hours, wanted = summary.normal_hours, result.protocol.get("false_alarms_per_hour", 1)
    if hours == 0:
        lines.append("the frame rate of held-out normal video is unknown, so the threshold allows no false alarm")
    elif hours is not None and hours * wanted < 1:
        lines.append(f"held-out video is too short to show {wanted:g} false alarms an hour: the threshold allows none")
    if summary.frames_without_score:
        rule = result.protocol.get("missing_scores", "?")
        lines.append(f"{summary.frames_without_score} frames without a score; rule: {rule}")
    return lines
