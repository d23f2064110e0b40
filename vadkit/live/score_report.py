"""The page of the results of `vadkit score`."""

from __future__ import annotations

from pathlib import Path

from vadkit.live.score import Scored
from vadkit.live.watch import Watch
from vadkit.recipe.show import dump
from vadkit.report.render import write_page
from vadkit.report.run_report import FILE
from vadkit.report.score_page import score_page


def write_score_report(watch: Watch, out: Path, done: Scored) -> Path:
    """Write `OUT/report.html`, the page of a folder of results, and return its path.

    Args:
        watch: the run.
        out: the folder of the results.
        done: the outcome of `score_videos`.

    Raises:
        DataError: `events.jsonl` is damaged.
        RunFolderError: `out` cannot be written.
    """
    title, texts = f"Videos scored with {watch.recipe.name}", {"Recipe": dump(watch.recipe.tree)}
    page = score_page(out, title=title, videos=done.all_videos, threshold=watch.threshold, texts=texts)
    write_page(page, out / FILE)
    return out / FILE
