"""`vadkit export`: the exported models give the scores of the run, and what cannot be exported is named."""

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
from vadkit.cli.main import app
from vadkit.core.errors import DataError, RunFolderError, VadkitError
from vadkit.core.values import ClipOutputs
from vadkit.engine.experiment import Experiment, without_videos
from vadkit.engine.export import formats
from vadkit.engine.export.comparison import compare
from vadkit.engine.export.graph import Graph, capture, random_clips
from vadkit.live import export as exporting
from vadkit.live.export_description import linear_of
from vadkit.live.watch import Watch
from vadkit.model.pipeline import Pipeline
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.store.run_folder import RunFolder
from vadkit_densities.neighbours import NearestNeighbours
from vadkit_itae.encoder import ITAE
from vadkit_standard.scorers import FrameError

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "score_with_onnx.py"
FLOW = {"steps": 1, "hidden": 4, "fit": {"steps": 6, "batch_size": 8, "optimizer": "adam"}}


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
    """ITAE, Glow and RealNVP, with a mask."""
    recipe: dict[str, Any] = {key: TINY[key] for key in ("vadkit", "name", "model")}
    recipe["data"] = {
        "use": "folder",
        "clip": {"frames": 4, "size": [16, 24], "color": "gray"},
        "stride": 2,
        "held_out": 0.34,
        "mask": {"polygons": [[[0, 0], [0.3, 0], [0, 0.3]]]},
    }
    recipe["model"] = recipe["model"] | {"losses": ["l2"]}
    recipe["densities"] = {
        "static": FLOW | {"use": "glow", "levels": 1, "feature": {"use": "channel_pool", "latent": "static"}},
        "dynamic": FLOW | {"use": "realnvp", "feature": {"use": "vector_pool", "latent": "dynamic"}},
    }
    recipe["scores"] = {
        "reconstruction": {"use": "patch_error", "patch": 8, "step": 4},
        "static": {"use": "nll", "densities": ["static"]},
        "dynamic": {"use": "nll", "densities": ["dynamic"]},
    }
    recipe["fuse"] = {"reconstruction": {"weight": 1.0}, "static": {"weight": 0.5}, "dynamic": {"weight": 0.25}}
    recipe["evaluate"] = {"protocol": "deployable", "metrics": ["micro_auc"]}
    recipe["report"] = ["json"]
    recipe["engine"] = {"score_stride": 3, "threads": 1}
    patch = pytest.MonkeyPatch()
    patch.setenv("VADKIT_CACHE", str(tmp_path_factory.mktemp("frames")))
    yield vadkit.run(recipe, data_root=root, out=tmp_path_factory.mktemp("run") / "run")
    patch.undo()


@pytest.fixture(scope="module")
def graph(run: vadkit.Run) -> Graph:
    return capture(Watch(run.path).experiment, maps=True)


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
@pytest.mark.parametrize(("to", "file"), [("onnx", "model.onnx"), ("openvino", "model.xml"), ("torch", "model.pt2")])
def test_an_exported_model_gives_the_scores_and_maps_of_pytorch(
    run: vadkit.Run, root: Path, graph: Graph, tmp_path: Path, to: str, file: str
) -> None:
    done = _export(run, "--to", to, "--out", tmp_path / "model", "--check-video", root / "test/d.mp4")
    assert done.exit_code == 0, done.output
    assert "largest difference from PyTorch, 3 random clips" in done.output
    assert "largest difference from PyTorch, 4 real clips" in done.output
    about = json.loads((tmp_path / "model/model.json").read_text())
    assert about["model"]["outputs"] == [f"{kind}.{name}" for name, kind in [
        ("reconstruction", "scores"), ("reconstruction", "maps"), ("static", "scores"), ("static", "maps"),
        ("dynamic", "scores"),
    ]]  # fmt: skip
    assert all(0 <= about["check"][kind]["largest_difference"] <= 1e-3 for kind in ("random clips", "real clips"))
    assert {path.name for path in (tmp_path / "model").iterdir()} >= {file, "model.json", "mask.png"}
    runtime = formats.FORMS[to].open(tmp_path / "model" / file, 1)
    clips = random_clips(graph.clip, 5, seed=7)
    with torch.no_grad():
        out = graph.module.pipeline(clips)
        expected = {name: scorer(out) for name, scorer in graph.module.scorers.items()}
    found = runtime(clips.numpy())
    for name, scores in expected.items():
        np.testing.assert_allclose(found[f"scores.{name}"], scores, rtol=1e-4)
    assert found["maps.static"].shape == (5, 4, 4, 6)
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
        [sys.executable, EXAMPLE, tmp_path / "model", video, tmp_path / "scores.npy"],
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
    np.testing.assert_allclose(np.load(tmp_path / "scores.npy"), expected, rtol=1e-3, atol=1e-3)
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
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "openvino" else name)
    with pytest.raises(VadkitError, match=r"(?s)openvino is not installed.*vadkit\[export\]"):
        _export(run, "--to", "openvino")


def _experiment(**sections: Any) -> Experiment:
    """An untrained experiment of a small ITAE."""
    recipe: dict[str, Any] = {key: TINY[key] for key in ("vadkit", "name", "model", "engine")}
    recipe["data"] = TINY["data"] | {"clip": {"frames": 4, "size": [16, 24], "color": "gray"}}
    recipe["model"] = recipe["model"] | {"losses": ["l2"]}
    recipe["scores"] = {"error": "frame_error"}
    recipe["evaluate"] = {"protocol": "itae", "metrics": ["micro_auc"]}
    loaded = read_recipe(recipe | sections, (), Registry.discover())
    return without_videos(loaded, RunFolder(Path()))


