"""Which components can be exported: the graph gives the scores of PyTorch, and the others are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pretrained import write_export
from tiny_runs import TINY

from vadkit.cli.render.bench import renderer
from vadkit.core.errors import VadkitError
from vadkit.core.values import ClipOutputs
from vadkit.engine.bench import bench as benching
from vadkit.engine.experiment import Experiment, without_videos
from vadkit.engine.export import formats
from vadkit.engine.export.clip_scorer import FUSED, LinearFusion, random_frames
from vadkit.engine.export.comparison import Normal, _relative, compare
from vadkit.engine.export.graph import capture
from vadkit.model.pipeline import Pipeline
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.store.run_folder import RunFolder
from vadkit_densities.gaussian import Gaussian
from vadkit_densities.neighbours import NearestNeighbours
from vadkit_itae.encoder import ITAE
from vadkit_standard.scorers import FrameError

CLIP = {"frames": 4, "size": [16, 24], "color": "gray"}


def recipe_of(**sections: Any) -> dict[str, Any]:
    """A recipe, by default of a small ITAE."""
    recipe: dict[str, Any] = {key: TINY[key] for key in ("vadkit", "name", "model", "engine")}
    recipe["data"] = TINY["data"] | {"clip": CLIP}
    recipe["model"] = recipe["model"] | {"losses": ["l2"]}
    recipe["scores"] = {"error": "frame_error"}
    recipe["evaluate"] = {"protocol": "itae", "metrics": ["micro_auc"]}
    return {key: value for key, value in (recipe | sections).items() if value is not None}


def experiment(**sections: Any) -> Experiment:
    return without_videos(read_recipe(recipe_of(**sections), (), Registry.discover()), RunFolder(Path()))


def of_density(density: dict[str, Any], **scores: Any) -> Experiment:
    """An untrained experiment without a model: a density of small frames."""
    density |= {"feature": {"use": "frames", "size": [2, 3]}}
    return experiment(model=None, densities={"d": density}, scores={"d": {"use": "nll", "densities": ["d"]}} | scores)


@pytest.mark.parametrize("name", ["unet", "stae", "backbone"])
def test_an_encoder_and_its_decoder_give_the_same_scores_for_any_number_of_clips(name: str, tmp_path: Path) -> None:
    ahead = {"frames": 5, "size": [8, 8], "color": "gray", "input": "0:4", "target": "4:5"}
    longer = {"frames": 16, "size": [8, 8], "color": "gray", "input": "0:8", "target": "0:16"}
    chosen: dict[str, tuple[Any, Any]] = {
        "unet": (
            ahead,
            {"encoder": {"use": "unet", "channels": [2, 2, 2]}, "decoder": {"use": "unet", "channels": [2, 2]}},
        ),
        "stae": (
            longer,
            {"encoder": {"use": "stae", "channels": [2] * 4}, "decoder": {"use": "stae", "channels": [2] * 3}},
        ),
        "backbone": (CLIP, None),
    }
    clip, model = chosen[name]
    sections: dict[str, Any] = {"data": TINY["data"] | {"clip": clip}}
    if model is not None:
        sections["model"] = TINY["model"] | model | {"losses": ["l2"]}
    else:
        weights = write_export(tmp_path / "network.pt2", (16, 24), batch=2)
        sections["model"] = {"encoder": {"use": "backbone", "weights": str(weights), "architecture": "export"}}
        feature = {"use": "latent_cells", "latent": "0"}
        sections["densities"] = {"d": {"use": "gaussian", "covariance": "diagonal", "feature": feature}}
        sections["scores"] = {"error": {"use": "nll", "densities": ["d"]}}
    graph = capture(experiment(**sections), maps=False)
    form = formats.FORMS["torch"]
    form.write(graph, tmp_path / form.file)
    found = compare(graph.module, form.open(tmp_path / form.file, 1), random_frames(graph.clip, 3))
    assert (found.clips, found.relative < 1e-6) == (3, True)


@pytest.mark.parametrize("fused", [True, False])
def test_the_fused_score_needs_scorers_of_the_same_frames(fused: bool) -> None:
    """The mean of fused scores is not the fused score of means. `frame_difference` does not score the first frame."""
    other = {"use": "nll", "densities": ["d"]} if fused else {"use": "frame_difference", "patch": 8}
    row = np.ones(4)
    fusion = LinearFusion({"d": row, "other": row}, {"d": row, "other": 2 * row}, 0.5)
    graph = capture(of_density({"use": "gaussian", "covariance": "diagonal"}, other=other), maps=False, fusion=fusion)
    assert (FUSED in graph.outputs) == fused
    if fused:
        with torch.no_grad():
            found = graph.module(torch.from_numpy(random_frames(graph.clip, 2)))
        torch.testing.assert_close(found[FUSED], found["scores.d"] - 1 + 2 * (found["scores.other"] - 1) + 0.5)


def test_optical_flow_is_refused_by_name() -> None:
    feature = {"use": "optical_flow", "window": 8, "gap": 1, "position": True}
    density = {"use": "gmm", "components": 2, "per_place": True, "feature": feature}
    tried = experiment(
        model=None, densities={"speed": density}, scores={"motion": {"use": "nll", "densities": ["speed"]}}
    )
    with pytest.raises(
        VadkitError, match=r"the feature 'optical_flow' \(features\.speed\) cannot be exported"
    ) as caught:
        capture(tried, maps=True)
    assert caught.value.exit_code == 2
    assert "torch alone" in caught.value.fix


def test_values_that_decide_a_size_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NearestNeighbours, "for_scoring", lambda self: self)
    tried = of_density({"use": "knn", "samples": 20})
    tried.heads["d"].density.count.fill_(20)  # pyright: ignore
    with pytest.raises(VadkitError, match=r"the density 'knn' \(densities\.d\) .* depend on the values of tensors"):
        capture(tried, maps=False)


def test_a_scorer_outside_of_torch_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FrameError, "__call__", lambda _, out: torch.from_numpy(out.clips.numpy()[:, 0, :, 0, 0]))
    with pytest.raises(VadkitError, match=r"the scorer 'frame_error' \(scores\.error\) cannot be exported"):
        capture(experiment(), maps=False)


def test_a_fixed_number_of_clips_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = ITAE.forward
    monkeypatch.setattr(ITAE, "forward", lambda self, clips: forward(self, clips.reshape(len(clips), *clips.shape[1:])))
    with pytest.raises(VadkitError, match=r"the encoder 'itae' cannot be exported: it works for one number of clips"):
        capture(experiment(), maps=False)


def test_an_operation_that_onnx_lacks_is_named_with_its_density(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Gaussian, "for_scoring", lambda self: self)
    graph = capture(of_density({"use": "gaussian"}), maps=False)
    with pytest.raises(
        VadkitError, match=r"density 'gaussian' \(densities\.d\) .*no operator for torch's linalg_solve"
    ):
        formats.FORMS["onnx"].write(graph, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_a_state_is_refused_by_name() -> None:
    recipe = read_recipe(Path("baselines/walkway/mnad_reconstruction"), (), Registry.discover())
    with pytest.raises(VadkitError, match=r"the bottleneck 'mnad_memory' cannot be exported: .*memory updates"):
        capture(without_videos(recipe, RunFolder(Path())), maps=False)


def test_bench_times_exported_models_in_turn_with_pytorch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def run(frames: Any) -> Any:
        assert frames.dtype == np.uint8
        order.append("onnx")

    def updated(self: Pipeline, out: ClipOutputs) -> None:
        order.append("torch")

    form = formats.Form("model.onnx", "onnxruntime", (), lambda _, path: path.touch(), lambda *_: run)
    monkeypatch.setattr(formats, "FORMS", {"onnx": form})
    monkeypatch.setattr(benching, "capture", lambda *_, **__: None)
    monkeypatch.setattr(Pipeline, "update", updated)
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(recipe_of()))
    found = benching.bench(tmp_path / "small.yaml", repeat=2, warmup=1, export=["onnx"])
    assert order == ["torch", "onnx"] * 3
    [row] = found.exported
    assert row.name == "in all, onnxruntime"
    assert row.milliseconds is not None
    assert 0 <= row.milliseconds.least <= row.milliseconds.most
    for name in ("console", "csv", "markdown", "json"):
        assert "onnxruntime" in renderer(name)(found)


def test_far_from_normal_scores_the_scale_is_the_distance_from_them() -> None:
    """A float32 has seven digits, so a very abnormal video differs by more than a deviation of normal scores."""
    normal = Normal(mean=-400.0, std=20.0)
    high, low = np.full(1, 177_600.0, np.float32), np.full(1, -390.0, np.float32)
    assert _relative(high, high + np.float32(0.03), normal) == pytest.approx(0.03 / 178_000, rel=0.1)
    assert _relative(low, low + np.float32(0.03), normal) == pytest.approx(0.03 / 20, rel=0.01)
