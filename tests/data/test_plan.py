"""How much work a recipe is, from the headers of its videos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from owned import film, images
from typer.testing import CliRunner

import vadkit
from vadkit.cli.app import app
from vadkit.core.progress import NoProgress
from vadkit.data.opening import open_data
from vadkit.data.plan import plan_of, shorter
from vadkit.plugin.registry import Registry
from vadkit.recipe import loads
from vadkit.recipe.model import Recipe
from vadkit.video.cache import FrameCache


@pytest.fixture
def recipe(tiny: dict[str, Any]) -> dict[str, Any]:
    clip = {"frames": 8, "size": [32, 48], "color": "gray"}
    tiny["data"] = {"use": "folder", "clip": clip, "stride": 4, "held_out": 0.5}
    tiny["model"]["fit"]["steps"] = 2
    del tiny["densities"], tiny["fuse"], tiny["scores"]["likelihood"], tiny["scores"]["static"]
    return tiny


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("train/a.mp4", "train/b.mp4"):
        film(tmp_path / name, 28)
    images(tmp_path / "test/c", 20)
    return tmp_path


def read(recipe: dict[str, Any]) -> Recipe:
    return loads(json.dumps(recipe), registry=Registry.discover())


def test_frames_clips_windows_and_the_size_of_the_cache(recipe: dict[str, Any], root: Path) -> None:
    checked, cache = read(recipe), FrameCache(root / "not/yet/there")
    dataset = open_data(checked.data, root)
    plan = plan_of(checked, dataset, cache)
    assert (plan.videos, plan.frames) == ((2, 1), (56, 20))
    assert plan.clips == 6  # half of the clips that start every 4 frames
    assert plan.windows == 1 + (20 - 8) // checked.engine.score_stride
    assert plan.cached == (56 + 20) * 32 * 48
    assert plan.free > 0
    [data, work, room] = plan.lines(checked)
    assert "2 training videos with about 56 frames" in data
    assert "a larger engine.score_stride" in work
    assert room.startswith("frame cache: about 116.7KB more in")
    cache.frames(dataset.videos("train")[0], checked.data.clip)
    assert plan_of(checked, dataset, cache).cached == (28 + 20) * 32 * 48


def test_a_disk_that_is_too_small_is_a_warning(recipe: dict[str, Any], root: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("vadkit.data.plan._free", lambda _: 1000)
    checked = read(recipe)
    *_, room = plan_of(checked, open_data(checked.data, root), FrameCache(root / "cache")).lines(checked)
    assert room.startswith("warning: frame cache: about 116.7KB more in")
    assert "1.0KB are free: free some space, or set VADKIT_CACHE" in room


def test_a_run_and_a_check_tell_the_plan(
    recipe: dict[str, Any], root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    class Told(NoProgress):
        def message(self, text: str) -> None:
            lines.append(text)

    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps(recipe))
    monkeypatch.setenv("VADKIT_DATA", str(root))
    shown = CliRunner().invoke(app, ["check", str(path), "--no-build"], catch_exceptions=False).output
    assert "data: 2 training videos with about 56 frames, 1 test videos" in shown
    vadkit.run(recipe, out=tmp_path / "run", progress=Told())
    assert any(line.startswith("data: 2 training videos") for line in lines)
    monkeypatch.setenv("VADKIT_DATA", str(tmp_path / "run"))
    assert "data:" not in CliRunner().invoke(app, ["check", str(path), "--no-build"], catch_exceptions=False).output


def test_every_long_stage_has_a_key_that_makes_it_shorter(recipe: dict[str, Any]) -> None:
    hints = shorter(read(recipe))
    assert hints["model"] == "a smaller model.fit.steps makes it shorter"
    assert "engine.score_stride" in hints["score test"]
