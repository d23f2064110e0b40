"""A check of a data set, printed: findings, then counts."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vadkit.data.tools.report import Finding, Report, Row

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_MOST = 8  # places named where one thing is wrong with many


def print_report(report: Report) -> None:
    """All findings, those that are alike together, then one row of counts a split."""
    console = Console(highlight=False)
    for group in _alike(report.findings):
        for finding in group[:_MOST]:
            head = (f"{finding.severity}: ", _STYLES[finding.severity])
            # The terminal wraps: a path stays one that can be copied.
            console.print(Text.assemble(head, (finding.where, "bold"), f": {finding.what}"), soft_wrap=True)
        if len(group) > _MOST:
            console.print(Text(f"and {len(group) - _MOST} more like these"), soft_wrap=True)
        if group[0].fix:
            console.print(Text(f"  -> {group[0].fix}", style="dim"), soft_wrap=True)
    if report.findings:
        console.print()
    console.print(_table(report))
    counts = [f"{n} {word}{'s' * (n != 1)}" for word in _STYLES if (n := report.count(word))]  # pyright: ignore
    how = "every frame was decoded" if report.decoded else "headers alone were read (--no-decode)"
    if not any(row.videos for row in report.rows):
        how = "there is no video to read"
    console.print(
        Text(f"{report.name}: {', '.join(counts) or 'nothing to remark'}; {how}", style="bold"), soft_wrap=True
    )


def _alike(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one severity, topic and fix, in the order of the first."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        alone = () if finding.fix else (finding.where, finding.what)
        groups.setdefault((finding.severity, finding.topic, finding.fix or str(alone)), []).append(finding)
    return list(groups.values())


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("split")
    for head in ("videos", "frames", "abnormal"):
        table.add_column(head, justify="right")
        table.add_column("of", justify="right")  # as published
    table.add_column("sizes")
    table.add_column("frames/s")
    for row in report.rows:
        table.add_row(row.split, *_counts(row), _first(row.sizes), _first([f"{rate:g}" for rate in row.fps]))
    return table


def _counts(row: Row) -> list[Text]:
    pairs = (
        (row.videos, row.expected_videos),
        (row.frames, row.expected_frames),
        (row.abnormal, row.expected_abnormal),
    )
    cells: list[Text] = []
    for found, expected in pairs:
        differs = None not in (found, expected) and found != expected
        cells.append(Text("-" if found is None else str(found), style="yellow" if differs else ""))
        cells.append(Text("-" if expected is None else str(expected), style="dim"))
    return cells


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") or "-"
