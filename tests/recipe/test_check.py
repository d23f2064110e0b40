from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from vadkit.core.errors import RecipeError
from vadkit.core.values import ClipSpec
from vadkit.plugin.component import Component
from vadkit.plugin.registry import Plugin, Registry
from vadkit.recipe import load, loads
from vadkit.recipe.model import Engine, Evaluate, Fused, Recipe
from vadkit.recipe.presets import PRESETS


def told(recipe: Path, registry: Registry, *overrides: str) -> list[str]:
    """The problems, each as one text."""
    with pytest.raises(RecipeError) as caught:
        load(recipe, overrides=overrides, registry=registry)
    return [str(problem) for problem in caught.value.problems]


def changed(recipe: Path, old: str, new: str) -> Path:
    text = recipe.read_text()
    assert text.count(old) == 1
    recipe.write_text(text.replace(old, new))
    return recipe


def test_a_sound_recipe(recipe: Path, registry: Registry) -> None:
    found = load(recipe, registry=registry)
    assert isinstance(found, Recipe)
    assert (found.name, found.seed, found.engine) == ("first", 0, Engine())
    assert found.data.clip == ClipSpec(16, 64, 96, "gray", (0, 16), (0, 16), 1)
    assert (found.data.dataset.component.name, found.data.dataset.path, found.data.stride) == ("videos", "data", 4)
    assert found.model is not None
    assert (found.model.encoder.keys, found.model.encoder.path) == ({"tau": 4}, "model.encoder")
    assert [(loss.loss.path, loss.weight) for loss in found.model.losses] == [
        ("model.losses.0", 1.0),
        ("model.losses.1", 0.5),
    ]
    fit = found.model.fit
    assert fit is not None
    assert (fit.epochs, fit.steps, fit.optimizer.keys) == (2.0, None, {"lr": 0.01})
    assert fit.lr_scheduler is not None
    assert fit.lr_scheduler.component.name == "cosine"
    density = found.densities["static"]
    assert (density.density.keys, density.fit, density.feature.path) == (
        {"shrink": 1.0},
        None,
        "densities.static.feature",
    )
    assert found.scores["likelihood"].keys == {"densities": ["static"]}
    assert found.fuse["error"].weight == 2.0
    assert found.fuse["error"].transform[0].keys == {"over": "video"}
    assert found.evaluate == Evaluate(found.evaluate.metrics, PRESETS["itae"])
    assert [metric.component.name for metric in found.evaluate.metrics] == ["auc"]
    assert found.tree["data"]["clip"] == {"frames": 16, "size": [64, 96], "color": "gray"}


def test_what_is_left_out(recipe: Path, registry: Registry) -> None:
    overrides = ["model=null", "fuse=null", "report=null", "densities=null", "scores={likelihood: frame}"]
    overrides.append("scores.likelihood=frame")
    found = load(recipe, overrides=overrides, registry=registry)
    assert found.model is None
    assert found.densities == {}
    assert found.fuse == {"error": Fused(), "likelihood": Fused()}
    assert [reporter.component.name for reporter in found.report] == ["console", "json", "html"]
    assert found.tree["report"] is None


def test_a_protocol_with_changes(recipe: Path, registry: Registry) -> None:
    found = load(recipe, overrides=["evaluate.protocol.eer=nearest"], registry=registry)
    assert found.evaluate.protocol == replace(PRESETS["itae"], eer="nearest")


@pytest.mark.parametrize(
    ("written", "column", "message"),
    [
        ("itea", 22, "did you mean 'itae'"),
        ("{use: itae, erp: nearest}", 34, "did you mean 'eer'"),
        ("{use: itae, eer: neares}", 39, "did you mean 'nearest'"),
        ("{use: itae, test_tuned: maybe}", 46, "should be a valid boolean"),
        ("{use: itae, stride: 2}", 34, "has no key 'stride'"),
        ("[itae]", 22, "should be a mapping"),
    ],
)
def test_a_wrong_protocol_is_told_at_its_place(
    recipe: Path, registry: Registry, written: str, column: int, message: str
) -> None:
    [problem] = told(changed(recipe, "protocol: itae", f"protocol: {written}"), registry)
    assert problem.startswith(f"first.yaml:16:{column}: ")
    assert message in problem


def test_a_metric_that_contradicts_the_protocol_is_told_before_any_training(recipe: Path) -> None:
    registry = Registry.discover()
    text = (Path(__file__).parents[2] / "recipes" / "quickstart.yaml").read_text()
    recipe.write_text(text.replace("macro_auc, eer,", "macro_auc, {use: eer, method: nearest},"))
    [problem] = told(recipe, registry)
    assert problem.startswith("first.yaml:")
    assert "but protocol 'itae' has 'interpolated'" in problem


