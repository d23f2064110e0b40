"""The report of `vadkit data check`: findings, then counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vadkit.cli.render import tables
from vadkit.core.errors import join_names
from vadkit.data.tools.report import Finding, Report, Row

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_COUNTS = ("videos", "frames", "abnormal")
_MOST = 8  # findings of a group that are printed


def print_report(report: Report) -> None:
    """Print the findings in groups, then a row of counts for each split."""
    console = Console(highlight=False, soft_wrap=True)  # no line breaks in paths
    for group in _grouped(report.findings):
        for finding in group[:_MOST]:
            head = (f"{finding.severity}: ", _STYLES[finding.severity])
            console.print(Text.assemble(head, (finding.where, "bold"), f": {finding.what}"))
        if len(group) > _MOST:
            console.print(Text(f"and {len(group) - _MOST} more like these"))
        if group[0].fix:
            console.print(Text(f"  -> {group[0].fix}", style="dim"))
    if report.findings:
        console.print()
    console.print(_table(report), soft_wrap=False)
    counts = [f"{n} {word}{'s' * (n != 1)}" for word in _STYLES if (n := report.count(word))]  # pyright: ignore
    how = "every frame was decoded" if report.decoded else "only headers were read (--no-decode)"
    if not any(row.videos for row in report.rows):
        how = "there is no video to read"
    console.print(Text(f"{report.name}: {', '.join(counts) or 'no problems found'}; {how}", style="bold"))


def _grouped(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one severity, topic and fix, in the order of the first."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        same = (finding.fix,) if finding.fix else (finding.where, finding.what)
        groups.setdefault((finding.severity, finding.topic, *same), []).append(finding)
    return list(groups.values())


def _table(report: Report) -> Table:
    counted = (column for head in _COUNTS for column in tables.numeric(head, "of"))
    table = tables.listing("split", *counted, "sizes", "frames/s")
    for row in report.rows:
        rates = [f"{rate:g}" for rate in row.fps]
        lists = (join_names(names, most=3) or "-" for names in (row.sizes, rates))
        table.add_row(row.split, *_counts(row), *lists)
    return table


def _counts(row: Row) -> Iterator[Text]:
    for name in _COUNTS:
        found, expected = getattr(row, name), getattr(row, f"expected_{name}")
        differs = None not in (found, expected) and found != expected
        yield Text(tables.number(found), style="yellow" if differs else "")
        yield Text(tables.number(expected), style="dim")
