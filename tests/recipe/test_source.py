from __future__ import annotations

import math
from pathlib import Path

import pytest

from vadkit.core.errors import RecipeError
from vadkit.recipe.node import Place, from_plain, plain
from vadkit.recipe.source import parse, read, scalar

CORE = {
    "1e-3": 0.001,
    "1.5": 1.5,
    ".5": 0.5,
    "5.": 5.0,
    "-3": -3,
    "012": 12,
    "0o17": 15,
    "0x1F": 31,
    "true": True,
    "False": False,
    "~": None,
    "Null": None,
    "on": "on",
    "yes": "yes",
    "0:16": "0:16",
    "1:30": "1:30",
    "1_000": "1_000",
    "2020-01-01": "2020-01-01",
    "tRUE": "tRUE",
    "-.INF": -math.inf,
}


@pytest.mark.parametrize(("text", "value"), CORE.items())
def test_plain_scalars_follow_the_core_schema(text: str, value: object) -> None:
    found = scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_nan() -> None:
    found = scalar(".nan")
    assert isinstance(found, float)
    assert math.isnan(found)


def test_quoted_scalars_are_strings() -> None:
    assert plain(parse("['1', \"true\", 1, '']", "r")) == ["1", "true", 1, ""]


def test_every_value_and_key_knows_its_place() -> None:
    root = parse("a: 1\nb:\n  - {c: x}\n", "r.yaml")
    assert isinstance(root.value, dict)
    entry = root.value["b"].value
    assert isinstance(entry, tuple)
    assert isinstance(entry[0].value, dict)
    c = entry[0].value["c"]
    assert (str(c.key), str(c.at), str(root.value["a"].at)) == ("r.yaml:3:6", "r.yaml:3:9", "r.yaml:1:4")


def test_anchors_keep_the_place_of_the_value_and_of_their_own_key() -> None:
    root = parse("a: &x [1]\nb: *x\n", "r")
    assert isinstance(root.value, dict)
    assert (root.value["b"].at, root.value["b"].key) == (Place("r", 1, 4), Place("r", 2, 1))


BAD = {
    "a: 1\nb: 2\na: 3\n": "r:3:1: the key 'a' appears twice, first at r:1:1",
    "a: !!python/name:os.system ''\n": "r:1:4: YAML: tags such as 'tag:yaml.org,2002:python/name:os.system' are not",
    "a: ! x\n": "r:1:4: YAML: tags such as '!' are not allowed",
    "a: !!int 3\n": "r:1:4: YAML: tags",
    "a: &x {b: 1}\nc:\n  <<: *x\n": "r:3:3: merge keys ('<<') are not allowed\n  -> use 'extends: other.yaml'",
    "a: [1, 2\nb: 3\n": "r:2:2: YAML:",
    "a: *x\n": "r:1:4: YAML: found undefined alias 'x'",
    "a: 1\n---\nb: 2\n": "r:2:1: YAML: expected a single document in the stream but found another document",
    "a: &x [*x]\n": "r:1:4: an alias is inside the value that it refers to",
    "[1]: 2\n": "r:1:1: a key must be a scalar",
    "a:\n\t- 1\n": "r:2:1: YAML: while scanning for the next token found character '\\t'",
    "a: \x07\n": "r: YAML: unacceptable character #x0007",
    "a: " + "9" * 5000: "r:1:4: a number with 5000 digits is too long",
    "a: " + "[" * 5000: "r: the values are nested too deeply",
}


@pytest.mark.parametrize(("text", "message"), BAD.items(), ids=range(len(BAD)))
def test_what_is_refused_and_where(text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(text, "r")
    assert str(caught.value).startswith(message)


def test_aliases_cannot_fill_the_memory() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(RecipeError, match="aliases expand to more than 100000 values"):
        parse("\n".join(lines), "r")


def test_all_duplicates_are_told_together() -> None:
    with pytest.raises(RecipeError) as caught:
        parse("a: 1\na: 2\nb: {c: 1, c: 2}\n", "r")
    assert [problem.where for problem in caught.value.problems] == ["r:2:1", "r:3:11"]


def test_files_that_are_no_recipe(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: caf\xe9\n")
    (tmp_path / "list.yaml").write_text("- 1\n")
    (tmp_path / "empty.yaml").write_text("")
    expected = {
        "absent.yaml": "absent.yaml: this file does not exist",
        "": f"{tmp_path}: this is a folder",
        "latin.yaml": "latin.yaml: this is not UTF-8 text (byte 9)",
        "list.yaml": "list.yaml:1:1: a recipe is a mapping of 'key: value' lines",
        "empty.yaml": "empty.yaml:1:1: a recipe is a mapping",
    }
    for name, message in expected.items():
        with pytest.raises(RecipeError) as caught:
            read(tmp_path / name)
        assert message in str(caught.value)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert plain(read(path)) == {"name": "x"}


def test_values_made_in_python() -> None:
    node = from_plain({"a": (1, Path("x") / "y"), "b": None})
    assert plain(node) == {"a": [1, "x/y"], "b": None}
    with pytest.raises(RecipeError, match=r"^a\.1: a recipe cannot contain a bytes"):
        from_plain({"a": [1, b"x"]})


def test_values_within_values_end_after_forty_levels(tmp_path: Path) -> None:
    assert plain(parse("[" * 40 + "]" * 40, "x")) is not None
    with pytest.raises(RecipeError, match=r"x:1:41: the values are nested more than 40 levels deep"):
        parse("[" * 41 + "]" * 41, "x")


def test_a_file_that_is_far_too_large_is_not_parsed(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("a: 1\n" + "# no recipe is so long\n" * 50_000)
    with pytest.raises(RecipeError, match=r"recipe\.yaml: this file is larger than 1000000 bytes"):
        read(path)
