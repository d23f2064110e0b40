"""A recipe is found by path or by name; what is not found is said with the closest names."""

from __future__ import annotations

from pathlib import Path

import pytest

from vadkit.core.errors import RecipeError, VadkitError
from vadkit.recipe import plain, resolve
from vadkit.recipe.library import Located, description, find, locate, shipped
from vadkit.recipe.variants import family_of

ROOT = Path(__file__).parents[2] / "recipes"


def test_every_file_of_the_folder_has_a_name() -> None:
    assert set(shipped().values()) == set(ROOT.rglob("*.yaml"))
    assert {"quickstart", "own_video", "itae_nf_st", "paper/table4_ped2", "baselines/convae"} <= set(shipped())
    assert len(shipped()) < 60


@pytest.mark.parametrize("name", shipped())
def test_every_recipe_is_described_in_one_line(name: str) -> None:
    text = description(shipped()[name])
    assert text.endswith(".")
    assert 20 < len(text) <= 80


@pytest.mark.parametrize("name", shipped())
def test_every_recipe_and_every_variant_resolves(name: str) -> None:
    variants = family_of(name).variants
    for reference in [f"{name}/{variant}" for variant in variants] or [name]:
        tree = plain(resolve(reference))
        assert {"data", "scores", "evaluate"} <= set(tree)
        assert not {"extends", "variants", "paper"} & set(tree)


def test_a_name_a_path_and_a_variant_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert locate("quickstart") == locate(Path("quickstart")) == Located(ROOT / "quickstart.yaml")
    assert locate("baselines/walkway/convae") == Located(ROOT / "baselines" / "walkway.yaml", "convae")
    Path("mine.yaml").write_text("vadkit: 1\n")
    assert locate("mine.yaml") == Located(Path("mine.yaml"))
    assert locate("mine.yaml/row") == Located(Path("mine.yaml"), "row")
    Path("quickstart").mkdir()
    assert locate("quickstart").path == ROOT / "quickstart.yaml"
    Path("own_video").write_text("vadkit: 1\n")
    assert locate("own_video") == Located(Path("own_video"))
    assert find("nothing") is None


def test_places_are_short_below_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT.parent)
    assert locate("quickstart").path == Path("recipes/quickstart.yaml")


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("quikstart", "closest: quickstart;"),
        ("convae", "baselines/convae"),
        ("table4_ped2", "closest: paper/table4_ped2"),
    ],
)
def test_an_unknown_name_is_one_error_with_the_closest(name: str, closest: str) -> None:
    with pytest.raises(VadkitError, match="no recipe has this name") as caught:
        resolve(name)
    assert closest in caught.value.fix
    assert "vadkit recipes" in caught.value.fix


def test_a_path_that_only_a_checkout_has_names_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError, match=r"(?s)does not exist.*write 'quickstart'"):
        resolve("recipes/quickstart.yaml")
    with pytest.raises(RecipeError, match=r"(?s)does not exist.*write 'baselines/walkway/convae'"):
        resolve("recipes/baselines/walkway/convae.yaml")
    with pytest.raises(RecipeError, match="this file does not exist"):
        resolve("mine.yaml")


def test_a_recipe_extends_a_shipped_one_by_name(tmp_path: Path) -> None:
    child = tmp_path / "child.yaml"
    child.write_text("vadkit: 1\nextends: quickstart\nseed: 7\n")
    assert plain(resolve(child)) == plain(resolve("quickstart")) | {"seed": 7}
    child.write_text("vadkit: 1\nextends: paper/table4_ped2/itae\nname: mine\n")
    assert plain(resolve(child)) == plain(resolve("paper/table4_ped2/itae")) | {"name": "mine"}
    child.write_text("vadkit: 1\nextends: quickstrat\n")
    with pytest.raises(RecipeError) as caught:
        resolve(child)
    assert str(caught.value).startswith(f"{child}:2:10: cannot extend 'quickstrat'")
    assert "closest: quickstart" in str(caught.value)


def test_a_name_that_no_file_can_have_is_explained() -> None:
    with pytest.raises(VadkitError, match=r"cannot be read|no recipe has this name"):  # from Python 3.14 on, the second
        resolve("x" * 5000)


@pytest.mark.parametrize("path", sorted((ROOT.parent / "benchmarks").glob("*.yaml")), ids=lambda path: path.stem)
def test_recipes_of_the_benchmarks_resolve(path: Path) -> None:
    assert plain(resolve(path))["name"]