def test_null_takes_back_an_entry_of_a_parent(recipe: Path, registry: Registry) -> None:
    child = Path("child.yaml")
    child.write_text(
        "vadkit: 1\nextends: first.yaml\nname: child\ndensities: {static: null}\nscores: {likelihood: null}\n"
    )
    found = load(child, registry=registry)
    assert (found.densities, list(found.scores), list(found.fuse)) == ({}, ["error"], ["error"])
    assert (found.tree["densities"], list(found.tree["scores"])) == ({}, ["error"])
    [problem] = told(recipe, registry, "densities.static=null")
    assert "'scores.likelihood' reads the density 'static', which is not in 'densities'" in problem


def test_a_root_points_to_the_option_that_gives_it(recipe: Path, registry: Registry) -> None:
    [problem] = told(recipe, registry, "data.root=/mnt/data")
    assert "--set data.root=/mnt/data: 'data.root' is not a key" in problem
    assert "give the folder with --data-root (in Python: data_root=...)" in problem
    assert "or set the environment variable VADKIT_DATA" in problem


def test_ranges_of_a_clip(recipe: Path, registry: Registry) -> None:
    clip = load(recipe, overrides=["data.clip.input=0:4", "data.clip.target=4:5"], registry=registry).data.clip
    assert (clip.input, clip.target) == ((0, 4), (4, 5))


def test_text_and_mappings(recipe: Path, registry: Registry) -> None:
    text = recipe.read_text()
    from_file = load(recipe, registry=registry)
    assert loads(text, registry=registry) == from_file
    assert loads(from_file.tree, registry=registry) == from_file
    with pytest.raises(RecipeError, match=r"^model\.encoder\.tau: 'model.encoder.tau' should be a valid integer"):
        loads({**from_file.tree, "model": {**from_file.tree["model"], "encoder": {"use": "enc", "tau": "4"}}},
              registry=registry)  # fmt: skip


