"""The time that a recipe will take, measured before it starts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from owned import film, images
from typer.testing import CliRunner

from vadkit.cli.app import app
from vadkit.data.plan import Plan
from vadkit.engine.bench import durations as module
from vadkit.engine.bench.durations import durations, time_lines, time_needed
from vadkit.plugin.registry import Registry
from vadkit.recipe import loads
from vadkit.recipe.model import Recipe

PLAN = Plan((10, 5), (4000, 2000), 1000, 1900, 100, 0, None, 0)


@pytest.fixture
def recipe(tiny: dict[str, Any]) -> Recipe:
    return loads(json.dumps(tiny), registry=Registry.discover())


def test_each_stage_is_timed_and_the_random_state_stays(recipe: Recipe) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    found = durations(recipe, PLAN)
    assert torch.equal(torch.get_rng_state(), before)
    assert set(found) == {"model", *(f"density.{name}" for name in recipe.densities), "scoring"}
    assert all(seconds > 0 for seconds in found.values())
    twice = durations(recipe, replace(PLAN, windows=20 * PLAN.windows))
    assert twice["scoring"] > 3 * found["scoring"]  # 20 times, on a machine that other work uses


def test_a_small_recipe_is_not_measured(recipe: Recipe) -> None:
    assert durations(recipe, replace(PLAN, clips=20, windows=30, held_out_windows=0)) == {}


@pytest.mark.parametrize(
    ("a_clip", "calls", "expected"),
    [(0.1, [1, 1, 1, 4, 4, 4], 0.4), (0.4, [1, 1, 1], 1.6), (3.0, [1], 12.0)],
)
def test_a_long_batch_is_estimated_from_one_clip(
    monkeypatch: pytest.MonkeyPatch, a_clip: float, calls: list[int], expected: float
) -> None:
    done: list[int] = []

    def clock(work: Any, size: int) -> float:
        work(size)
        return a_clip * size

    monkeypatch.setattr(module, "_clock", clock)
    assert module._seconds(done.append, 4) == pytest.approx(expected)
    assert done == calls


def test_each_stage_counts_its_steps(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clip, sample or window takes a second."""
    monkeypatch.setattr(module, "_seconds", lambda _, size: float(size))
    found = durations(recipe, PLAN)
    assert found["model"] == 12 * 4
    assert found["density.static"] == 1000 + 6 * 8  # the features of the clips, and the fit
    assert found["scoring"] == 1900 + 100


def test_the_lines_have_the_total_the_stages_and_what_makes_them_shorter(recipe: Recipe) -> None:
    stride = recipe.engine.score_stride
    assert 2 * stride <= recipe.data.clip.span
    assert time_lines({"model": 600.0, "density.static": 1.0, "scoring": 300.0}, recipe) == [
        "time on this machine: about 15 min (model 10 min, scoring 5 min)",
        f"this takes less time: a smaller model.fit.steps, engine.score_stride: {2 * stride} (scoring 2.5 min)",
    ]
    assert time_lines({"model": 1.0, "scoring": 2.0}, recipe) == []


def test_a_component_that_fails_is_not_reported_here(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_training", lambda *_: 1 / 0)
    assert time_needed(recipe, PLAN) == []


def test_check_tells_the_time(tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("train/a.mp4", "train/b.mp4"):
        film(tmp_path / name, 28)
    images(tmp_path / "test/c", 20)
    tiny["data"] = {"use": "folder", "clip": {"frames": 8, "size": [32, 48], "color": "gray"}, "held_out": 0.5}
    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps(tiny))
    monkeypatch.setenv("VADKIT_DATA", str(tmp_path))
    monkeypatch.setattr(module, "_SMALL", 0)
    monkeypatch.setattr(module, "_WORTH_TELLING", 0.0)
    assert "time on this machine: about " in CliRunner().invoke(app, ["check", str(path)]).output
    assert "time on" not in CliRunner().invoke(app, ["check", str(path), "--no-build"]).output
