"""`vadkit run --reuse`: stages of another run are taken over where they would be made alike, and only there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vadkit
from vadkit import reuse
from vadkit.errors import CheckpointError
from vadkit.folder import RunFolder
from vadkit.monitor import Silent


class Said(Silent):
    """What was said of taking over."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)

    @property
    def taken(self) -> str:
        return next(line for line in self.lines if line.startswith("taken over"))


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> vadkit.Run:
    from conftest import TINY

    patch = pytest.MonkeyPatch()
    patch.setenv("VADKIT_CACHE", str(tmp_path_factory.getbasetemp() / "frames"))
    done = vadkit.run(TINY, out=tmp_path_factory.mktemp("earlier") / "run")
    patch.undo()
    return done


def test_another_fusion_takes_over_everything(earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny |= {"name": "other", "fuse": {"reconstruction": {"transform": ["minmax"]}}}
    said = Said()
    done = vadkit.run(tiny, out=tmp_path / "run", reuse=[earlier.path], monitor=said)
    assert said.taken == "taken over: density.dynamic, density.static, model, scores"
    assert done.recipe.name == "other"
    alone = vadkit.run(tiny, out=tmp_path / "alone")
    assert done.metrics["metrics"] == alone.metrics["metrics"]
    manifest = json.loads((done.path / "manifest.json").read_text())
    assert manifest["taken over"] == ["density.dynamic", "density.static", "model", "scores"]
    assert manifest["parameters"] == json.loads((earlier.path / "manifest.json").read_text())["parameters"]


def test_what_is_made_otherwise_is_made_anew(earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["densities"]["static"]["hidden"] = 4
    said = Said()
    vadkit.run(tiny, out=tmp_path / "density", reuse=[earlier.path], monitor=said)
    assert said.taken == "taken over: density.dynamic, model"
    tiny["seed"] = 1
    said = Said()
    vadkit.run(tiny, out=tmp_path / "seed", reuse=[earlier.path, tmp_path / "density"], monitor=said)
    assert said.taken == "taken over: nothing, for no stage would be made alike"


def test_an_unfinished_run_gives_what_it_has_finished(
    earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(earlier.path, broken)
    (broken / "checkpoints" / "density.static.safetensors").unlink()
    manifest = json.loads((broken / "manifest.json").read_text()) | {"finished": None}
    (broken / "manifest.json").write_text(json.dumps(manifest))
    said = Said()
    done = vadkit.run(tiny, out=tmp_path / "run", reuse=[broken], monitor=said)
    assert said.taken == "taken over: density.dynamic, model"
    for one, other in zip(done.scores(), earlier.scores(), strict=True):
        np.testing.assert_array_equal(one.components["static"], other.components["static"])


def test_a_take_over_that_was_killed_is_resumed(
    earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = reuse._copy

    def killed(donor: RunFolder, place: RunFolder, stage: str) -> None:
        copied(donor, place, stage)
        if stage != "model":
            raise KeyboardInterrupt

    monkeypatch.setattr(reuse, "_copy", killed)
    with pytest.raises(KeyboardInterrupt):
        vadkit.run(tiny, out=tmp_path / "run", reuse=[earlier.path])
    done = vadkit.run(tiny, out=tmp_path / "run", resume=True)
    for one, other in zip(done.scores(), earlier.scores(), strict=True):
        np.testing.assert_array_equal(one.components["reconstruction"], other.components["reconstruction"])


def test_other_data_no_run_and_itself_are_refused(earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    shutil.copytree(earlier.path, foreign)
    manifest = json.loads((foreign / "manifest.json").read_text())
    manifest["data"]["train videos"] = "0" * 12
    (foreign / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="its model was made from other data than this: the train videos differ"):
        vadkit.run(tiny, out=tmp_path / "run", reuse=[foreign])
    assert not (tmp_path / "run").exists()
    shutil.copytree(earlier.path, tmp_path / "mine")
    with pytest.raises(CheckpointError, match="was made from other data"):
        vadkit.run(tiny, out=tmp_path / "mine", overwrite=True, reuse=[foreign])
    assert (tmp_path / "mine" / "metrics.json").is_file()  # an earlier run is replaced only by one that can begin
    with pytest.raises(CheckpointError, match="is not a run folder"):
        vadkit.run(tiny, out=tmp_path / "run", reuse=[tmp_path])
    with pytest.raises(CheckpointError, match="cannot take over from itself"):
        vadkit.run(tiny, out=foreign, overwrite=True, reuse=[foreign])
    assert (foreign / "metrics.json").is_file()
