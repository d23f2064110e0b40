"""`vadkit export` of a trained run: its scores in every runtime and without vadkit, its description, its folder."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import filmed
import numpy as np
import pytest
import torch
from tiny_runs import TINY
from typer.testing import CliRunner, Result

import vadkit
from vadkit.cli.app import app
from vadkit.core.errors import DataError, RunFolderError, VadkitError
from vadkit.engine.export import formats
from vadkit.engine.export.clip_scorer import random_frames
from vadkit.engine.export.graph import Graph, capture
from vadkit.live import export as exporting
from vadkit.live.export_fusion import calibrations_of, fusion_of, linear_of
from vadkit.live.watch import Watch
from vadkit.video.clips import to_clips

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "score_with_onnx.py"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films of 48x64 pixels of moving noise; in the last one, a white square appears."""
    root = tmp_path_factory.mktemp("exported")
    (root / "train").mkdir()
    for number, name in enumerate(("a", "b", "c")):
        filmed.write(root / "train" / f"{name}.mp4", np.roll(filmed.noise(40), 9 * number, 2), "libx264", crf="10")
    frames = filmed.noise(50)
    frames[30:, 8:40, 8:40] = 255
    (root / "test").mkdir()
    filmed.write(root / "test" / "d.mp4", frames, "libx264", crf="10")
    return root


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[vadkit.Run]:
    """ITAE, Glow and a mixture, with a mask."""
    recipe: dict[str, Any] = {key: TINY[key] for key in ("vadkit", "name", "model")}
    recipe["data"] = {
        "use": "folder",
        "clip": {"frames": 4, "size": [16, 24], "color": "gray"},
        "stride": 2,
        "held_out": 0.34,
        "mask": {"polygons": [[[0, 0], [0.3, 0], [0, 0.3]]]},
    }
    recipe["model"] = recipe["model"] | {"losses": ["l2"]}
    fit = {"steps": 6, "batch_size": 8, "optimizer": "adam"}
    recipe["densities"] = {
        "glow": {"use": "glow", "steps": 1, "levels": 1, "hidden": 4, "fit": fit}
        | {"feature": {"use": "channel_pool", "latent": "static"}},
        "gmm": {"use": "gmm", "components": 3, "feature": {"use": "vector_pool", "latent": "static"}},
    }
    recipe["scores"] = {
        "reconstruction": {"use": "patch_error", "patch": 8, "step": 4},
        "glow": {"use": "nll", "densities": ["glow"]},
        "gmm": {"use": "nll", "densities": ["gmm"]},
    }
    recipe["fuse"] = {name: {"weight": 1.0 if name == "reconstruction" else 0.25} for name in recipe["scores"]}
    recipe["evaluate"] = {"protocol": "deployable", "metrics": ["micro_auc"]}
    recipe["report"] = ["json"]
    recipe["engine"] = {"score_stride": 3, "threads": 1}
    patch = pytest.MonkeyPatch()
    patch.setenv("VADKIT_CACHE", str(tmp_path_factory.mktemp("frames")))
    yield vadkit.run(recipe, data_root=root, out=tmp_path_factory.mktemp("run") / "run")
    patch.undo()


@pytest.fixture(scope="module")
def graph(run: vadkit.Run) -> Graph:
    watch = Watch(run.path)
    return capture(watch.experiment, maps=True, fusion=fusion_of(calibrations_of(watch)))


