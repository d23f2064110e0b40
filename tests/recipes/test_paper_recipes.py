"""The paper's tables and figures as recipes: settings as printed, rows that share a run, what is marked test-tuned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from vadkit.plugin.registry import Registry
from vadkit.recipe import load
from vadkit.recipe.library import shipped
from vadkit.recipe.model import Recipe
from vadkit.recipe.variants import family_of
from vadkit.store.run_folder import stage_digests

TABLES = [name for name in shipped() if name.startswith("paper/")]
PAPER = {
    f"{name}/{variant}".removeprefix("paper/"): f"{name}/{variant}"
    for name in TABLES
    for variant in family_of(name).variants
}
# Section 4.2: size, color, rate and batch of the autoencoder, rate and batch of the flows, levels, weight.
PRINTED = {
    "ped2": ((240, 360), "gray", 1e-3, 2, 5e-4, 8, 1, 0.3),
    "avenue": ((256, 256), "rgb", 1e-2, 2, 5e-4, 5, 3, 0.1),
    "st": ((256, 256), "rgb", 1e-2, 8, 1e-4, 8, 3, 0.7),
    "ucf_crime": ((256, 256), "rgb", 1e-2, 8, 1e-4, 8, 3, 0.7),
    "lv": ((256, 256), "rgb", 1e-2, 8, 1e-4, 8, 3, 0.7),
    "ubi_fights": ((256, 256), "rgb", 1e-2, 8, 1e-4, 8, 3, 0.7),
}
SHARED = {
    "table3": ("nf_and_itae", ["nf_on_features"]),
    "table4": ("itae_nf", ["itae", "static_nf", "dynamic_nf"]),
    "table7": ("itae_nf", ["itae", "nf", "static_nf", "dynamic_nf"]),
}
FAMILIES = [
    *[(f"{table}_{data}", table) for table in ("table3", "table4") for data in ("ped2", "avenue", "st")],
    *[(f"{table}_ped2_small", table) for table in ("table3", "table4")],
    *[(f"table7_{data}", "table7") for data in ("ucf_crime", "lv", "ubi_fights")],
]


@pytest.fixture(scope="module")
def recipes() -> Mapping[str, Recipe]:
    registry = Registry.discover()
    return {place: load(name, registry=registry) for place, name in PAPER.items()}


def test_a_recipe_is_named_after_its_place(recipes: Mapping[str, Recipe]) -> None:
    assert len(recipes) > 70
    for place, recipe in recipes.items():
        assert recipe.name == place.replace("/", "_")


@pytest.mark.parametrize("data", PRINTED)
def test_hyper_parameters_are_those_printed(data: str) -> None:
    recipe = load(f"itae_nf_{data}", registry=Registry.discover())
    clip = recipe.data.clip
    size, color, rate, batch, flow_rate, flow_batch, levels, weight = PRINTED[data]
    assert ((clip.height, clip.width), clip.color, clip.frames) == (size, color, 16)
    assert recipe.model is not None
    assert recipe.model.encoder.keys["tau"] == 4
    assert recipe.model.fit is not None
    assert (recipe.model.fit.optimizer.keys["lr"], recipe.model.fit.batch_size) == (rate, batch)
    assert set(recipe.densities) == {"static", "dynamic"}
    for density in recipe.densities.values():
        assert density.fit is not None
        assert (density.fit.optimizer.keys["lr"], density.fit.batch_size) == (flow_rate, flow_batch)
        assert (density.density.keys["steps"], density.density.keys["levels"]) == (32, levels)
    assert recipe.fuse["likelihood"].weight == weight
    assert recipe.evaluate.protocol.test_tuned == (data in ("ped2", "avenue", "st"))


@pytest.mark.parametrize(("folder", "table"), FAMILIES)
def test_rows_of_one_model_share_every_stage(folder: str, table: str, recipes: Mapping[str, Recipe]) -> None:
    whole, rows = SHARED[table]
    run = recipes[f"{folder}/{whole}"]
    for row in rows:
        other = recipes[f"{folder}/{row}"]
        assert stage_digests(other.tree) == stage_digests(run.tree), row
        assert other.fuse != run.fuse
        assert {"name", "fuse", "evaluate"} >= {key for key in run.tree if run.tree[key] != other.tree[key]}


@pytest.mark.parametrize("folder", [folder for folder, table in FAMILIES if table != "table3"])
def test_what_rows_fuse(folder: str, recipes: Mapping[str, Recipe]) -> None:
    both = recipes[f"{folder}/itae_nf"]
    weight = both.fuse["likelihood"].weight
    errors = {"reconstruction", "frame"} if folder.endswith("small") else {"reconstruction"}
    for row, flow in (("static_ae", None), ("itae", None), ("static_nf", "static"), ("dynamic_nf", "dynamic")):
        recipe = recipes[f"{folder}/{row}"]
        assert set(recipe.fuse) == errors | ({flow} if flow else set()), row
        if flow:
            assert recipe.fuse[flow].weight == weight
            assert [one.component.name for one in recipe.fuse[flow].transform] == ["minmax"]
        for error in errors:
            assert recipe.fuse[error] == both.fuse[error]


@pytest.mark.parametrize("folder", [folder for folder, table in FAMILIES if table != "table3"])
def test_the_static_autoencoder_differs_in_its_encoder_alone(folder: str, recipes: Mapping[str, Recipe]) -> None:
    one, two = recipes[f"{folder}/static_ae"], recipes[f"{folder}/itae_nf"]
    assert one.model is not None
    assert two.model is not None
    assert one.model.encoder.component.name == "one_path"
    assert one.tree["data"] == two.tree["data"]
    for key in ("decoder", "losses", "fit"):
        assert one.tree["model"][key] == two.tree["model"][key]
    assert one.model.encoder.keys.get("channels") == two.model.encoder.keys.get("channels")
    assert not one.densities


@pytest.mark.parametrize("folder", [folder for folder, table in FAMILIES if table == "table3"])
def test_raw_frames_have_128_pixels_a_side_and_no_model(folder: str, recipes: Mapping[str, Recipe]) -> None:
    recipe = recipes[f"{folder}/nf_on_frames"]
    assert recipe.model is None
    assert (recipe.data.clip.frames, recipe.data.clip.height, recipe.data.clip.width) == (1, 128, 128)
    assert list(recipe.scores) == list(recipe.fuse) == ["likelihood"]
    assert list(recipes[f"{folder}/nf_on_features"].fuse) == ["likelihood"]


@pytest.mark.parametrize(("place", "trained", "tested"), [
    ("avenue_to_ped2", "avenue", "ucsd_ped"), ("st_to_ped2", "shanghaitech", "ucsd_ped"),
    ("st_to_avenue", "shanghaitech", "avenue"), ("avenue_to_st", "avenue", "shanghaitech"),
])  # fmt: skip
def test_table_6_shares_its_model_with_the_source(
    place: str, trained: str, tested: str, recipes: Mapping[str, Recipe]
) -> None:
    recipe = recipes[f"table6/{place}"]
    assert recipe.data.dataset.component.name == trained
    assert recipe.data.of("test").component.name == tested
    assert recipe.data.clip.color == "rgb"
    source = load(f"itae_nf_{place.split('_to_')[0]}", registry=Registry.discover())
    mine, theirs = stage_digests(recipe.tree), stage_digests(source.tree)
    assert [stage for stage in mine if mine[stage] != theirs[stage]] == ["scores"]


def test_what_no_own_test_label_chose_is_not_marked(recipes: Mapping[str, Recipe]) -> None:
    marked = {place for place, recipe in recipes.items() if recipe.evaluate.protocol.test_tuned}
    for place in recipes:
        if place.startswith(("table6", "table7", "table8")) or place.endswith(("nf_on_frames", "nf_on_features")):
            assert (place in marked) == ("small" in place), place
    assert {"table4_ped2/itae_nf", "table4_st/static_nf", "table3_avenue/nf_and_itae", "fig3/ped2"} <= marked
    assert not {"table4_ped2/itae", "table4_st/static_ae"} & marked


def test_table_8_measures_what_it_prints(recipes: Mapping[str, Recipe]) -> None:
    def metrics(recipe: Recipe) -> list[Any]:
        return [chosen.component.name for chosen in recipe.evaluate.metrics]

    assert metrics(recipes["table8_ubi_fights/itae"]) == ["micro_auc", "eer", "decidability"]
    for data in ("ucf_crime", "lv", "ubi_fights"):
        for row in ("itae", "itae_nf"):
            one, other = recipes[f"table8_{data}/{row}"], recipes[f"table7_{data}/{row}"]
            assert stage_digests(one.tree) == stage_digests(other.tree)
            assert one.fuse == other.fuse


def test_figures_name_what_they_draw(recipes: Mapping[str, Recipe]) -> None:
    drawn = {"fig3": "weight_curve", "fig5": "histograms", "fig6": "figures"}
    for figure, reporter in drawn.items():
        for data in ("ped2", "avenue", "st"):
            recipe = recipes[f"{figure}/{data}"]
            assert recipe.report[-1].component.name == reporter
            assert recipe.fuse["likelihood"].weight == PRINTED[data][-1]
    scenes = [recipes[f"fig7/{place}"].data.dataset.keys.get("scenes", ()) for place in ("01_scene", "06_scenes")]
    assert [len(chosen) for chosen in scenes] == [1, 6]
    assert not recipes["fig7/13_scenes"].data.dataset.keys.get("scenes")
