"""Writes the page of a run."""

from __future__ import annotations

from pathlib import Path

from vadkit.core.values import RunResult
from vadkit.report.render import write_page
from vadkit.report.run_page import RunPage

FILE = "report.html"

_REST = 3.0  # MB for everything but the previews: plotly.js, curves, pictures of cards


def write_report(result: RunResult, folder: Path, *, megabytes: float = 12.0) -> None:
    """Write `report.html`, the page of a run, into a folder. `vadkit.api.write_report` documents it."""
    write_page(RunPage(result, max(0.0, megabytes - _REST)).page(), folder / FILE)
