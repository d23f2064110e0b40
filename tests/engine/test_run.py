"""The stages end to end on a tiny scene: what they leave, resume after a kill, refusals."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from killing import Strike, live
from safetensors.torch import load_file

import vadkit
from vadkit.core.errors import CheckpointError, DataError, DivergedError, RunFolderError, ShapeError, VadkitError
from vadkit.core.progress import NoProgress
from vadkit.engine.experiment import Experiment
from vadkit.evaluation import reporting


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> vadkit.Run:
    from tiny_runs import TINY

    patch = pytest.MonkeyPatch()
    patch.setenv("VADKIT_CACHE", str(tmp_path_factory.getbasetemp() / "frames"))
    out = tmp_path_factory.mktemp("unbroken")
    done = vadkit.run(TINY, out=out / "run")
    patch.undo()
    return done


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{path.name}/{name}": tensor
        for path in sorted((folder / "checkpoints").glob("*.safetensors"))
        for name, tensor in load_file(path).items()
    }


def assert_same(one: vadkit.Run, other: vadkit.Run) -> None:
    first, second = weights(one.path), weights(other.path)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
    for a, b in zip(one.scores(), other.scores(), strict=True):
        for component, scores in a.components.items():
            np.testing.assert_array_equal(scores, b.components[component])
    assert one.metrics["metrics"] == other.metrics["metrics"]


def test_a_run_leaves_what_the_next_stage_or_a_person_can_pick_up(unbroken: vadkit.Run) -> None:
    names = {path.relative_to(unbroken.path).as_posix() for path in unbroken.path.rglob("*") if path.is_file()}
    assert {
        "recipe.yaml",
        "manifest.json",
        "metrics.json",
        "labels.npz",
        "log.jsonl",
        "checkpoints/model.safetensors",
        "checkpoints/density.static.safetensors",
        "checkpoints/density.dynamic.safetensors",
    } <= names
    assert not [name for name in names if ".part" in name or name.endswith("state.pt")]
    metrics = json.loads((unbroken.path / "metrics.json").read_text())
    assert {"micro_auc", "macro_auc", "eer"} <= metrics["metrics"].keys()
    assert metrics["protocol"]["name"] == "itae"
    assert {"reconstruction", "likelihood", "static (raw)"} <= metrics["components"].keys()


def test_the_manifest_says_what_a_number_must_be_read_beside(unbroken: vadkit.Run) -> None:
    manifest = json.loads((unbroken.path / "manifest.json").read_text())
    assert manifest["seed"] == 0
    assert manifest["sessions"][0]["versions"]["torch"] == version("torch")
    assert manifest["data"]["counts"]["test"] == {"videos": 2, "frames": 80}
    assert manifest["stages"]["density.static"]["parameters"] > 0
    assert manifest["finished"]


def test_the_log_has_one_line_a_step(unbroken: vadkit.Run) -> None:
    lines = [json.loads(line) for line in (unbroken.path / "log.jsonl").read_text().splitlines()]
    steps = [line["step"] for line in lines if line["stage"] == "model"]
    assert steps == list(range(1, 13))
    assert {"loss", "l2", "ms_ssim", "gradient", "lr"} <= lines[0].keys()
    flow = [line for line in lines if line["stage"] == "density.static"]
    assert [line["step"] for line in flow] == list(range(1, 7))
    assert flow[0]["lr"] == pytest.approx(flow[1]["lr"] / 2)  # warm-up over two steps
    assert flow[0]["bits_per_dim"] == pytest.approx(flow[0]["loss"] / np.log(2))


def test_every_test_frame_has_a_score(unbroken: vadkit.Run) -> None:
    for video in unbroken.scores():
        assert len(video.coverage) == 40
        assert video.coverage.min() >= 1
        assert all(np.isfinite(scores).all() for scores in video.components.values())


def test_a_run_that_is_killed_in_every_stage_ends_as_the_unbroken_one(
    unbroken: vadkit.Run, tiny: dict[str, Any], tmp_path: Path
) -> None:
    stages = {"decode train": 1, "decode test": 1, "model": 5, "density.static": 4, "density.dynamic": 1}
    out, cache = tmp_path / "run", tmp_path / "cache"
    for number, (stage, at) in enumerate({**stages, "score test": 12}.items()):
        died = live(tiny, out, cache, resume=number > 0, strike=Strike(stage=stage, at=at))
        assert (died.code, died.killed_in) == (-signal.SIGKILL, stage)
        assert not (out / "metrics.json").exists()
    assert_same(vadkit.run(tiny, out=out, resume=True), unbroken)


def test_a_finished_run_can_be_resumed_and_does_nothing_again(unbroken: vadkit.Run, tiny: dict[str, Any]) -> None:
    before = {path: path.stat().st_mtime_ns for path in (unbroken.path / "checkpoints").iterdir()}
    assert_same(vadkit.run(tiny, out=unbroken.path, resume=True), unbroken)
    assert before == {path: path.stat().st_mtime_ns for path in (unbroken.path / "checkpoints").iterdir()}


def test_another_seed_gives_other_weights(unbroken: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["densities"], tiny["fuse"] = {}, {"reconstruction": {}}
    tiny["scores"] = {"reconstruction": tiny["scores"]["reconstruction"]}
    other = vadkit.run(tiny, out=tmp_path / "run", overrides=["seed=1", "model.fit.steps=1"])
    first = weights(unbroken.path)["model.safetensors/encoder.static.0.0.weight"]
    assert not torch.equal(first, weights(other.path)["model.safetensors/encoder.static.0.0.weight"])


def test_evaluation_needs_the_score_files_alone(unbroken: vadkit.Run) -> None:
    script = (
        "import sys; from vadkit.evaluation import reporting;"
        "result = reporting.evaluate(sys.argv[1], ['fuse.likelihood.weight=0']);"
        "print(result.metrics['micro_auc'], result.components['reconstruction']['micro_auc'], 'torch' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script, str(unbroken.path)], capture_output=True, text=True, check=True
    ).stdout.split()
    assert told[0] == told[1]
    assert told[2] == "False"


def test_overrides_are_reported_beside_the_run_not_over_it(unbroken: vadkit.Run) -> None:
    before = (unbroken.path / "metrics.json").read_text()
    result = reporting.report(unbroken.path, ["fuse.likelihood.weight=2.0"])
    assert result.folder.parent == unbroken.path / "evals"
    assert (result.folder / "metrics.json").exists()
    assert (unbroken.path / "metrics.json").read_text() == before


def test_evaluation_elsewhere_leaves_the_run_as_it_is(unbroken: vadkit.Run, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in unbroken.path.rglob("*")}
    result = reporting.report(unbroken.path, ["evaluate.protocol=ffp"], out=tmp_path / "judged")
    assert json.loads((tmp_path / "judged" / "metrics.json").read_text())["protocol"]["name"] == "ffp"
    assert result.folder == tmp_path / "judged"
    assert {path: path.stat().st_mtime_ns for path in unbroken.path.rglob("*")} == before
    with pytest.raises(VadkitError, match="is a run; its results would be overwritten"):
        reporting.report(unbroken.path, out=unbroken.path)


def test_evaluation_refuses_to_change_what_the_scores_depend_on(unbroken: vadkit.Run) -> None:
    with pytest.raises(VadkitError, match="'seed' changes the scores"):
        reporting.evaluate(unbroken.path, ["seed=3"])


def test_a_trained_model_scores_clips_from_python(unbroken: vadkit.Run) -> None:
    pipeline = vadkit.load_run(unbroken.path).pipeline()
    out = pipeline(torch.rand(2, 1, 8, 32, 48) * 2 - 1)
    assert out.output is not None
    assert out.output.shape == (2, 1, 8, 32, 48)
    assert {name: tuple(nll.shape) for name, nll in out.nll.items()} == {"static": (2, 2), "dynamic": (2, 8)}
    assert not any(parameter.requires_grad for parameter in pipeline.parameters())
    assert not any(module.training for module in pipeline.train().modules())


def test_the_encoder_is_frozen_and_evaluating_in_step_two(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vadkit.model.autoencoder import Autoencoder

    seen: list[tuple[bool, bool]] = []
    encode = Autoencoder.encode

    def spy(self: Autoencoder, clips: torch.Tensor) -> dict[str, torch.Tensor]:
        seen.append((self.training, torch.is_grad_enabled() and any(p.requires_grad for p in self.parameters())))
        return encode(self, clips)

    monkeypatch.setattr(Autoencoder, "encode", spy)
    del tiny["densities"]["dynamic"], tiny["scores"]["likelihood"], tiny["fuse"]["likelihood"]
    marks: dict[str, int] = {}

    class Watch(NoProgress):
        def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
            marks.setdefault(stage, len(seen))

    vadkit.run(tiny, out=tmp_path / "run", progress=Watch())
    first = seen[: marks["density.static"]]
    assert (True, True) in first  # step one trains it
    assert set(seen[marks["density.static"] :]) == {(False, False)}


def test_a_second_run_does_not_walk_over_the_first(unbroken: vadkit.Run, tiny: dict[str, Any]) -> None:
    before = (unbroken.path / "metrics.json").read_bytes()
    with pytest.raises(RunFolderError, match="already contains a run") as caught:
        vadkit.run(tiny, out=unbroken.path)
    assert "--resume" in str(caught.value)
    assert (unbroken.path / "metrics.json").read_bytes() == before


def test_a_run_that_failed_at_its_start_is_not_in_the_way(
    tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Experiment) -> None:
        raise DataError("fails at the start")

    monkeypatch.setattr(Experiment, "train_model", fail)
    out = tmp_path / "run"
    for _ in range(2):
        with pytest.raises(DataError, match="fails at the start"):
            vadkit.run(tiny, out=out)
        assert (out / "recipe.yaml").is_file()
        assert not (out / "metrics.json").exists()
        (out / "metrics.json").write_text("{}")
    (out / "checkpoints").mkdir(exist_ok=True)
    (out / "checkpoints" / "state.pt").touch()
    with pytest.raises(RunFolderError, match="already contains a run"):
        vadkit.run(tiny, out=out)


def test_resuming_with_another_recipe_is_refused(unbroken: vadkit.Run, tiny: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match="made with another recipe"):
        vadkit.run(tiny, out=unbroken.path, resume=True, overrides=["model.encoder.beta=4"])


def test_a_foreign_or_damaged_checkpoint_is_refused(unbroken: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(unbroken.path, copy)
    model = copy / "checkpoints" / "model.safetensors"
    shutil.copy(copy / "checkpoints" / "density.static.safetensors", model)
    with pytest.raises(CheckpointError, match="another recipe"):
        vadkit.run(tiny, out=copy, resume=True)
    model.write_bytes(model.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="is damaged"):
        vadkit.load_run(copy).pipeline()


def test_a_folder_with_something_else_in_it_is_left_alone(tiny: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunFolderError, match="not empty, and is not a run"):
        vadkit.run(tiny, out=tmp_path, overwrite=True)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tiny: dict[str, Any], tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(RunFolderError, match="no permission"):
        vadkit.run(tiny, out=tmp_path / "run")


def test_a_file_where_the_run_folder_should_be(tiny: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunFolderError, match="is a file, not a folder"):
        vadkit.run(tiny, out=tmp_path / "file")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_message(unbroken: vadkit.Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from vadkit.core.files import atomic_write

    target = tmp_path / "scores.npz"
    target.write_text("old")

    def write() -> None:
        with atomic_write(target) as aside:
            aside.symlink_to("/dev/full")
            with aside.open("wb", buffering=0) as file:
                file.write(b"new")

    with pytest.raises(RunFolderError, match="the disk is full"):
        write()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("overwrite", [True, False])
def test_two_runs_cannot_write_one_folder(
    overwrite: bool, unbroken: vadkit.Run, tiny: dict[str, Any], tmp_path: Path
) -> None:
    from vadkit.store.run_folder import RunFolder

    copy = tmp_path / "run"
    shutil.copytree(unbroken.path, copy)
    before = sorted(path.relative_to(copy) for path in copy.rglob("*"))
    with (
        RunFolder(copy).locked(),
        pytest.raises(RunFolderError, match=rf"another vadkit is writing here: process {os.getpid()} on "),
    ):
        vadkit.run(tiny, out=copy, overwrite=overwrite, resume=not overwrite)
    assert sorted(path.relative_to(copy) for path in copy.rglob("*")) == before


def test_resume_and_overwrite_together_are_refused(unbroken: vadkit.Run, tiny: dict[str, Any]) -> None:
    with pytest.raises(RunFolderError, match="contradict"):
        vadkit.run(tiny, out=unbroken.path, resume=True, overwrite=True)
    assert_same(vadkit.load_run(unbroken.path), unbroken)


def test_what_a_killed_writer_left_is_no_hindrance(tiny: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / ".recipe.0123abcd.part.yaml").write_text("vadkit: ")
    tiny["densities"], tiny["scores"], tiny["fuse"] = {}, {"reconstruction": tiny["scores"]["reconstruction"]}, {}
    vadkit.run(tiny, out=tmp_path, resume=True, overrides=["model.fit.steps=1"])
    assert not list(tmp_path.rglob(".*.part*"))


def test_resuming_on_other_data_is_refused(unbroken: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(unbroken.path, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["data"]["fingerprints"]["test"] = "another"
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="started on other data: the test videos differ"):
        vadkit.run(tiny, out=copy, resume=True)


def test_the_manifest_keeps_every_session(unbroken: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(unbroken.path, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    sessions = manifest["sessions"]
    done = vadkit.run(tiny, out=copy, resume=True)
    after = json.loads((copy / "manifest.json").read_text())
    assert after["sessions"][: len(sessions)] == sessions
    assert len(after["sessions"]) == len(sessions) + 1
    assert done.metrics["summary"]["run"]["commit"] == sessions[0]["commit"]


def test_a_manifest_of_another_format_is_refused(unbroken: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(unbroken.path, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    for other in ({**manifest, "format": 99}, {key: value for key, value in manifest.items() if key != "format"}):
        (copy / "manifest.json").write_text(json.dumps(other))
        with pytest.raises(CheckpointError, match="this version of vadkit reads format 1"):
            vadkit.run(tiny, out=copy, resume=True)
    (copy / "manifest.json").write_text(json.dumps({**manifest, "seed": "three"}))
    with pytest.raises(CheckpointError, match=r"manifest\.json: is damaged"):
        vadkit.run(tiny, out=copy, resume=True)


def test_an_earlier_run_is_replaced_only_by_one_that_can_begin(
    unbroken: vadkit.Run, tiny: dict[str, Any], tmp_path: Path
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(unbroken.path, copy)
    with pytest.raises(DataError, match=r"^video .*: has 7 frames, but a clip spans 8"):
        vadkit.run(tiny, out=copy, overwrite=True, overrides=["data.frames=7"])
    assert_same(vadkit.load_run(copy), unbroken)


def test_what_does_not_fit_is_said_before_any_training(tiny: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ShapeError, match="a patch of 64 pixels is larger"):
        vadkit.run(tiny, out=tmp_path / "run", overrides=["scores.reconstruction.patch=64"])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.fit.optimizer.lr=-1", "lr must be positive"),
        ("model.encoder.beta=0", "model.encoder"),
        ("densities.static.hidden=-2", "densities.static"),
        ("scores.likelihood.densities=[]", "is empty"),
    ],
)
def test_a_value_that_a_constructor_refuses_is_one_message(
    override: str, message: str, tiny: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(VadkitError, match=message):
        vadkit.run(tiny, out=tmp_path / "run", overrides=[override])
    assert not (tmp_path / "run").exists()


def test_a_density_may_have_the_name_of_a_method(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["densities"] = {"train": tiny["densities"]["static"]}
    tiny["scores"], tiny["fuse"] = {"type": {"use": "nll", "densities": ["train"]}}, {}
    done = vadkit.run(tiny, out=tmp_path / "run")
    assert done.metrics["components"].keys() >= {"type"}


def test_two_losses_of_one_kind_both_count(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["model"]["losses"] = ["l2", {"use": "l2", "weight": 3.0}]
    tiny["densities"], tiny["scores"], tiny["fuse"] = {}, {"reconstruction": tiny["scores"]["reconstruction"]}, {}
    done = vadkit.run(tiny, out=tmp_path / "run", overrides=["model.fit.steps=1"])
    line = json.loads((done.path / "log.jsonl").read_text().splitlines()[0])
    assert line["l2.2"] == pytest.approx(3 * line["l2"])
    assert line["loss"] == pytest.approx(4 * line["l2"])


def test_ctrl_c_is_one_message_and_the_run_goes_on_later(
    unbroken: vadkit.Run, tiny: dict[str, Any], tmp_path: Path
) -> None:
    recipe, out = tmp_path / "tiny.yaml", tmp_path / "run"
    recipe.write_text(yaml.safe_dump(tiny))
    script = (
        "import os, signal, sys; from vadkit.cli import main; from vadkit.model.training.trainer import Trainer\n"
        "step, count = Trainer._step, iter(range(99))\n"
        "def interrupted(*args):\n"
        "    if next(count) == 2: os.kill(os.getpid(), signal.SIGINT)\n"
        "    return step(*args)\n"
        "Trainer._step = interrupted; sys.argv = ['vadkit', *sys.argv[1:]]; main()"
    )
    command = [sys.executable, "-c", script, "run", str(recipe), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 130
    assert "error: interrupted; the work so far is kept: continue with --resume" in done.stderr
    assert "Traceback" not in done.stderr
    messages: list[str] = []

    class Listening(NoProgress):
        def message(self, text: str) -> None:
            messages.append(text)

    assert_same(vadkit.run(recipe, out=out, resume=True, progress=Listening()), unbroken)
    assert "model: continues after step 3" in messages


def test_a_disk_that_fills_up_under_a_checkpoint_is_one_message(tmp_path: Path) -> None:
    script = (
        "import resource, signal, sys, torch; from pathlib import Path\n"
        "from vadkit.model.training.checkpoint import Checkpoints; from vadkit.core.errors import RunFolderError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "held = Checkpoints(Path(sys.argv[1]), 'r')\n"
        "net = torch.nn.Linear(50, 50)\n"
        "for write in (lambda: held.save('model', net, 'd'), lambda: held.save_state(net.state_dict())):\n"
        "    try: write()\n"
        "    except RunFolderError as error: print(error.what)\n"
    )
    told = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert told.stdout.split("\n")[:2] == ["the disk is full"] * 2
    assert list(tmp_path.iterdir()) == []


def test_training_that_diverges_stops_with_advice(tiny: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match="not finite") as caught:
        vadkit.run(
            tiny, out=tmp_path / "run", overrides=["model.fit.steps=60", "model.fit.optimizer={use: sgd, lr: 1e30}"]
        )
    assert "lower the learning rate" in str(caught.value)
    assert not (tmp_path / "run" / "checkpoints" / "model.safetensors").exists()


def test_missing_data_says_what_is_expected_and_where_to_get_it(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["data"] = {"use": "ucsd_ped", "clip": tiny["data"]["clip"]}
    with pytest.raises(DataError, match="the folder of its videos is not given") as caught:
        vadkit.run(tiny, out=tmp_path / "run")
    assert "--data-root" in str(caught.value)
    assert "UCSD" in str(caught.value)
    with pytest.raises(DataError, match="does not exist"):
        vadkit.run(tiny, out=tmp_path / "run", data_root=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError):
        vadkit.run(tiny, out=tmp_path / "run", data_root=tmp_path / "empty")
    assert not (tmp_path / "run").exists()


def test_densities_on_raw_frames_need_no_model(tiny: dict[str, Any], tmp_path: Path) -> None:
    del tiny["model"]
    tiny["densities"] = {"frames": {**tiny["densities"]["static"], "feature": {"use": "frames", "size": [16, 24]}}}
    tiny["scores"] = {"likelihood": {"use": "nll", "densities": ["frames"]}}
    tiny["fuse"] = {"likelihood": {"weight": 1.0}}
    done = vadkit.run(tiny, out=tmp_path / "run")
    assert 0 <= done.metrics["metrics"]["micro_auc"] <= 1


def test_maps_are_kept_for_metrics_that_read_them(unbroken: vadkit.Run, tiny: dict[str, Any], tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(unbroken.path, copy)
    change = ["evaluate.metrics=[micro_auc, rbdc_tbdc, pixel_auc]"]
    with pytest.raises(DataError, match=r"(?s)a metric reads anomaly maps, but the run has none.*--resume"):
        vadkit.load_run(copy).evaluate(change)
    done = vadkit.run(tiny, out=copy, resume=True, overrides=change)
    assert weights(copy).keys() == weights(unbroken.path).keys()
    for name, tensor in weights(copy).items():
        assert torch.equal(tensor, weights(unbroken.path)[name])
    found = done.metrics
    assert found["metrics"].keys() == {"micro_auc", "rbdc", "tbdc", "pixel_auc"}
    assert found["metrics"]["micro_auc"] == unbroken.metrics["metrics"]["micro_auc"]
    assert found["components"]["reconstruction"].keys() == {"micro_auc"}  # maps are judged with the fused score
    assert {path.name for path in (copy / "scores" / "anomaly_maps" / "reconstruction").iterdir()} == {
        "test_00.npy",
        "test_01.npy",
    }
    [first, _] = (np.load(path) for path in sorted((copy / "scores" / "anomaly_maps" / "reconstruction").iterdir()))
    assert first.shape == (40, 8, 12)
    again = vadkit.load_run(copy).evaluate()  # masks and tracks are in the run folder
    assert dict(again.metrics) == found["metrics"]


def test_a_metric_that_reads_maps_needs_a_scorer_that_gives_them(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["evaluate"]["metrics"] = ["pixel_auc"]
    tiny["evaluate"]["anomaly_maps"] = "likelihood"
    tiny["densities"]["static"] |= {"use": "realnvp", "feature": {"use": "vector_pool", "latent": "static"}}
    with pytest.raises(ShapeError, match="the scorer 'likelihood' gives none"):
        vadkit.run(tiny, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_test_tuned_run_stays_marked_under_any_protocol(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["evaluate"]["protocol"] = {"use": "itae", "test_tuned": True}
    done = vadkit.run(tiny, out=tmp_path / "run", allow_test_tuning=True)
    assert done.evaluate(["evaluate.protocol=ffp"]).protocol["test_tuned"] is True
    ffp = reporting.evaluate_all_protocols(done.path)["ffp"]
    assert not isinstance(ffp, VadkitError)
    assert ffp.protocol["test_tuned"] is True


def test_every_protocol_judges_a_run(unbroken: vadkit.Run) -> None:
    found = reporting.evaluate_all_protocols(unbroken.path)
    assert {name for name, one in found.items() if isinstance(one, VadkitError)} == {"hf2vad", "accivad", "deployable"}
    drop = found["ffp"]
    assert not isinstance(drop, VadkitError)
    assert drop.protocol["eer"] == "nearest"
    assert [one["use"] for part in drop.protocol["components"].values() for one in part["transform"]] == ["minmax"] * 2


def test_bfloat16_is_refused_where_torch_gives_noise(tiny: dict[str, Any], tmp_path: Path) -> None:
    """Clips of 8 frames leave 2 to the static path, whose kernels reach over 3."""
    tiny["engine"]["precision"] = "bf16"
    with pytest.raises(ShapeError, match=r"(?s)kernel 3 in time, 2 frames.*fp32"):
        vadkit.run(tiny, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
