from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from strangers import write_metadata

from vadkit.core.errors import RecipeError
from vadkit.plugin.registry import Registry
from vadkit.recipe import json_schema, load, loads, render, resolve


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    for name, version in (("vadkit-kde", "1.2.1"), ("early", "2.0.dev3"), ("odd", "not a version")):
        write_metadata(folder, name, version, "")
    monkeypatch.syspath_prepend(folder)
    return folder


def problems(tiny: dict[str, Any], *requires: Any) -> list[str]:
    registry = Registry.discover()
    try:
        loads(tiny | {"requires": list(requires)}, registry=registry)
    except RecipeError as error:
        return [f"{problem.what} -> {problem.fix}" for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "text", ["vadkit-kde", "vadkit-kde>=1.2", "Vadkit_KDE ~= 1.2", "vadkit-kde>=1,<2,!=1.3", "early>=1", "odd"]
)
def test_what_is_installed_is_enough(site: Path, tiny: dict[str, Any], text: str) -> None:
    assert problems(tiny, text) == []


REFUSED = {
    "vadkit-kde>=1.3": "version 1.2.1 is installed -> pip install 'vadkit-kde>=1.3'",
    "vadkit-gone==4": "it is not installed -> pip install 'vadkit-gone==4'",
    "vadkt": "it is not installed -> did you mean 'vadkit'? else pip install 'vadkt'",
    "early>=2.0": "version 2.0.dev3 is installed -> pip install 'early>=2.0'",
    "odd>=1": "the installed version 'not a version' cannot be read -> pip install 'odd>=1'",
    "vadkit-kde; python_version > '3'": "environment markers (after ';') are not supported -> leave the marker out",
    "vadkit-kde @ https://example.org/x.whl": "a recipe names no place to install from",
    "git+https://example.org/x": "a recipe names no place to install from",
    "vadkit-kde[extra]>=1": "extras (in brackets) cannot be checked -> leave the brackets out",
    "vadkit-kde>=": "is no requirement: ",
    "": "is no requirement: ",
}


@pytest.mark.parametrize(("text", "what"), REFUSED.items())
def test_what_is_lacking_or_malformed_is_one_problem(site: Path, tiny: dict[str, Any], text: str, what: str) -> None:
    (found,) = problems(tiny, text)
    assert found.startswith(f"requires {text!r}: {what}")


def test_it_leads_with_its_place(tiny: dict[str, Any], tmp_path: Path) -> None:
    tiny["densities"]["static"]["use"] = "kde"
    lines = yaml.safe_dump(tiny, sort_keys=False).splitlines()
    path = tmp_path / "recipe.yaml"
    path.write_text("\n".join([*lines, "requires: [vadkit, vadkit-kde>=1.2]"]))
    with pytest.raises(RecipeError) as caught:
        load(path, registry=Registry.discover())
    first, second = caught.value.problems
    assert str(first) == (
        f"{path}:{len(lines) + 1}:20: requires 'vadkit-kde>=1.2': it is not installed\n"
        "  -> pip install 'vadkit-kde>=1.2'"
    )
    assert second.what == "unknown density 'kde'"


@pytest.mark.parametrize(("value", "what"), [("vadkit", "should be a list"), ([3], "'requires.0' should be")])
def test_what_is_no_list_of_texts(tiny: dict[str, Any], value: Any, what: str) -> None:
    with pytest.raises(RecipeError) as caught:
        loads(tiny | {"requires": value}, registry=Registry.discover())
    assert what in str(caught.value)


def test_a_child_replaces_the_list_of_its_parent(tiny: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(tiny | {"requires": ["no-such-thing"]}))
    child = tmp_path / "child.yaml"
    child.write_text("vadkit: 1\nextends: base.yaml\nrequires: [vadkit>=0.1]\n")
    recipe = load(child, registry=Registry.discover())
    assert recipe.requires == ("vadkit>=0.1",)
    assert recipe.tree["requires"] == ["vadkit>=0.1"]  # as the run folder keeps it
    assert 'requires: ["vadkit>=0.1"]' in render(resolve(child))
    assert load(child, overrides=["requires=null"], registry=Registry.discover()).requires == ()


def test_the_schema_knows_it() -> None:
    schema = json_schema(Registry.discover())
    keys = next(part for part in schema["$defs"].values() if "requires" in part.get("properties", {}))["properties"]
    assert keys["requires"]["type"] == "array"
