from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vadkit.core.errors import RecipeError
from vadkit.recipe.merge import merge, resolve, resolve_plain
from vadkit.recipe.node import Node, plain
from vadkit.recipe.source import parse

MERGES: dict[str, tuple[str, str, Any]] = {
    "mappings merge": ("{a: {b: 1, c: 2}}", "{a: {c: 3, d: 4}}", {"a": {"b": 1, "c": 3, "d": 4}}),
    "lists replace": ("{a: [1, 2]}", "{a: [3]}", {"a": [3]}),
    "null replaces": ("{a: {b: 1}}", "{a: null}", {"a": None}),
    "another use replaces": ("{a: {use: x, b: 1}}", "{a: {use: y, c: 2}}", {"a": {"use": "y", "c": 2}}),
    "the same use merges": ("{a: {use: x, b: 1}}", "{a: {use: x, c: 2}}", {"a": {"use": "x", "b": 1, "c": 2}}),
    "no use merges": ("{a: {use: x, b: 1}}", "{a: {c: 2}}", {"a": {"use": "x", "b": 1, "c": 2}}),
    "a first use replaces": ("{a: {b: 1}}", "{a: {use: y}}", {"a": {"use": "y"}}),
    "a bare name is a use": ("{a: x}", "{a: {c: 2}}", {"a": {"use": "x", "c": 2}}),
    "another than the bare name": ("{a: x}", "{a: {use: y}}", {"a": {"use": "y"}}),
    "a bare name replaces": ("{a: {use: x, b: 1}}", "{a: y}", {"a": "y"}),
    "a number gives way": ("{a: 1}", "{a: {b: 2}}", {"a": {"b": 2}}),
}


@pytest.mark.parametrize(("parent", "child", "merged"), MERGES.values(), ids=MERGES)
def test_merge(parent: str, child: str, merged: Any) -> None:
    assert plain(merge(parse(parent, "p"), parse(child, "c"))) == merged


def at(node: Node, *steps: str) -> str:
    for step in steps:
        assert isinstance(node.value, dict)
        node = node.value[step]
    return str(node.at)


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").mkdir()
    (tmp_path / "base/root.yaml").write_text("vadkit: 1\na: {b: 1, c: 2}\nr: [x, y]\ns: cosine\n")
    (tmp_path / "base/mid.yaml").write_text("vadkit: 1\nextends: root.yaml\na: {c: 3}\n")
    (tmp_path / "leaf.yaml").write_text("extends: base/mid.yaml\na:\n  d: 4\n")
    return Path("leaf.yaml")


def test_a_chain_of_parents_and_where_each_value_came_from(chain: Path) -> None:
    node = resolve(chain)
    assert plain(node) == {"vadkit": 1, "a": {"b": 1, "c": 3, "d": 4}, "r": ["x", "y"], "s": "cosine"}
    assert at(node, "a", "b") == "base/root.yaml:2:8"
    assert at(node, "a", "c") == "base/mid.yaml:3:8"
    assert at(node, "a", "d") == "leaf.yaml:3:6"


SETS: dict[str, Any] = {
    "a.b=1e-3": {"a": {"b": 0.001, "c": 3, "d": 4}},
    "a=null": {"a": None},
    "a.b=on": {"a": {"b": "on", "c": 3, "d": 4}},
    "n.m.k=[1, '2']": {"n": {"m": {"k": [1, "2"]}}},
    "r.1=z": {"r": ["x", "z"]},
    "r.0.use=z": {"r": [{"use": "z"}, "y"]},
    "r.0.k=1": {"r": [{"use": "x", "k": 1}, "y"]},
    "s.end=0.1": {"s": {"use": "cosine", "end": 0.1}},
    "a={c: 9}": {"a": {"b": 1, "c": 9, "d": 4}},
    "a.use=x": {"a": {"use": "x"}},
    "a.b=x=y": {"a": {"b": "x=y", "c": 3, "d": 4}},
    "a.b=": {"a": {"b": None, "c": 3, "d": 4}},
}


