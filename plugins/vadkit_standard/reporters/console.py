"""The result as a table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console as Terminal
from rich.table import Table
from rich.text import Text

from vadkit.api import Reporter, RunResult, join_names
from vadkit_standard.reporters.names import printable

_COLUMNS = 3  # of the table of components: more do not fit a terminal; metrics.json has all


class Console(Reporter):
    """Prints the metrics in percent: the fused score, each component alone, and a random scorer."""

    def report(self, result: RunResult, folder: Path) -> None:
        """Print to standard output; the run folder comes last."""
        terminal = Terminal(highlight=False)
        terminal.print()
        if result.metrics:
            terminal.print(_fused(result))
            terminal.print(_alone(result))
        else:
            terminal.print(_title(result))
            terminal.print(Text("no labels: scores only, nothing measured", style="yellow"))
        for line in _facts(result):
            terminal.print(Text(printable(line), style="dim"))
        for line in _warnings(result):
            terminal.print(Text(printable(line), style="yellow"))
        if folder != Path():  # scores of others need not have a folder
            # A path broken over two lines cannot be copied.
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
    chance: Mapping[str, float] = result.facts.get("chance", {})
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
    """Each component by itself, by the first few metrics."""
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


def _facts(result: RunResult) -> list[str]:
    facts, lines = result.facts, list[str]()
    if elsewhere := facts.get("manifest", {}).get("tested on"):
        lines.append(f"tested on another data set than trained on: {_chosen(elsewhere)}")
    if "frames" in facts:
        frames = f"{facts.get('videos', '?')} videos, {facts['frames']} frames"
        lines.append(f"{frames}, {facts['abnormal_frames']} abnormal" if facts.get("labelled_frames") else frames)
    if "coverage_min" in facts and result.protocol.get("stride", 1):
        lines.append(f"windows a frame: at least {facts['coverage_min']}, mean {facts['coverage_mean']:.1f}")
    if "alarm_threshold" in facts:
        on = f"{60 * facts['normal_hours']:.2g} minutes of held-out normal video ({len(facts['normal_videos'])})"
        lines.append(f"alarm threshold {facts['alarm_threshold']:.4g}, set on {on}")
    if why := facts.get("manifest", {}).get("stateful"):
        lines.append(f"scores depend on the order of frames: {why}")
    return lines


def _chosen(written: str | Mapping[str, object]) -> str:
    """A component as a recipe has it, in a line."""
    if isinstance(written, str):
        return written
    keys = [f"{key} {value}" for key, value in written.items() if key != "use"]
    return f"{written.get('use')} ({', '.join(keys)})" if keys else str(written.get("use"))


def _warnings(result: RunResult) -> list[str]:
    facts = result.facts
    rules = {
        "single_class_videos": "one class only, "
        + ("padded" if result.protocol.get("single_class") == "pad" else "left out of averages over videos"),
        "unlabelled_videos": "without labels, not measured",
        "constant": "constant scores",
    }
    # Without any label at all, a list of the videos that have none says nothing new.
    shown = rules if result.metrics else {"constant": rules["constant"]}
    lines = [f"{text}: {join_names(facts[key])}" for key, text in shown.items() if facts.get(key)]
    for split, videos in (facts.get("manifest", {}).get("damaged") or {}).items():
        lines.append(f"damaged {split} videos, of which the rest was used: {join_names(list(videos))}")
    hours, wanted = facts.get("normal_hours"), result.protocol.get("false_alarms_per_hour", 1)
    if hours == 0:
        lines.append("the frame rate of held-out normal video is unknown: the threshold allows no false alarm at all")
    elif hours is not None and hours * wanted < 1:
        lines.append(f"held-out video is too short to show {wanted:g} false alarms an hour: the threshold allows none")
    if facts.get("frames_without_score"):
        rule = result.protocol.get("missing_scores", "?")
        lines.append(f"{facts['frames_without_score']} frames without a score of their own; rule: {rule}")
    return lines