@pytest.fixture(scope="module")
def onnx(graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    formats.FORMS["onnx"].write(graph, path)
    return path


@pytest.fixture
def captured(graph: Graph, onnx: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Capture the run and convert it to ONNX once for all tests."""
    monkeypatch.setattr(exporting, "capture", lambda *_, **__: graph)
    written = formats.Form("model.onnx", "onnxruntime", (), lambda _, path: _copy(onnx, path), formats._open_onnx)
    monkeypatch.setattr(formats, "_write_onnx", written.write)
    monkeypatch.setattr(formats, "FORMS", {**formats.FORMS, "onnx": written})


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _export(run: vadkit.Run, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["export", str(run.path), *map(str, arguments)], catch_exceptions=False)


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize(("to", "file"), [("onnx", "model.onnx"), ("openvino", "model.xml")])
def test_an_exported_model_gives_the_scores_and_maps_of_pytorch(
    run: vadkit.Run, root: Path, graph: Graph, tmp_path: Path, to: str, file: str
) -> None:
    done = _export(run, "--to", to, "--out", tmp_path / "model", "--check-video", root / "test/d.mp4")
    assert done.exit_code == 0, done.output
    assert "largest difference from PyTorch, 3 random clips" in done.output
    assert "largest difference from PyTorch, 4 real clips" in done.output
    about = json.loads((tmp_path / "model/model.json").read_text())
    maps = ["scores.reconstruction", "maps.reconstruction", "scores.glow", "maps.glow"]
    assert about["model"]["outputs"] == ["score", *maps, "scores.gmm"]
    assert all(0 <= about["check"][kind]["largest_difference"] <= 1e-3 for kind in ("random clips", "real clips"))
    assert {path.name for path in (tmp_path / "model").iterdir()} >= {file, "model.json", "mask.png"}
    found = formats.FORMS[to].open(tmp_path / "model" / file, 1)(frames := random_frames(graph.clip, 2, seed=7))
    assert found["maps.glow"].shape == (2, 4, 4, 6)
    with torch.no_grad():
        out = graph.module.pipeline(to_clips(list(frames), graph.clip))
    for name, scorer in graph.module.scorers.items():
        np.testing.assert_allclose(found[f"scores.{name}"], scorer(out), rtol=1e-4)
    assert not list(tmp_path.glob(".model*"))


@pytest.mark.usefixtures("captured")
def test_the_example_gives_the_scores_of_vadkit_score_without_vadkit(
    run: vadkit.Run, root: Path, tmp_path: Path
) -> None:
    video = root / "test/d.mp4"
    assert _export(run, "--to", "onnx", "--out", tmp_path / "model", "--check-video", video).exit_code == 0
    (tmp_path / "blocked/vadkit").mkdir(parents=True)
    (tmp_path / "blocked/vadkit/__init__.py").write_text("raise ImportError('vadkit is not here')")
    done = subprocess.run(
        [sys.executable, EXAMPLE, tmp_path / "model", video, tmp_path / "scores.csv"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "blocked")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    scored = CliRunner().invoke(app, ["score", str(run.path), str(video), "--out", str(tmp_path / "scored")])
    assert scored.exit_code == 0, scored.output
    [path] = (tmp_path / "scored/scores").rglob("*.csv")
    with path.open(newline="") as file:
        expected = [float(row["score"]) for row in csv.DictReader(file)]
    found = np.loadtxt(tmp_path / "scores.csv", delimiter=",", skiprows=1)[:, 1]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    with (tmp_path / "scored/events.csv").open(newline="") as file:
        events = list(csv.DictReader(file))
    lines = done.stdout.splitlines()
    assert len(lines) == len(events) > 0
    for line, event in zip(lines, events, strict=True):
        assert line.startswith(f"{float(event['start_seconds']):.2f} s to ")


@pytest.mark.usefixtures("captured")
def test_the_description_has_what_scoring_uses(run: vadkit.Run, tmp_path: Path) -> None:
    assert _export(run, "--to", "onnx", "--out", tmp_path / "model", "--threshold", "4.5").exit_code == 0
    about = json.loads((tmp_path / "model/model.json").read_text())
    assert (about["format"], about["version"]) == ("vadkit exported model", 1)
    assert about["clip"] == {"frames": 4, "step": 1, "span": 4, "stride": 3}
    assert about["alarms"]["threshold"] == about["alarms"]["end_threshold"] == 4.5
    assert about["check"]["real clips"] is None  # the folder of the videos is not set
    watch = Watch(run.path)
    assert about["frames"]["fps"] == watch.fps == 25
    for each in about["components"]:
        part = watch.fusion.parts[each["name"]]
        scores = np.array([-1.0, 0.0, 2.5])
        np.testing.assert_allclose(part.transforms[0](scores), each["scale"] * scores + each["offset"], rtol=1e-6)
        assert each["weight"] == part.weight
        assert len(each["position"]["mean"]) == 4


def test_transforms_that_are_not_linear_have_no_scale() -> None:
    from vadkit.evaluation.fusion import ComponentFusion
    from vadkit_standard.smoothing import Exponential
    from vadkit_standard.transforms import Rank, ZScore

    normal = np.array([1.0, 2.0, 3.0, 4.0])
    rank, zscore = Rank(), ZScore()
    for transform in (rank, zscore):
        transform.fit([normal])
    assert linear_of(ComponentFusion(1.0, (rank,)), normal) is None
    assert linear_of(ComponentFusion(1.0, (Exponential(half_life=3),)), normal) is None
    scale, offset = linear_of(ComponentFusion(1.0, (zscore,)), normal) or (0, 0)
    assert (scale, offset) == pytest.approx((1 / normal.std(), -2.5 / normal.std()))
    assert linear_of(ComponentFusion(), normal) == pytest.approx((1, 0))


@pytest.mark.usefixtures("captured")
def test_other_scores_fail_and_write_nothing(run: vadkit.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = formats._open_onnx

    def wrong(path: Path, threads: int) -> formats.Runtime:
        runtime = opened(path, threads)
        return lambda clips: {name: value * 1.01 for name, value in runtime(clips).items()}

    form = formats.FORMS["onnx"]
    wrong_form = formats.Form(form.file, form.runtime, (), form.write, wrong)
    monkeypatch.setattr(formats, "FORMS", {**formats.FORMS, "onnx": wrong_form})
    with pytest.raises(VadkitError, match=r"on random clips, .* differs from PyTorch by 0\.01 of its scale"):
        _export(run, "--to", "onnx", "--out", tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("captured")
def test_a_folder_with_other_files_is_kept(run: vadkit.Run, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/note.txt").touch()
    with pytest.raises(RunFolderError, match="is not an exported model"):
        _export(run, "--to", "onnx", "--out", tmp_path / "full", "--overwrite")
    assert _export(run, "--to", "onnx", "--out", tmp_path / "model").exit_code == 0
    with pytest.raises(RunFolderError, match="already contains an exported model"):
        _export(run, "--to", "openvino", "--out", tmp_path / "model")
    assert _export(run, "--to", "openvino", "--out", tmp_path / "model", "--overwrite").exit_code == 0
    assert not (tmp_path / "model/model.onnx").exists()


def test_mistakes_are_named(run: vadkit.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VadkitError, match="unknown format 'tflite'"):
        _export(run, "--to", "tflite")
    with pytest.raises(DataError, match="is not a run folder"):
        _export(vadkit.Run(tmp_path, run.recipe, {}), "--to", "onnx")
    with pytest.raises(DataError, match=r"none\.mp4: does not exist"):
        _export(run, "--to", "onnx", "--check-video", tmp_path / "none.mp4")
    (tmp_path / "file").touch()
    monkeypatch.setattr(exporting, "capture", None)  # the folder is made before the long work
    with pytest.raises(RunFolderError, match="cannot write"):
        _export(run, "--to", "onnx", "--out", tmp_path / "file/model")
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "openvino" else name)
    with pytest.raises(VadkitError, match=r"(?s)openvino is not installed.*vadkit\[export\]"):
        _export(run, "--to", "openvino")