@pytest.mark.parametrize(("override", "expected"), SETS.items(), ids=SETS)
def test_overrides(chain: Path, override: str, expected: Any) -> None:
    found = plain(resolve(chain, [override]))
    assert {key: found[key] for key in expected} == expected


def test_an_override_is_its_own_place(chain: Path) -> None:
    assert at(resolve(chain, ["a.b=2"]), "a", "b") == "--set a.b=2"


def test_later_overrides_win(chain: Path) -> None:
    assert plain(resolve(chain, ["a.b=2", "a.b=3"]))["a"]["b"] == 3


BAD_SETS = {
    "a.b": "--set a.b: this is not 'key.key=value'",
    "a..b=1": "--set a..b=1: this is not 'key.key=value'",
    "=1": "--set =1: this is not 'key.key=value'",
    "r.2=z": "--set r.2=z: '2' is not an entry of the list at base/root.yaml:3:1, which has 2",
    "r.x=z": "--set r.x=z: 'x' is not an entry of the list at base/root.yaml:3:1, which has 2",
    "a.b=[1": "--set a.b=[1: YAML: while parsing a flow sequence expected ',' or ']', but got '<stream end>'",
    "extends=x.yaml": "--set extends=x.yaml: 'extends' cannot be set from outside",
    "vadkit=2": "--set vadkit=2: this vadkit reads recipes of version 1, not 2",
}


@pytest.mark.parametrize(("override", "message"), BAD_SETS.items(), ids=BAD_SETS)
def test_overrides_that_cannot_be(chain: Path, override: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve(chain, [override])
    assert str(caught.value).splitlines()[0] == message


def test_all_bad_overrides_are_told_together(chain: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve(chain, ["a.b", "r.7=1"])
    assert [problem.where for problem in caught.value.problems] == ["--set a.b", "--set r.7=1"]


FAULTY = {
    "vadkit: 1\nextends: b.yaml\n": "a.yaml:2:10: cannot extend 'b.yaml': b.yaml does not exist",
    "vadkit: 1\nextends: folder\n": "a.yaml:2:10: cannot extend 'folder': folder is a folder",
    "vadkit: 1\nextends: [b.yaml]\n": "a.yaml:2:10: 'extends' names one recipe file",
    "vadkit: 1\nextends: a.yaml\n": "a.yaml:2:10: 'extends' runs in a circle: a.yaml -> a.yaml",
    "vadkit: 1\nextends: loop.yaml\n": "loop.yaml:1:10: 'extends' runs in a circle: a.yaml -> loop.yaml -> a.yaml",
    "vadkit: 1\nextends: bad.yaml\n": "bad.yaml:1:1: a recipe is a mapping of 'key: value' lines",
    "vadkit: 1\nextends: newer.yaml\n": "newer.yaml:1:9: this vadkit reads recipes of version 1, not 2",
    "vadkit: true\n": "a.yaml:1:9: this vadkit reads recipes of version 1, not True",
    "vadkit: '1'\n": "a.yaml:1:9: this vadkit reads recipes of version 1, not '1'",
    "name: x\n": "a.yaml:1:1: the line 'vadkit: 1' is missing",
}


@pytest.mark.parametrize(("text", "message"), FAULTY.items(), ids=range(len(FAULTY)))
def test_parents_and_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path("a.yaml").write_text(text)
    Path("loop.yaml").write_text("extends: a.yaml\n")
    Path("bad.yaml").write_text("- 1\n")
    Path("newer.yaml").write_text("vadkit: 2\n")
    with pytest.raises(RecipeError) as caught:
        resolve(Path("a.yaml"))
    assert str(caught.value).splitlines()[0] == message


def test_text_and_mappings_from_python() -> None:
    assert plain(resolve_plain("vadkit: 1\na: 0:16\n", ["b=2"])) == {"vadkit": 1, "a": "0:16", "b": 2}
    assert at(resolve_plain({"vadkit": 1, "a": {"b": 2}}), "a", "b") == "a.b"
    with pytest.raises(RecipeError, match="recipe:1:1: a recipe is a mapping"):
        resolve_plain("[1]")
