"""Samples at places: grids, places without a sample, and likelihoods by place, from the feature to the scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from toys import Change, registry

import vadkit
from vadkit.api import ClipSpec, Component, DataError, FeatureSpec, Grid, ShapeError
from vadkit.engine.bench.bench import bench
from vadkit.engine.experiment import without_videos
from vadkit.model.compute import compute_of
from vadkit.model.pipeline import Head, Pipeline
from vadkit.model.training.density_fit import FeatureLoader
from vadkit.plugin.registry import Plugin, Registry
from vadkit.recipe.loading import read_recipe
from vadkit.recipe.model import Engine
from vadkit.store.run_folder import RunFolder
from vadkit.video.clips import Clips
from vadkit_densities.gaussian import Gaussian
from vadkit_densities.sample import collect
from vadkit_flows.glow import Glow
from vadkit_flows.realnvp import RealNVP

SPEC = ClipSpec(3, 16, 24, "gray")


def videos(count: int = 3, frames: int = 12) -> list[tuple[str, np.ndarray]]:
    """Black frames; in some of them, the left half flickers."""
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        video = np.zeros((frames, 16, 24, 1), np.uint8)
        video[4:9, :, :12] = random.integers(0, 255, (5, 16, 12, 1))
        made.append((f"{number}", video))
    return made


def loader(**changes: Any) -> FeatureLoader:
    clips = Clips(videos(**changes), SPEC)
    return FeatureLoader(clips, Change(SPEC, {}), None, compute_of(Engine(threads=1)), seed=3)


@pytest.fixture
def moving(tiny: dict[str, Any]) -> dict[str, Any]:
    """The tiny recipe without a model: the changes of cells, and a Gaussian."""
    del tiny["model"]
    tiny["data"]["clip"]["frames"] = 3
    tiny["engine"] = {"score_stride": 1, "threads": 1}
    tiny["densities"] = {"change": {"use": "gaussian", "feature": "change"}}
    tiny["scores"] = {"motion": {"use": "nll", "densities": ["change"], "pool": {"top": 3}}}
    tiny["fuse"] = {"motion": {"weight": 1.0}}
    return tiny


def test_a_grid_gives_a_value_to_the_centre_of_its_window() -> None:
    grid = Grid(2, 2, window=(4, 4), stride=(6, 6))  # centres between the pixels 1 and 2, 7 and 8
    pixels = grid.to_pixels(torch.tensor([[0.0, 6.0], [0.0, 6.0]]), 10, 10)
    assert pixels.shape == (10, 10)
    assert pixels[0].tolist() == pytest.approx([0, 0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6, 6])
    assert torch.equal(pixels[0], pixels[9])


def test_a_grid_of_one_place_is_the_same_everywhere() -> None:
    pixels = Grid.even(1, 1, 5, 7).to_pixels(torch.full((2, 3, 1, 1), 4.0), 5, 7)
    assert torch.equal(pixels, torch.full((2, 3, 5, 7), 4.0))


def test_the_loader_gives_present_samples_only_and_counts_them() -> None:
    source = loader()
    given = torch.cat(list(source.batches(16)))
    assert source.absent
    assert 0 < source.samples < source.spec.samples * source.spec.places * 30
    assert len(given) == source.samples // 16 * 16
    assert float(given.min()) > 0.01


def test_a_pass_continues_at_any_batch() -> None:
    source = loader()
    batches = list(source.batches(7, epoch=2))
    for start in (0, 1, 5, len(batches) - 1):
        rest = list(loader().batches(7, epoch=2, start=start))
        assert len(rest) == len(batches) - start
        assert all(torch.equal(one, other) for one, other in zip(rest, batches[start:], strict=True))


def test_a_pass_reads_the_stored_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    source = loader()
    first = list(source.batches(8))
    monkeypatch.setattr(source, "_compute", lambda *_: pytest.fail("computed again"))
    assert all(torch.equal(one, other) for one, other in zip(first, source.batches(8), strict=True))


def test_a_limited_sample_is_taken_from_all_clips() -> None:
    source = loader(count=20)
    batches = [batch[:, 0].tolist() for batch in source.batches(256)]
    sample = set(collect(source, source.samples // 4)[:, 0].float().tolist())
    assert len(batches) == 3
    assert all(0.2 < len(sample & set(batch)) / len(batch) < 0.5 for batch in batches)  # clips share frames


def test_the_quiet_value_is_a_low_quantile_of_all_training_samples() -> None:
    source = loader()
    values = torch.cat(list(source.batches(source.samples)))[:, 0]

    class First(nn.Module):
        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return features[:, 0]

    assert source.quiet(First()) == pytest.approx(float(values.quantile(0.01)), rel=0.05)


def test_an_absent_place_has_the_quiet_value() -> None:
    head = Head(Change(SPEC, {}), Gaussian(FeatureSpec((1,), 2)))
    head.quiet.fill_(-7.0)
    clips = torch.zeros(2, *SPEC.shape)
    clips[0, :, 1, :8, :8] = 0.5
    out = Pipeline(SPEC, None, {"change": head}, decode=False)(clips)
    assert out.nll["change"].shape == (2, 2, 2, 3)
    assert out.present["change"].sum() == 2
    assert torch.equal(out.nll["change"] != -7.0, out.present["change"])
    assert out.features["change"].grid == Grid(2, 3, (8, 8), (8, 8))


@pytest.mark.parametrize("cls", [Glow, RealNVP])
@pytest.mark.parametrize("levels", [1, 2])
def test_the_map_of_a_flow_sums_to_its_likelihood(cls: Any, levels: int) -> None:
    torch.manual_seed(0)
    flow = cls(FeatureSpec((3, 8, 12), 1), steps=2, levels=levels, hidden=8)
    values = torch.randn(32, 3, 8, 12) * 3 + 2
    with torch.no_grad():
        flow.standardize.fit([values])
        flow(values)
        for parameter in flow.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
        nll, by_place = flow.eval()(values), flow.nll_map(values)
    assert by_place.shape == (32, 8, 12)
    assert by_place.sum((1, 2)).tolist() == pytest.approx(nll.tolist(), rel=1e-5)
    assert float(by_place.std()) > 0.1


def test_a_flow_on_vectors_gives_no_map() -> None:
    assert RealNVP(FeatureSpec((4,), 1), steps=1, hidden=4).nll_map(torch.zeros(2, 4)) is None


def test_a_recipe_of_places_runs_and_keeps_its_quiet_value(moving: dict[str, Any], tmp_path: Path) -> None:
    moving["evaluate"]["metrics"] = ["micro_auc", "rbdc_tbdc"]
    run = vadkit.run(moving, out=tmp_path / "run", registry=registry())
    assert run.metrics["metrics"]["micro_auc"] > 0.5
    assert "rbdc" in run.metrics["metrics"]
    pipeline = vadkit.load_run(tmp_path / "run", registry()).pipeline()
    quiet = float(pipeline.named_heads()["change"].quiet)
    still = pipeline(torch.zeros(1, *pipeline.clip.shape))
    assert not still.present["change"].any()
    assert torch.equal(still.nll["change"], torch.full((1, 2, 4, 6), quiet))
    assert quiet != 0.0  # the value before the fit
    assert quiet < float(pipeline(torch.rand(1, *pipeline.clip.shape)).nll["change"].mean())


def test_training_videos_without_any_sample_are_refused_by_name(moving: dict[str, Any], tmp_path: Path) -> None:
    moving["densities"]["change"]["feature"] = {"use": "change", "gate": 10.0}
    with pytest.raises(DataError, match="no place has a sample") as caught:
        vadkit.run(moving, out=tmp_path / "run", registry=registry())
    assert caught.value.where == "densities.change.feature"
    assert caught.value.fix


def test_equal_features_are_computed_once(moving: dict[str, Any], tmp_path: Path) -> None:
    moving["densities"]["other"] = {"use": "gmm", "components": 1, "feature": "change"}
    moving["scores"]["other"] = {"use": "nll", "densities": ["other"], "pool": "max"}
    run = vadkit.run(moving, out=tmp_path / "run", registry=registry())
    heads = vadkit.load_run(run.path, registry()).pipeline().named_heads()
    assert heads["change"].feature is heads["other"].feature


def test_a_scorer_of_places_for_one_likelihood_a_frame_is_refused_before_training(
    tiny: dict[str, Any], tmp_path: Path
) -> None:
    tiny["densities"]["static"]["feature"] = {"use": "vector_pool", "latent": "static"}
    tiny["densities"]["static"] |= {"use": "realnvp"}
    tiny["scores"]["static"]["pool"] = "max"
    with pytest.raises(ShapeError, match="one likelihood for the complete frame"):
        vadkit.run(tiny, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_places_of_a_flow_are_pooled(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["scores"]["static"]["pool"] = {"patch": 3}
    run = vadkit.run(tiny, out=tmp_path / "run")
    assert np.isfinite(run.scores()[0].components["static"]).all()


def test_the_weights_of_a_shared_feature_count_once(moving: dict[str, Any], tmp_path: Path) -> None:
    plugins = registry().plugins
    weighted = Plugin("weighted", "tests 0", (Component("feature", "weighted", "toys:WeightedChange", "Weights."),))
    known = Registry([*plugins, weighted])
    moving["densities"]["change"]["feature"] = "weighted"
    moving["densities"]["other"] = {"use": "gmm", "components": 1, "feature": "weighted"}
    parameters = without_videos(read_recipe(moving, (), known), RunFolder(tmp_path)).parameters()
    assert parameters == {"density.change": 10, "density.other": 0}
    recipe = tmp_path / "moving.yaml"
    recipe.write_text(json.dumps(moving))
    found = bench(recipe, repeat=0, registry=known)
    assert {part.name: part.parameters for part in found.parts if part.parameters} == {"features.change": 10}
    assert found.whole.parameters == 10
