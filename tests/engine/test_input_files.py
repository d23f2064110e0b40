"""A file that a component reads counts: it is found, hashed, and copied into the run folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from tiny_runs import held_out
from toys import registry

import vadkit
from vadkit.core.errors import CheckpointError, RecipeError
from vadkit.core.progress import NoProgress
from vadkit.engine.bench.bench import bench
from vadkit.engine.experiment import without_videos
from vadkit.engine.sweep import sweep
from vadkit.live.watch import Watch
from vadkit.recipe import load, loads
from vadkit.store.input_files import records_of
from vadkit.store.run_folder import RunFolder, stage_digests

KEY = "model.encoder.weights"


class Said(NoProgress):
    """Collects the messages."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def recipe(tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`folder/recipe.yaml`, which names a file next to it. The working folder is another one."""
    tiny["model"] = {"encoder": {"use": "scaled", "weights": "scale.txt"}}
    feature = {"use": "vector_pool", "latent": "mean"}
    tiny["densities"] = {"mean": {"use": "gaussian", "covariance": "diagonal", "feature": feature}}
    tiny["scores"] = {"likelihood": {"use": "nll", "densities": ["mean"]}}
    del tiny["fuse"]
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "scale.txt").write_text("2.0")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(held_out(tiny)))
    monkeypatch.chdir(tmp_path)
    return folder / "recipe.yaml"


def run(recipe: Path, out: str = "run", **options: Any) -> vadkit.Run:
    return vadkit.run(recipe, out=out, registry=registry(), **options)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def weight_of(pipeline: Any) -> float:
    return float(pipeline.autoencoder.encoder.weight)


def test_a_run_keeps_a_copy_and_its_hash(recipe: Path, tmp_path: Path) -> None:
    done = run(recipe)
    copy = Path("run/checkpoints/files", sha256("2.0") + ".txt")
    assert copy.read_text() == "2.0"
    manifest = json.loads(Path("run/manifest.json").read_text())
    original = str(tmp_path / "folder" / "scale.txt")
    assert manifest["files"] == {KEY: {"path": original, "sha256": sha256("2.0"), "bytes": 3}}
    kept = yaml.safe_load(Path("run/recipe.yaml").read_text())
    assert kept["model"]["encoder"]["weights"] == f"checkpoints/files/{copy.name}"
    assert weight_of(done.pipeline()) == 2.0


def test_a_run_works_after_the_file_has_moved(recipe: Path, tmp_path: Path) -> None:
    scores = run(recipe).scores()
    (recipe.parent / "scale.txt").rename("elsewhere.txt")
    shutil.move("run", "moved")
    opened = vadkit.load_run("moved", registry=registry())
    assert weight_of(opened.pipeline()) == 2.0
    assert "micro_auc" in opened.metrics["metrics"]
    Watch("moved", registry=registry())
    assert bench("moved", repeat=0, registry=registry()).weights == "moved"
    for path in Path("moved/scores").glob("*.npz"):
        path.unlink()
    for again in (recipe, Path("moved/recipe.yaml")):  # the first names a file that no longer exists
        Path("moved/checkpoints/density.mean.safetensors").unlink()
        said = Said()
        resumed = run(again, "moved", resume=True, progress=said)
        assert "model: already trained" in said.lines
        for one, two in zip(resumed.scores(), scores, strict=True):
            np.testing.assert_array_equal(one.components["likelihood"], two.components["likelihood"])
    manifest = RunFolder(Path("moved")).read_manifest()
    assert manifest.files[KEY].path == str(tmp_path / "folder" / "scale.txt")  # of the original
    with pytest.raises(RecipeError, match=f"'{KEY}': the file 'scale.txt' does not exist"):
        run(recipe, "other")
    taken = Said()
    assert weight_of(run(recipe, "other", reuse=["moved"], progress=taken).pipeline()) == 2.0
    assert "reused stages: density.mean, model, scores" in taken.lines


def test_another_content_at_the_same_path_is_not_mixed_in(recipe: Path) -> None:
    run(recipe)
    (recipe.parent / "scale.txt").write_text("3.0")
    what = f"its model, density.mean was made with another file: the content of '{KEY}', .*scale.txt, differs"
    with pytest.raises(CheckpointError, match=what):
        run(recipe, resume=True)
    said = Said()
    run(recipe, "other", reuse=["run"], progress=said)
    assert "reused stages: none, for no stage would be the same" in said.lines
    assert weight_of(run(recipe, overwrite=True).pipeline()) == 3.0
    assert [path.name for path in Path("run/checkpoints/files").iterdir()] == [sha256("3.0") + ".txt"]