def _with_density(**density: Any) -> Experiment:
    feature = {"use": "vector_pool", "latent": "static"}
    scores = {"likelihood": {"use": "nll", "densities": ["d"]}}
    return _experiment(densities={"d": density | {"feature": feature}}, scores=scores)


def test_optical_flow_is_refused_by_name() -> None:
    feature = {"use": "optical_flow", "window": 8, "gap": 1, "position": True}
    density = {"use": "gmm", "components": 2, "per_place": True, "feature": feature}
    experiment = _experiment(
        model=None, densities={"speed": density}, scores={"motion": {"use": "nll", "densities": ["speed"]}}
    )
    with pytest.raises(
        VadkitError, match=r"the feature 'optical_flow' \(features\.speed\) cannot be exported"
    ) as caught:
        capture(experiment, maps=True)
    assert caught.value.exit_code == 2
    assert "torch alone" in caught.value.fix


def test_values_that_decide_a_size_are_refused_by_name() -> None:
    experiment = _with_density(use="knn", samples=20, neighbours=2)
    density = experiment.heads["d"].density
    assert isinstance(density, NearestNeighbours)
    density.count.fill_(20)
    with pytest.raises(VadkitError, match=r"the density 'knn' \(densities\.d\) .* depend on the values of tensors"):
        capture(experiment, maps=False)


def test_a_scorer_outside_of_torch_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FrameError, "__call__", lambda _, out: torch.from_numpy(out.clips.numpy()[:, 0, :, 0, 0]))
    with pytest.raises(VadkitError, match=r"the scorer 'frame_error' \(scores\.error\) cannot be exported"):
        capture(_experiment(), maps=False)


def test_a_fixed_number_of_clips_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = ITAE.forward
    monkeypatch.setattr(ITAE, "forward", lambda self, clips: forward(self, clips.reshape(len(clips), *clips.shape[1:])))
    with pytest.raises(VadkitError, match=r"the encoder 'itae' cannot be exported: it works for one number of clips"):
        capture(_experiment(), maps=False)


def test_an_operation_that_onnx_lacks_is_named_with_its_density(tmp_path: Path) -> None:
    graph = capture(_with_density(use="gaussian"), maps=False)
    with pytest.raises(
        VadkitError, match=r"density 'gaussian' \(densities\.d\) .*no operator for torch's linalg_solve"
    ):
        formats.FORMS["onnx"].write(graph, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_a_memory_autoencoder_with_scores_of_one_frame(tmp_path: Path) -> None:
    overrides = ["data.clip.size=[16,16]", "model.encoder.channels=[2,2,4,4]", "model.decoder.channels=[4,2,2]"]
    recipe = read_recipe(Path("baselines/walkway/memae"), overrides, Registry.discover())
    graph = capture(without_videos(recipe, RunFolder(Path())), maps=True)
    formats.FORMS["onnx"].write(graph, tmp_path / "model.onnx")
    runtime = formats.FORMS["onnx"].open(tmp_path / "model.onnx", 1)
    found = runtime(random_clips(graph.clip, 2).numpy())
    assert np.isnan(found["scores.error"]).sum(1).tolist() == [15, 15]  # clip_error scores the middle frame
    assert compare(graph.module, runtime, random_clips(graph.clip, 3)).relative < 1e-5


def test_a_state_is_refused_by_name() -> None:
    recipe = read_recipe(Path("baselines/walkway/mnad_reconstruction"), (), Registry.discover())
    with pytest.raises(VadkitError, match=r"the bottleneck 'mnad_memory' cannot be exported: .*memory updates"):
        capture(without_videos(recipe, RunFolder(Path())), maps=False)


def test_bench_times_exported_models_in_turn_with_pytorch(
    run: vadkit.Run, graph: Graph, onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vadkit.cli.render.bench import renderer
    from vadkit.engine.bench import bench as module

    order: list[str] = []

    def opened(path: Path, threads: int) -> formats.Runtime:
        runtime = formats._open_onnx(path, threads)

        def call(clips: Any) -> Any:
            order.append("onnx")
            return runtime(clips)

        return call

    def scored(self: Pipeline, out: ClipOutputs) -> None:
        order.append("torch")

    form = formats.Form("model.onnx", "onnxruntime", (), lambda _, path: _copy(onnx, path), opened)
    monkeypatch.setattr(formats, "FORMS", {"onnx": form})
    monkeypatch.setattr(module, "capture", lambda *_, **__: graph)
    monkeypatch.setattr(Pipeline, "update", scored)
    found = module.bench(run.path, repeat=2, warmup=1, export=["onnx"])
    assert order == ["torch", "onnx"] * 3
    [row] = found.exported
    assert row.name == "in all, onnxruntime"
    assert row.milliseconds is not None
    assert 0 < row.milliseconds.least <= row.milliseconds.most
    for name in ("console", "csv", "markdown", "json"):
        assert "onnxruntime" in renderer(name)(found)
    assert CliRunner().invoke(app, ["bench", "quickstart", "--count", "--export", "onnx"]).exit_code
