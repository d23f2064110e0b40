from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pages import HOSTILE, result

from vadkit.cli.render.compare_page import compare_page
from vadkit.evaluation.compare import Comparison, Entry
from vadkit.report.page import Charts, DotChart, Tables
from vadkit.report.render import render
from vadkit.report.run_report import FILE


def entry(folder: Path, value: float, **changes: Any) -> Entry:
    folder.mkdir(parents=True, exist_ok=True)
    found = result(folder)
    found = replace(found, groups={"video": {"door": {"micro_auc": value}, HOSTILE: {"micro_auc": 0.5}}})
    protocol = {"name": "itae", "digest": "0123456789ab", "test_tuned": False, **changes}
    interval = (value - 0.05, value + 0.03)
    return Entry(
        folder.name, {"micro_auc": value, "decidability": 2.5}, {"micro_auc": interval}, {}, protocol,
        parameters=1_500_000, flops=2_000_000_000, frames_per_second=12.5, folder=folder, result=found,
    )  # fmt: skip


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    entries = [entry(tmp_path / "a run" / "<b>", 0.9), entry(tmp_path / "other", 0.8)]
    return Comparison(entries, ["micro_auc", "decidability"], frozenset(), {"decidability": ""}, (), videos=8)


def section(page: Any, title: str) -> Any:
    return next(one for one in page.sections if one.title == title)


def test_the_table_ranks_and_links_the_runs(comparison: Comparison, tmp_path: Path) -> None:
    (tmp_path / "a run" / "<b>" / FILE).write_text("page")
    page = compare_page(comparison, tmp_path / "out" / "compare.html")
    numbers = section(page, "Numbers")
    assert isinstance(numbers, Tables)
    [table] = numbers.tables
    first, second = table.rows
    assert first[0].href == "../a%20run/%3Cb%3E/report.html"
    assert second[0].href == ""
    assert first[1].text == "90.00 % (85.00 to 93.00)"
    assert (first[1].strong, second[1].strong) == (True, False)
    assert [cell.text for cell in first[2:]] == ["2.500", "1.50 M", "2", "12.5"]
    assert "no link, because there is no report.html: other; 'vadkit eval RUN' writes it" in numbers.notes


def test_the_curves_intervals_and_differences_of_all_runs(comparison: Comparison, tmp_path: Path) -> None:
    page = compare_page(comparison, tmp_path / "compare.html")
    intervals, roc = section(page, "Intervals"), section(page, "ROC")
    assert isinstance(intervals, Charts)
    assert [chart.title for chart in intervals.charts] == ["micro_auc", "decidability"]
    assert isinstance(intervals.charts[0], DotChart)
    assert intervals.charts[0].points[0].low == pytest.approx([85.0, 75.0])
    assert [line.name.split(" (")[0] for line in roc.charts[0].lines] == ["<b>", "other"]
    [table] = section(page, "Each video in numbers").tables
    assert [cell.text for cell in table.rows[0]] == ["door", "90.00", "80.00", "10.00"]
    text = render(page).decode()
    assert HOSTILE not in text
    assert "<b>" not in text


def test_runs_that_cannot_be_ranked_are_marked(comparison: Comparison, tmp_path: Path) -> None:
    tuned = entry(tmp_path / "tuned", 0.95, test_tuned=True)
    changed = replace(comparison, entries=[*comparison.entries, tuned], differ=["stride"])
    page = compare_page(changed, tmp_path / "compare.html")
    assert any("TEST-TUNED" in warning and "tuned" in warning for warning in page.warnings)
    assert any("not ranked" in warning and "stride" in warning for warning in page.warnings)
    assert not any(cell.strong for row in section(page, "Numbers").tables[0].rows for cell in row)
