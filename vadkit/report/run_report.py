"""Writes the page of a run within a limit of bytes."""

from __future__ import annotations

from pathlib import Path

from vadkit.core.values import RunResult
from vadkit.report.render import render, write_page
from vadkit.report.run_page import RunPages
from vadkit.report.strips import make_strips

FILE = "report.html"

_BASE64 = 4 / 3  # bytes in the page for one byte of a video
_RESERVE = 100_000  # bytes for the numbers of pictured frames


def write_report(result: RunResult, folder: Path, *, megabytes: float = 12.0) -> None:
    """Write `report.html`, the page of a run, into a folder.

    Args:
        result: the result of the run.
        folder: where the page goes.
        megabytes: size of the page that the pictures may fill. A page without any picture may be larger.

    Raises:
        RunFolderError: the folder cannot be written.
        DataError: a preview is damaged, or frames cannot be read.
    """
    pages = RunPages(result)
    page = pages.page()
    left = int((megabytes * 1e6 - len(render(page)) - _RESERVE) / _BASE64)
    page = pages.with_strips(page, make_strips(pages.reels(), pages.scale, left))
    write_page(page, folder / FILE)
