"""`vadkit run --reuse`: stages of another run are taken over where they would be made alike, and only there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vadkit
from vadkit.core.errors import CheckpointError, DataError
from vadkit.core.progress import NoProgress
from vadkit.store import reuse
from vadkit.store.run_folder import RunFolder


class Said(NoProgress):
    """What was said of taking over."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)

    @property
    def taken(self) -> str:
        return next(line for line in self.lines if line.startswith("reused stages"))


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> vadkit.Run:
    from tiny_runs import TINY

    patch = pytest.MonkeyPatch()
    patch.setenv("VADKIT_CACHE", str(tmp_path_factory.getbasetemp() / "frames"))
    done = vadkit.run(TINY, out=tmp_path_factory.mktemp("earlier") / "run")
    patch.undo()
    return done


def test_another_fusion_takes_over_everything(earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny |= {"name": "other", "fuse": {"reconstruction": {"transform": ["minmax"]}}}
    said = Said()
    done = vadkit.run(tiny, out=tmp_path / "run", reuse=[earlier.path], progress=said)
    assert said.taken == "reused stages: density.dynamic, density.static, model, scores"
    assert done.recipe.name == "other"
    alone = vadkit.run(tiny, out=tmp_path / "alone")
    assert done.metrics["metrics"] == alone.metrics["metrics"]
    manifest = json.loads((done.path / "manifest.json").read_text())
    assert manifest["copied"] == ["density.dynamic", "density.static", "model", "scores"]
    assert manifest["stages"] == json.loads((earlier.path / "manifest.json").read_text())["stages"]


def test_what_is_made_otherwise_is_made_anew(earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["densities"]["static"]["hidden"] = 4
    said = Said()
    vadkit.run(tiny, out=tmp_path / "density", reuse=[earlier.path], progress=said)
    assert said.taken == "reused stages: density.dynamic, model"
    tiny["seed"] = 1
    said = Said()
    vadkit.run(tiny, out=tmp_path / "seed", reuse=[earlier.path, tmp_path / "density"], progress=said)
    assert said.taken == "reused stages: none, for no stage would be the same"


def test_an_unfinished_run_gives_what_it_has_finished(
    earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(earlier.path, broken)
    (broken / "checkpoints" / "density.static.safetensors").unlink()
    manifest = json.loads((broken / "manifest.json").read_text()) | {"finished": None}
    (broken / "manifest.json").write_text(json.dumps(manifest))
    said = Said()
    done = vadkit.run(tiny, out=tmp_path / "run", reuse=[broken], progress=said)
    assert said.taken == "reused stages: density.dynamic, model"
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


@pytest.mark.parametrize("stage", ["model", "density.static", "scores"])
def test_a_take_over_that_was_killed_can_be_replaced_or_resumed(
    earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    copied = reuse._copy

    def killed(donor: RunFolder, place: RunFolder, now: str) -> None:
        if now == stage:
            raise KeyboardInterrupt
        copied(donor, place, now)

    monkeypatch.setattr(reuse, "_copy", killed)
    with pytest.raises(KeyboardInterrupt):
        vadkit.run(tiny, out=tmp_path / "run", reuse=[earlier.path])
    monkeypatch.setattr(reuse, "_copy", copied)
    place = RunFolder(tmp_path / "run")
    place.check(resume=True, overwrite=False)
    said = Said()
    done = vadkit.run(tiny, out=place.path, overwrite=True, reuse=[earlier.path], progress=said)
    assert said.taken == "reused stages: density.dynamic, density.static, model, scores"
    assert done.metrics["metrics"] == earlier.metrics["metrics"]


def test_a_read_only_run_gives_files_that_can_be_written(
    earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path
) -> None:
    archived = tmp_path / "archived"
    shutil.copytree(earlier.path, archived)
    for path in archived.rglob("*"):
        if path.is_file():
            path.chmod(0o444)
    done = vadkit.run(tiny, out=tmp_path / "run", reuse=[archived])
    files = [path for name in ("checkpoints", "scores") for path in (done.path / name).rglob("*") if path.is_file()]
    assert files
    assert all(path.stat().st_mode & 0o200 for path in files)


def test_what_cannot_be_read_is_refused_before_anything_is_replaced(
    earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("torn", "mine"):
        shutil.copytree(earlier.path, tmp_path / name)
    (tmp_path / "torn" / "scores" / "gone.npz").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="cannot be read"):
        vadkit.run(tiny, out=tmp_path / "mine", overwrite=True, reuse=[tmp_path / "torn"])
    assert vadkit.load_run(tmp_path / "mine").metrics == earlier.metrics


def test_other_data_no_run_and_itself_are_refused(earlier: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    shutil.copytree(earlier.path, foreign)
    manifest = json.loads((foreign / "manifest.json").read_text())
    manifest["data"]["fingerprints"]["train"] = "0" * 12
    (foreign / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="its stage 'model' was made from other data: the train videos differ"):
        vadkit.run(tiny, out=tmp_path / "run", reuse=[foreign])
    assert not (tmp_path / "run").exists()
    assert vadkit.run(tiny, out=tmp_path / "run").metrics["metrics"] == earlier.metrics["metrics"]
    shutil.copytree(earlier.path, tmp_path / "mine")
    with pytest.raises(CheckpointError, match="was made from other data"):
        vadkit.run(tiny, out=tmp_path / "mine", overwrite=True, reuse=[foreign])
    assert (tmp_path / "mine" / "metrics.json").is_file()  # an earlier run is replaced only by one that can begin
    with pytest.raises(DataError, match="is not a run folder"):
        vadkit.run(tiny, out=tmp_path / "other", reuse=[tmp_path])
    with pytest.raises(CheckpointError, match="cannot reuse its own stages"):
        vadkit.run(tiny, out=foreign, overwrite=True, reuse=[foreign])
    assert (foreign / "metrics.json").is_file()
