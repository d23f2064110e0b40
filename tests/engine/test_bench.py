"""What a recipe costs: operations by hand, parameters as published, times that add up, refusals."""

from __future__ import annotations

import copy
import csv
import io
import json
from pathlib import Path
from typing import Any

import forked
import pytest
import torch
import yaml
from tiny_runs import TINY
from torch import nn

import vadkit
from vadkit.cli.render.bench import renderer
from vadkit.core.errors import CheckpointError, DataError, RecipeError, VadkitError
from vadkit.core.values import ClipOutputs
from vadkit.engine.bench.bench import bench
from vadkit.engine.bench.flops import SCORES, count_flops, watched
from vadkit.engine.experiment import without_videos
from vadkit.model.pipeline import Pipeline
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.store.run_folder import RunFolder

PARTS = ("features", "densities")
ROOT = Path(__file__).parents[2]


def written(folder: Path, recipe: dict[str, Any]) -> Path:
    path = folder / "recipe.yaml.txt"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False))
    return path


def flops_of(path: Path, *overrides: str) -> dict[str, int | None]:
    found = bench(path, overrides, repeat=0)
    return {part.name: part.flops for part in found.parts}


def conv(inputs: int, outputs: int, kernel: int, places: int) -> int:
    """Places of the output for a convolution, of the input for a transposed one."""
    return 2 * inputs * outputs * kernel * places


def test_operations_of_a_small_itae_are_those_of_its_formula(tiny: dict[str, Any], tmp_path: Path) -> None:
    """8 frames of 32x48, gray, tau 4, 8 channels each, beta 2; Table 1's kernels."""
    found = flops_of(written(tmp_path, tiny))
    half, quarter = 16 * 24, 8 * 12
    static = conv(1, 8, 9, 2 * half) + conv(16, 8, 9, 2 * quarter) + 2 * conv(8, 8, 27, 2 * quarter)
    dynamic = conv(1, 4, 45, 8 * half) + conv(4, 4, 27, 8 * quarter) + 2 * conv(4, 4, 27, 8 * quarter)
    assert found["encoder"] == static + dynamic + conv(4, 8, 5, 2 * half)
    doubled = conv(16, 8, 27, 2 * quarter) + conv(8, 8, 27, 2 * quarter) + conv(8, 8, 27, 4 * half)
    assert found["decoder"] == conv(4, 8, 5, 2 * quarter) + doubled + conv(8, 1, 27, 8 * 32 * 48)
    # Two steps on 12 channels, after the squeeze, of 2 maps of 8x12: a 1x1 mixing and a 3x3 - 1x1 - 3x3 net.
    step = conv(12, 12, 1, 24) + conv(6, 8, 9, 24) + conv(8, 8, 1, 24) + conv(8, 12, 9, 24)
    joined = 2 * conv(12, 12, 1, 12)  # P, L and U of the mixing matrix, once a call
    assert found["densities.static"] == 2 * (2 * step + joined)
    assert found[SCORES] == 0


def test_operations_of_densities_without_gradients(tiny: dict[str, Any], tmp_path: Path) -> None:
    feature = {"use": "vector_pool", "latent": "static"}  # two vectors of 16 numbers a clip
    tiny["densities"] = {
        "gmm": {"use": "gmm", "components": 3, "feature": feature},
        "knn": {"use": "knn", "samples": 100, "feature": feature},
        "gaussian": {"use": "gaussian", "feature": feature},
    }
    tiny["scores"] = {"likelihood": {"use": "nll", "densities": ["gmm", "knn", "gaussian"]}}
    del tiny["fuse"]
    found = bench(written(tmp_path, tiny), repeat=0)
    flops = {part.name: part.flops for part in found.parts}
    assert flops["densities.gmm"] == 2 * 2 * 3 * 16 * 16
    assert flops["densities.knn"] == 2 * 2 * 100 * 16
    assert flops["densities.gaussian"] == 2 * 16 * 16
    assert set(found.noise) == {"gmm", "knn", "gaussian"}
    assert flops["decoder"] is None  # no score reads its output: it does not run
    assert "fitted on noise" in renderer("console")(found)


