"""Recipe keys with a new name: the old one works for one release."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vadkit.core.errors import DeprecatedKeyWarning, RecipeError
from vadkit.plugin.registry import Registry
from vadkit.recipe import load, plain, resolve
from vadkit.recipe.deprecated import translate
from vadkit.recipe.merge import resolve_plain
from vadkit.recipe.source import parse
from vadkit.store.run_folder import stage_digests

OLD = {
    "model: {fit: {schedule: cosine}}": {"model": {"fit": {"lr_scheduler": "cosine"}}},
    "densities: {a: {fit: {schedule: x}}, b: {fit: {schedule: null}}, c: {fit: null}, d: gauss}": {
        "densities": {"a": {"fit": {"lr_scheduler": "x"}}, "b": {"fit": {"lr_scheduler": None}}, "c": {"fit": None},
                      "d": "gauss"}
    },
    "evaluate: {maps: error}": {"evaluate": {"anomaly_maps": "error"}},
    "evaluate: {protocol: {uncovered: edge}}": {"evaluate": {"protocol": {"missing_scores": "nearest"}}},
    "evaluate: {protocol: {uncovered: lowest}}": {"evaluate": {"protocol": {"missing_scores": "min"}}},
    "evaluate: {protocol: {uncovered: drop}}": {"evaluate": {"protocol": {"missing_scores": "drop"}}},
}  # fmt: skip
NEW = ("schedule: cosine", "data: {fit: {schedule: a}}", "model: {schedule: a}", "model: null", "evaluate: [maps]")


@pytest.mark.parametrize(("text", "new"), OLD.items())
def test_an_old_key_is_read_as_the_new_one(text: str, new: Any) -> None:
    with pytest.warns(DeprecatedKeyWarning, match="recipe:1:"):
        assert plain(translate(parse(text, "recipe"))) == new


def test_a_key_that_moved_to_another_section_is_refused_with_its_new_place(recipe: Path, registry: Registry) -> None:
    with pytest.raises(RecipeError, match=r"'score_overlap' is now 'evaluate.protocol.overlap'\n.*=VALUE"):
        load(recipe, overrides=["engine.score_overlap=calibrated"], registry=registry)


@pytest.mark.parametrize("text", NEW)
def test_other_keys_of_the_same_name_stay(text: str) -> None:
    node = parse(text, "recipe")
    assert translate(node) == node


def test_the_warning_names_the_place_and_the_new_name(recipe: Path, registry: Registry) -> None:
    old = (
        recipe.read_text()
        .replace("lr_scheduler", "schedule")
        .replace("{protocol: itae,", "{protocol: {uncovered: edge},")
    )
    new = load(recipe, registry=registry, overrides=["evaluate.protocol.missing_scores=nearest"])
    recipe.write_text(old)
    with pytest.warns(DeprecatedKeyWarning) as seen:
        found = load(recipe, registry=registry)
    assert [str(one.message) for one in seen] == [
        "first.yaml:8:69: 'schedule' is now 'lr_scheduler'; the old name works until vadkit 0.3",
        "first.yaml:16:23: 'uncovered: edge' is now 'missing_scores: nearest'; the old name works until vadkit 0.3",
    ]
    assert (found.model, found.evaluate) == (new.model, new.evaluate)
    assert stage_digests(found.tree)["model"] == stage_digests(new.tree)["model"]


@pytest.mark.parametrize(("first", "second"), [("schedule", "lr_scheduler"), ("lr_scheduler", "schedule")])
def test_of_an_old_and_a_new_key_the_later_source_counts(tmp_path: Path, first: str, second: str) -> None:
    (tmp_path / "base.yaml").write_text(f"vadkit: 1\nmodel: {{fit: {{{first}: linear}}}}\n")
    (tmp_path / "leaf.yaml").write_text(
        f"extends: base.yaml\nmodel: {{fit: {{{second}: cosine}}}}\n"
        f"variants: {{one: {{model: {{fit: {{{first}: {{end: 1}}}}}}}}, two: null}}\n"
    )
    with pytest.warns(DeprecatedKeyWarning):
        node = resolve(tmp_path / "leaf.yaml/one")
    assert plain(node)["model"] == {"fit": {"lr_scheduler": {"use": "cosine", "end": 1}}}


@pytest.mark.parametrize("override", ["fit.schedule.end=2", "fit.schedule={end: 2}", "fit={schedule: {end: 2}}"])
def test_an_override_may_use_the_old_key(override: str) -> None:
    recipe = {"vadkit": 1, "model": {"fit": {"lr_scheduler": "cosine"}}}
    with pytest.warns(DeprecatedKeyWarning, match=f"^--set model.{override[:3]}"):
        node = resolve_plain(recipe, [f"model.{override}"])
    assert plain(node)["model"] == {"fit": {"lr_scheduler": {"use": "cosine", "end": 2}}}


def test_both_names_in_one_section_are_refused() -> None:
    with pytest.raises(RecipeError, match="r:1:18: 'maps' is the old name of 'anomaly_maps', and both are given"):
        translate(parse("evaluate: {      maps: a, anomaly_maps: b}", "r"))


def test_the_command_line_prints_one_line(recipe: Path) -> None:
    recipe.write_text("vadkit: 1\nextends: quickstart\nevaluate:\n  maps: null\n", encoding="utf-8")
    command = [sys.executable, "-c", "from vadkit.cli.main import main; main()", "show", str(recipe)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    text = "first.yaml:4:3: 'maps' is now 'anomaly_maps'; the old name works until vadkit 0.3"
    assert done.stderr == f"warning: {text}\n"
    assert "anomaly_maps: null" in done.stdout