FAULTS: dict[str, tuple[str, str, list[str]]] = {
    "unknown section": (
        "report: [console]",
        "reports: [console]",
        ["first.yaml:17:1: the recipe has no key 'reports'\n  -> did you mean 'report'? (choices: data, densities, "
         "engine, evaluate, fuse, model, name, report, requires, scores, seed)"],
    ),
    "unknown component": (
        "decoder: dec",
        "decoder: dek",
        ["first.yaml:6:12: unknown decoder 'dek'\n  -> did you mean 'dec'? (choices: dec)"],
    ),
    "a component of another kind": (
        "decoder: dec",
        "decoder: enc",
        ["first.yaml:6:12: unknown decoder 'enc'\n  -> 'enc' is a encoder; did you mean 'dec'? (choices: dec)"],
    ),
    "unknown key of a component": (
        "{use: enc, tau: 4}",
        "{use: enc, tau: 4, widht: 3}",
        ["first.yaml:5:31: encoder 'enc' has no key 'widht'\n  -> did you mean 'width'? (choices: norm, ratios, share, "
         "steps, tau, width)"],
    ),
    "unknown key beside a structural one": (
        "stride: 4",
        "strid: 4",
        ["first.yaml:3:70: dataset 'videos' has no key 'strid'\n  -> did you mean 'stride'? (choices: augment, boxes, "
         "clip, fps, held_out, labels, mask, mixed_rates, on_corrupt, sampling, short, stride, subset, test_on)"],
    ),
    "lacking keys": (
        "{use: enc, tau: 4}",
        "{use: enc}",
        ["first.yaml:5:3: 'model.encoder' (enc) lacks 'tau'\n"
         "  -> write {use: enc, tau: ...}; 'vadkit list enc' describes the keys"],
    ),
    "lacking keys of a section": (
        "{epochs: 2, batch_size: 8, optimizer: {use: adam, lr: 1e-2}, lr_scheduler: cosine}",
        "{epochs: 2}",
        ["first.yaml:8:3: 'model.fit' lacks 'optimizer', 'batch_size'"],
    ),
    "lacking use": (
        "{use: enc, tau: 4}",
        "{tau: 4}",
        ["first.yaml:5:3: 'model.encoder' lacks 'use'\n  -> choices: enc, pair"],
    ),
    "a string for an integer": (
        "tau: 4",
        "tau: '4'",
        ["first.yaml:5:28: 'model.encoder.tau' should be a valid integer, not '4'"],
    ),
    "a bool for a float": (
        "lr: 1e-2",
        "lr: true",
        ["first.yaml:8:62: 'model.fit.optimizer.lr' should be a valid number, not true"],
    ),
    "inside a tuple": (
        "tau: 4",
        "tau: 4, ratios: [0.5, x]",
        ["first.yaml:5:45: 'model.encoder.ratios.1' should be a valid number, not 'x'"],
    ),
    "a short tuple": (
        "tau: 4",
        "tau: 4, ratios: [0.5]",
        ["first.yaml:5:39: 'model.encoder.ratios' should have an entry 1, not a list of 1"],
    ),
    "a union": (
        "tau: 4",
        "tau: 4, steps: x",
        ["first.yaml:5:38: 'model.encoder.steps' should be a list or a valid integer, not 'x'"],
    ),
    "a long tuple": (
        "tau: 4",
        "tau: 4, ratios: [0.5, 0.5, 0.5]",
        ["first.yaml:5:39: 'model.encoder.ratios' should have at most 2 entries, not a list of 3"],
    ),
    "inside one member of a union": (
        "tau: 4",
        "tau: 4, steps: [1, x]",
        ["first.yaml:5:42: 'model.encoder.steps.1' should be a valid integer, not 'x'"],
    ),
    "a union with components": (
        "protocol: itae",
        "protocol: {transform: fuze}",
        ["first.yaml:16:34: 'evaluate.protocol.transform' should be 'fuse' or a list, not 'fuze'\n"
         "  -> did you mean 'fuse'?"],
    ),
    "a component in a list of a union": (
        "protocol: itae",
        "protocol: {transform: [{use: minmax, over: vidoe}]}",
        ["first.yaml:16:55: 'evaluate.protocol.transform.0.over' should be 'video' or 'training', not 'vidoe'\n"
         "  -> did you mean 'video'?"],
    ),
    "keys of a section and of its component": (
        "stride: 4",
        "stride: x, subset: three",
        ["first.yaml:3:78: 'data.stride' should be a valid integer, not 'x'",
         "first.yaml:3:89: 'data.subset' should be 'one' or 'two', not 'three'"],
    ),
    "inside a mapping": (
        "tau: 4",
        "tau: 4, share: {a: 1.5}",
        ["first.yaml:5:42: 'model.encoder.share.a' should be a valid integer, not 1.5"],
    ),
    "a literal": (
        "over: video",
        "over: vidoe",
        ["first.yaml:15:54: 'fuse.error.transform.0.over' should be 'video' or 'training', not 'vidoe'\n"
         "  -> did you mean 'video'?"],
    ),
    "an alias of the module": (
        "tau: 4",
        "tau: 4, norm: l3",
        ["first.yaml:5:37: 'model.encoder.norm' should be 'l1' or 'l2', not 'l3'"],
    ),
    "both epochs and steps": (
        "epochs: 2",
        "epochs: 2, steps: 3",
        ["first.yaml:8:3: 'model.fit': exactly one of 'epochs' and 'steps' is needed; both are given\n"
            "  -> set the other to null, as in --set model.fit.epochs=null"],
    ),
    "neither epochs nor steps": (
        "epochs: 2, ",
        "",
        ["first.yaml:8:3: 'model.fit': exactly one of 'epochs' and 'steps' is needed; neither is given"],
    ),
    "no losses": (
        "[l2, {use: l2, weight: 0.5}]",
        "[]",
        ["first.yaml:4:1: 'model': 'decoder', 'fit' need 'losses'\n"
            "  -> add 'losses', or give only 'encoder' for an encoder that is not trained"],
    ),
    "a decoder without losses and fit": (
        "  losses: [l2, {use: l2, weight: 0.5}]\n"
        "  fit: {epochs: 2, batch_size: 8, optimizer: {use: adam, lr: 1e-2}, lr_scheduler: cosine}\n",
        "",
        ["first.yaml:4:1: 'model': 'decoder' needs 'losses', 'fit'\n"
            "  -> add 'losses', 'fit', or give only 'encoder' for an encoder that is not trained"],
    ),
    "losses without a decoder": (
        "  decoder: dec\n",
        "",
        ["first.yaml:4:1: 'model': 'losses', 'fit' need 'decoder'\n"
            "  -> add 'decoder', or give only 'encoder' for an encoder that is not trained"],
    ),
    "a value out of range": (
        "batch_size: 8",
        "batch_size: 0",
        ["first.yaml:8:32: 'model.fit.batch_size' should be greater than 0, not 0"],
    ),
    "not a number": (
        "weight: 2",
        "weight: .nan",
        ["first.yaml:15:19: 'fuse.error.weight' should be a finite number, not NaN"],
    ),
    "a range that leaves the clip": (
        "color: gray",
        "color: gray, input: 0:17",
        ["first.yaml:3:21: 'data.clip': the range input 0:17 is not within the 16 frames of the clip\n"
         "  -> choose a range inside 0:16"],
    ),
    "a range that is none": (
        "color: gray",
        "color: gray, target: 4",
        ["first.yaml:3:77: 'data.clip.target' should be a valid string, not 4"],
    ),
    "a malformed range": (
        "color: gray",
        "color: gray, target: 4-8",
        ["first.yaml:3:21: 'data.clip': target '4-8' is not 'start:stop'\n  -> for example target: 0:16"],
    ),
    "an empty range": (
        "color: gray",
        "color: gray, target: 0:0",
        ["first.yaml:3:21: 'data.clip': target 0:0 contains no frame\n  -> choose a range inside 0:16"],
    ),
    "a name of fuse": (
        "  error: {weight",
        "  eror: {weight",
        ["first.yaml:15:3: 'fuse' names 'eror', which is not in 'scores'\n"
         "  -> did you mean 'error'? (choices: error, likelihood)"],
    ),
    "a name of a density": (
        "densities: [static]",
        "densities: [statik]",
        ["first.yaml:13:38: 'scores.likelihood' reads the density 'statik', which is not in 'densities'\n"
         "  -> did you mean 'static'? (choices: static)"],
    ),
    "a list for a section": (
        "{weight: 2, transform: [{use: minmax, over: video}]}",
        "[1]",
        ["first.yaml:15:10: 'fuse.error' should be a mapping, not a list of 1"],
    ),
    "a scalar for a list": (
        "report: [console]",
        "report: console",
        ["first.yaml:17:9: 'report' should be a list, not 'console'"],
    ),
    "a number for a component": (
        "decoder: dec",
        "decoder: 3",
        ["first.yaml:6:12: 'model.decoder' should be the name of a decoder, or a mapping with 'use', not 3\n"
         "  -> choices: dec"],
    ),
    "a name for no folder": (
        "name: first",
        "name: ../first",
        ["first.yaml:2:7: 'name' '../first' is not a valid name for a run folder\n"
         "  -> use letters, digits, '_', '-' and '.'"],
    ),
    "a name that Windows keeps": (
        "name: first",
        "name: NUL.x",
        ["first.yaml:2:7: 'name' 'NUL.x' is not a valid name for a run folder\n"
         "  -> use letters, digits, '_', '-' and '.'"],
    ),
    "an entry's name": (
        "  error: frame",
        "  error: frame\n  a.b: frame",
        ["first.yaml:13:3: 'scores.a.b' is not a valid name for an entry\n"
         "  -> use letters, digits, '_' and '-', starting with a letter"],
    ),
    "a key that belongs to the recipe": (
        "[l2, {use: l2, weight: 0.5}]",
        "[l2, {use: clashing, weight: 0.5}]",
        ["first.yaml:7:22: the loss 'clashing' has the key 'weight', which is a key of the recipe here\n"
         "  -> its author should rename it"],
    ),
    "a constructor with open keys": (
        "[l2, {use: l2, weight: 0.5}]",
        "[open]",
        ["first.yaml:7:12: loss 'open': its constructor takes **options, so its keys cannot be known\n"
         "  -> its author should name every key as a keyword-only parameter"],
    ),
    "a nested component": (
        "{use: enc, tau: 4}",
        "{use: pair, first: enc}",
        ["first.yaml:5:24: 'model.encoder.first' (enc) lacks 'tau'\n"
         "  -> write {use: enc, tau: ...}; 'vadkit list enc' describes the keys"],
    ),
    "nested components in lists and mappings": (
        "{use: enc, tau: 4}",
        "{use: pair, first: {use: enc, tau: 1}, rest: [{use: enc, tau: x}], named: {a: l3}}",
        ["first.yaml:5:74: 'model.encoder.rest.0.tau' should be a valid integer, not 'x'",
         "first.yaml:5:90: unknown loss 'l3'\n  -> choices: clashing, l2, open"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "problems"), FAULTS.values(), ids=FAULTS)
def test_faults_and_their_places(recipe: Path, registry: Registry, old: str, new: str, problems: Sequence[str]) -> None:
    assert told(changed(recipe, old, new), registry) == problems


def test_values_that_are_nested_too_deeply(recipe: Path, registry: Registry) -> None:
    nested = "{use: pair, first: " * 60 + "{use: enc, tau: 1}" + "}" * 60
    with pytest.raises(RecipeError, match=r"first\.yaml:5:\d+: the values are nested more than 40 levels deep"):
        load(changed(recipe, "{use: enc, tau: 4}", nested), registry=registry)


def test_all_problems_are_told_together(recipe: Path, registry: Registry) -> None:
    changed(recipe, "decoder: dec", "decoder: dek")
    changed(recipe, "metrics: [auc]", "metrics: [auk]")
    found = told(recipe, registry, "model.encoder.tau=x", "engine.devices=0", "nmae=y")
    assert sorted(text.splitlines()[0] for text in found) == [
        "--set engine.devices=0: 'engine.devices' should be greater than 0, not 0",
        "--set model.encoder.tau=x: 'model.encoder.tau' should be a valid integer, not 'x'",
        "--set nmae=y: the recipe has no key 'nmae'",
        "first.yaml:16:38: unknown metric 'auk'",
        "first.yaml:6:12: unknown decoder 'dek'",
    ]


def test_nested_components(recipe: Path, registry: Registry) -> None:
    nested = "{use: pair, first: {use: enc, tau: 1}, rest: [{use: enc, tau: 2}], named: {a: l2}, maybe: null}"
    model = load(changed(recipe, "{use: enc, tau: 4}", nested), registry=registry).model
    assert model is not None
    keys = model.encoder.keys
    assert (keys["first"].keys, keys["first"].path) == ({"tau": 1}, "model.encoder.first")
    assert keys["rest"][0].path == "model.encoder.rest.0"
    assert keys["named"]["a"].component.name == "l2"
    assert keys["maybe"] is None


def test_a_problem_of_a_parent_stands_in_the_parent(recipe: Path, registry: Registry) -> None:
    changed(recipe, "tau: 4", "tau: x")
    Path("child.yaml").write_text("vadkit: 1\nextends: first.yaml\nname: child\n")
    assert told(Path("child.yaml"), registry) == [
        "first.yaml:5:28: 'model.encoder.tau' should be a valid integer, not 'x'"
    ]


def test_clashing_names_can_be_told_apart(recipe: Path, registry: Registry) -> None:
    twin = Component("decoder", "dec", "made_up_parts:Dec", "Another.")
    both = Registry([*registry.plugins, Plugin("twin", "twin 1", (twin,))])
    assert told(recipe, both) == [
        "first.yaml:6:12: the decoder 'dec' is announced more than once: made_up:dec and twin:dec\n"
        "  -> write the full name after 'use:', or name a plugin or its distribution in VADKIT_DISABLE"
    ]
    model = load(changed(recipe, "decoder: dec", "decoder: twin:dec"), registry=both).model
    assert model is not None
    assert model.decoder is not None
    assert model.decoder.component is twin


def test_a_plugin_that_cannot_be_imported(recipe: Path, registry: Registry, parts: Path) -> None:
    lost = Component("decoder", "lost", "made_up_absent:Dec", "Gone.")
    more = Registry([*registry.plugins, Plugin("lost", "lost 1", (lost,))])
    found = told(changed(recipe, "decoder: dec", "decoder: lost"), more)
    assert found == [
        "first.yaml:6:12: decoder 'lost': made_up_absent:Dec cannot be imported: ModuleNotFoundError: "
        "No module named 'made_up_absent'\n  -> correct the target, or repair or reinstall the package that provides it"
    ]


def test_a_check_imports_neither_torch_nor_the_component(recipe: Path, parts: Path) -> None:
    names = "('dataset','videos','Videos'),('encoder','enc','Enc'),('scorer','frame','Frame'),('metric','auc','Auc')"
    code = f"""
import sys
from vadkit.plugin.component import Component
from vadkit.recipe import json_schema, loads
from vadkit.plugin.registry import Plugin, Registry
sys.path.insert(0, {str(parts.parent)!r})
cards = tuple(Component(k, n, "made_up_parts:" + c, "") for k, n, c in [{names}])
registry = Registry([Plugin("p", "p 1", cards)])
text = "{{vadkit: 1, name: x, data: {{use: videos, clip: {{frames: 2, size: [4, 4]}}}}, scores: {{a: frame}}, "
loads(text + "evaluate: {{metrics: [auc]}}, report: []}}", registry=registry)
json_schema(registry)
print(sorted({{"torch", "made_up_parts", "vadkit.core.contracts"}} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("['vadkit.core.contracts']", "")