def test_the_content_counts_and_not_the_path(recipe: Path) -> None:
    def digests() -> dict[str, str]:
        found = load(recipe, registry=registry())
        return stage_digests(found.tree, records_of(found))

    before = digests()
    (recipe.parent / "scale.txt").rename("copy.txt")
    recipe.write_text(recipe.read_text().replace("scale.txt", "copy.txt"))
    assert digests() == before
    Path("copy.txt").write_text("2.5")
    assert all(before[stage] != digest for stage, digest in digests().items())


def test_a_run_is_reused_with_its_file(recipe: Path) -> None:
    run(recipe)
    said = Said()
    other = run(recipe, "other", reuse=["run"], progress=said)
    assert "reused stages: density.mean, model, scores" in said.lines
    shutil.rmtree("run")
    (recipe.parent / "scale.txt").unlink()
    assert weight_of(vadkit.load_run(other.path, registry=registry()).pipeline()) == 2.0


def test_a_run_is_replaced_by_its_own_recipe(recipe: Path) -> None:
    run(recipe)
    (recipe.parent / "scale.txt").unlink()
    again = run(Path("run/recipe.yaml"), overwrite=True)
    assert weight_of(again.pipeline()) == 2.0


def test_a_sweep_knows_what_it_has_finished(recipe: Path) -> None:
    def trials(said: Said) -> None:
        sweep(recipe, {"seed": ["0", "1"]}, out="sweep", progress=said, registry=registry())

    trials(Said())
    again = Said()
    trials(again)
    assert not [line for line in again.lines if "computing features" in line or "already trained" in line]


def test_a_damaged_copy_is_named(recipe: Path) -> None:
    done = run(recipe)
    (recipe.parent / "scale.txt").unlink()
    assert weight_of(done.pipeline()) == 2.0
    next(Path("run/checkpoints/files").iterdir()).write_text("9.0")
    with pytest.raises(CheckpointError, match="is damaged: its content does not match its name"):
        done.pipeline()


def test_a_relative_path_starts_at_the_recipe_or_else_at_the_working_folder(recipe: Path, tmp_path: Path) -> None:
    Path("scale.txt").write_text("7.0")
    assert load(recipe, registry=registry()).files == {KEY: tmp_path / "folder" / "scale.txt"}
    (recipe.parent / "scale.txt").unlink()
    assert load(recipe, registry=registry()).files == {KEY: tmp_path / "scale.txt"}
    child = tmp_path / "child.yaml"
    child.write_text("vadkit: 1\nextends: folder/recipe.yaml\nname: child\n")
    (recipe.parent / "scale.txt").write_text("2.0")
    assert load(child, registry=registry()).files == {KEY: tmp_path / "folder" / "scale.txt"}
    for found in (
        load(child, overrides=[f"{KEY}=scale.txt"], registry=registry()),
        loads(yaml.safe_load(recipe.read_text()), registry=registry()),
    ):
        assert found.files == {KEY: tmp_path / "scale.txt"}
        assert without_videos(found, RunFolder(Path())).files[KEY].sha256 == sha256("7.0")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("absent.txt", "the file 'absent.txt' does not exist\n  -> correct the path; vadkit looked for "),
        (".", "folder is a folder"),
        ("3", "should be a valid path|is not a valid path"),
    ],
)
def test_a_missing_file_is_one_message_with_its_place(recipe: Path, name: str, says: str) -> None:
    text = recipe.read_text().replace("scale.txt", name)
    recipe.write_text(text)
    line, column = next(
        (number, row.index("weights: ") + 10) for number, row in enumerate(text.splitlines(), 1) if "weights: " in row
    )
    with pytest.raises(RecipeError, match=says) as caught:
        load(recipe, registry=registry())
    assert str(caught.value).startswith(f"{recipe}:{line}:{column}: '{KEY}'")


def test_a_key_that_is_not_given_has_no_file(tiny: dict[str, Any]) -> None:
    found = loads(tiny, registry=registry())
    assert not found.files
    assert stage_digests(found.tree, {}) == stage_digests(found.tree)