def test_the_pipeline_is_the_same_after_counting(tiny: dict[str, Any]) -> None:
    experiment = without_videos(read_recipe(tiny, (), Registry.discover()), RunFolder(Path()))
    pipeline = experiment.pipeline()
    before = {name: tensor.clone() for name, tensor in pipeline.state_dict().items()}
    assert count_flops(pipeline, experiment.scorers)
    after = pipeline.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert not any(module._forward_hooks for module in pipeline.modules())


def test_what_needs_values_is_not_counted_but_runs(tiny: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = without_videos(read_recipe(tiny, (), Registry.discover()), RunFolder(Path()))

    class Peeking(nn.Module):
        def forward(self, clips: Any) -> Any:
            assert float(clips.sum()) < 0  # a branch on values
            return clips

    pipeline = experiment.pipeline()
    encoder: Any = pipeline.autoencoder and pipeline.autoencoder.encoder
    encoder.static[0].insert(0, Peeking())
    assert count_flops(pipeline, experiment.scorers) is None


def test_parameters_and_operations_of_the_full_recipe() -> None:
    """The paper's 7.74 M (in colour). docs/explanation/reproduction.md explains the flows' 10.20 and 11.09 M."""
    found = bench(ROOT / "recipes" / "itae_nf_ped2.yaml", ["data.clip.color=rgb"], repeat=0)
    parts = {part.name: part for part in found.parts}
    model = parts["encoder"].parameters + parts["decoder"].parameters
    assert round(model / 1e6, 2) == 7.74
    assert round(parts["densities.static"].parameters / 1e6, 2) == 11.09
    assert round(parts["densities.dynamic"].parameters / 1e6, 2) == 10.20
    assert found.whole.parameters == sum(part.parameters for part in found.parts)
    assert found.whole.flops == sum(part.flops or 0 for part in found.parts)
    assert found.frames_per_second is None
    assert found.peak_memory is None


def test_times_of_the_parts_lie_within_the_whole(tiny: dict[str, Any], tmp_path: Path) -> None:
    found = bench(written(tmp_path, tiny), repeat=3, warmup=1, batch=2)
    assert [part.name for part in found.parts] == [
        "encoder", "decoder", "features.static", "densities.static", "features.dynamic", "densities.dynamic", SCORES,
    ]  # fmt: skip
    times = [part.milliseconds for part in found.parts]
    whole = found.whole.milliseconds
    assert whole is not None
    assert all(one is not None and 0 < one.least <= one.median <= one.most for one in times)
    assert sum(one.least for one in times if one) <= whole.most
    assert found.stride == 4
    assert found.per_frame(found.whole) == whole.median / 4
    assert found.frames_per_second == pytest.approx(4000 / whole.median)
    assert found.peak_memory is not None
    assert found.peak_memory > 2**26  # torch alone takes more


def test_every_form_says_the_same(tiny: dict[str, Any], tmp_path: Path) -> None:
    found = bench(written(tmp_path, tiny), repeat=2, warmup=0)
    plain = json.loads(renderer("json")(found))
    assert plain["frames_per_second"] == found.frames_per_second
    assert [part["flops"] for part in plain["parts"]] == [part.flops for part in found.parts]
    rows = list(csv.DictReader(io.StringIO(renderer("csv")(found))))
    assert [row["part"] for row in rows] == [*(part.name for part in found.parts), "in all"]
    assert found.whole.milliseconds is not None
    assert float(rows[-1]["ms_per_clip"]) == found.whole.milliseconds.median
    text = f"{found.whole.milliseconds.median:.2f}"
    for form in ("console", "markdown", "latex"):
        assert text in renderer(form)(found)
        assert "untrained weights" in renderer(form)(found)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench") / "run"
    vadkit.run(copy.deepcopy(TINY), out=folder, keep_cache=False)
    return folder


def test_a_run_is_measured_with_its_weights(run: Path) -> None:
    found = bench(run, repeat=1, warmup=0)
    assert found.weights == str(run)
    assert found.noise == {}
    assert "weights of" in renderer("markdown")(found)
    manifest = json.loads((run / "manifest.json").read_text())
    assert manifest["flops"] == {part.name: part.flops for part in found.parts}
    other = bench(run, ["engine.precision=bf16", "engine.score_stride=1"], repeat=1, warmup=0)
    assert (other.precision, other.stride) == ("bf16", 1)


def test_a_run_is_measured_with_the_registry_that_is_given(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = Registry.discover()

    def again() -> Registry:
        raise AssertionError("plugins were looked for again")

    monkeypatch.setattr(Registry, "discover", again)
    assert bench(run, repeat=0, registry=given).weights == str(run)


def test_a_run_is_not_measured_as_another(run: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="another recipe"):
        bench(run, ["seed=5"], repeat=1)
    (tmp_path / "recipe.yaml").write_text((run / "recipe.yaml").read_text())
    with pytest.raises(DataError, match="stage model is not finished"):
        bench(tmp_path, repeat=1)


def test_without_a_model(tiny: dict[str, Any], tmp_path: Path) -> None:
    del tiny["model"], tiny["fuse"]
    tiny["densities"] = {"frames": {"use": "gaussian", "covariance": "diagonal", "feature": {"use": "frames"}}}
    tiny["scores"] = {"likelihood": {"use": "nll", "densities": ["frames"]}}
    found = bench(written(tmp_path, tiny), repeat=1, warmup=0)
    assert [part.name for part in found.parts] == ["features.frames", "densities.frames", SCORES]
    assert found.whole.flops == 0  # nothing but additions and squares
    assert found.whole.parameters == 0


def test_parts_that_do_not_run_are_not_seen(tiny: dict[str, Any]) -> None:
    tiny["scores"] = {"likelihood": {"use": "nll", "densities": ["static"]}}
    del tiny["fuse"]
    pipeline = without_videos(read_recipe(tiny, (), Registry.discover()), RunFolder(Path())).pipeline()
    ticks = iter(range(100))
    with torch.no_grad(), watched(pipeline, lambda: next(ticks)) as seen:
        pipeline(torch.zeros(1, *pipeline.clip.shape))
    assert list(seen) == ["encoder", *(f"{part}.{name}" for name in ("static", "dynamic") for part in PARTS)]
    assert list(seen.values()) == [(tick, tick + 1) for tick in range(0, 10, 2)]


def test_too_little_memory_is_one_message(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["data"]["clip"] = {"frames": 8, "size": [4096, 4096], "color": "gray"}  # 32 TiB of clips
    del tiny["densities"], tiny["fuse"]
    tiny["scores"] = {"reconstruction": "patch_error"}
    with pytest.raises(VadkitError, match=r"(?s)memory does not suffice.*--batch"):
        bench(written(tmp_path, tiny), batch=65536, repeat=1)


def test_misuse_is_exit_code_2(tiny: dict[str, Any], tmp_path: Path) -> None:
    def told(*arguments: str) -> str:
        done = forked.command("bench", *arguments)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr

    path = str(written(tmp_path, tiny))
    assert "--repeat" in told(path, "--repeat", "0")
    assert "no.yaml" in told(str(tmp_path / "no.yaml"))
    with pytest.raises(VadkitError, match="console, csv, markdown, latex, json"):
        renderer("pdf")
    with pytest.raises(RecipeError, match="score_stride"):
        bench(path, ["engine.score_strid=1"])


def test_what_depends_on_the_order_of_frames_is_not_timed_in_batches() -> None:
    recipe = "baselines/walkway/mnad_reconstruction"
    with pytest.raises(VadkitError, match="one at a time"):
        bench(recipe, batch=2, warmup=0, repeat=1)


def test_what_a_memory_takes_in_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = "baselines/walkway/mnad_reconstruction"
    seen: list[ClipOutputs] = []

    def slow(_: Pipeline, out: ClipOutputs) -> None:
        seen.append(out)
        clock[0] += 1000.0

    clock = [0.0]
    monkeypatch.setattr(Pipeline, "update", slow)
    monkeypatch.setattr("vadkit.engine.bench.bench.time.perf_counter", lambda: clock[0])
    found = bench(recipe, ["data.clip.size=[32, 32]"], warmup=1, repeat=2)
    assert len(seen) == 3
    assert found.whole.milliseconds is not None
    assert found.whole.milliseconds.median == 1e6
    assert {part.milliseconds.median for part in found.parts if part.milliseconds} == {0.0}
