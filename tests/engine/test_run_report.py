"""A run keeps previews of its test videos and writes its report; later evaluations use the same pictures."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import vadkit
from vadkit.evaluation import reporting
from vadkit.report.run_report import FILE
from vadkit.store.previews import find_preview, has_previews
from vadkit.store.scores import read_scores


def test_a_run_writes_its_report_with_pictures(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny["report"] = ["json", "html"]
    tiny["model"]["fit"]["steps"] = 2
    done = vadkit.run(tiny, out=tmp_path / "run")
    scores = done.path / "scores"
    for video in read_scores(scores):
        read = find_preview(scores, video.name)
        assert read is not None
        preview = read()
        assert preview.parts == ("frame", "decoder output", "anomaly map")
        assert preview.numbers.tolist() == list(range(40))
        assert preview.heat is not None
    assert not (scores / "anomaly_maps").exists()  # in full only if a metric or a figure reads them
    page = (done.path / FILE).read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") >= 2  # the worst frames
    assert page.count('id="strip-') == 2

    before = {path: path.stat().st_mtime_ns for path in scores.rglob("*.npz")}
    vadkit.run(tiny, out=done.path, resume=True)
    assert {path: path.stat().st_mtime_ns for path in scores.rglob("*.npz")} == before
    shutil.rmtree(tmp_path / "run" / "scores" / "previews")
    vadkit.run(tiny, out=done.path, resume=True)  # scores again, for only then the pictures are known
    assert has_previews(scores, [video.name for video in read_scores(scores)])

    monkeypatch.setattr("vadkit.video.cache.FrameCache.frames", None)  # the videos are not there any more
    result = reporting.report(done.path, ["evaluate.protocol=ffp"])
    again = (result.folder / FILE).read_text(encoding="utf-8")
    assert again.count('id="strip-') == 2
    assert "ffp #" in again


def test_a_run_without_the_reporter_keeps_no_preview(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["model"]["fit"]["steps"] = 2
    done = vadkit.run(tiny, out=tmp_path / "run")
    assert not (done.path / "scores" / "previews").exists()
    assert not (done.path / FILE).exists()
    reporting.report(done.path, ["report=[html]"], out=tmp_path / "out")
    page = (tmp_path / "out" / FILE).read_text(encoding="utf-8")
    assert "There are no pictures: the run stored none" in page
