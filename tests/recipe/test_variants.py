"""Variants of a file: what each resolves to, and what is wrong with them, with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vadkit.core.errors import RecipeError
from vadkit.recipe import plain, resolve
from vadkit.recipe.merge import resolve_plain
from vadkit.recipe.variants import family_of

TABLE = """\
vadkit: 1
extends: base.yaml
name: table
a: {c: 3}
variants:
  plain:
  other: {a: {b: 9}}
  more:
    extends: other
    a: {d: 4}
  elsewhere:
    extends: second.yaml
    name: own
paper:
  source: Someone 2020, Table 1
  rows:
    plain: {micro_auc: 97.7, error.eer: 5}
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text("name: base\na: {b: 1, c: 2}\n")
    Path("second.yaml").write_text("name: second\na: {b: 5, e: 6}\n")
    Path("table.yaml").write_text(TABLE)
    return Path("table.yaml")


RESOLVED: dict[str, dict[str, Any]] = {
    "plain": {"name": "table_plain", "a": {"b": 1, "c": 3}},
    "other": {"name": "table_other", "a": {"b": 9, "c": 3}},
    "more": {"name": "table_more", "a": {"b": 9, "c": 3, "d": 4}},  # another variant, and more
    "elsewhere": {"name": "own", "a": {"b": 5, "e": 6, "c": 3}},  # the file's content over another parent
}


@pytest.mark.parametrize("variant", RESOLVED)
def test_a_variant_is_the_base_with_its_changes(table: Path, variant: str) -> None:
    assert plain(resolve(table / variant)) == {"vadkit": 1, **RESOLVED[variant]}


def test_what_extends_the_file_gets_its_base(table: Path) -> None:
    assert plain(resolve_plain({"vadkit": 1, "extends": "table.yaml"})) == {
        "vadkit": 1, "name": "table", "a": {"b": 1, "c": 3},
    }  # fmt: skip
    named = plain(resolve_plain({"vadkit": 1, "extends": "table.yaml/more"}))
    assert named == {"vadkit": 1, **RESOLVED["more"]}


def test_overrides_come_last(table: Path) -> None:
    assert plain(resolve(table / "other", ["a.b=0", "name=x"]))["a"]["b"] == 0
    assert plain(resolve(table / "other", ["name=x"]))["name"] == "x"


def test_the_paper_s_numbers_and_where_they_stand(table: Path) -> None:
    family = family_of(table)
    assert list(family.variants) == list(RESOLVED)
    assert family.paper.source == "Someone 2020, Table 1"
    printed = family.paper.rows["plain"]
    assert {metric: number.value for metric, number in printed.items()} == {"micro_auc": 97.7, "error.eer": 5.0}
    assert printed["micro_auc"].at == "table.yaml:17:24"
    assert not family_of(table / "plain").variants
    assert not family_of("quickstart").variants


def test_a_file_with_variants_needs_a_choice(table: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        resolve(table)
    assert str(caught.value).startswith("table.yaml:5:1: this file has 4 variants, and none is chosen")
    assert "plain, other, more, elsewhere" in str(caught.value)
    with pytest.raises(RecipeError, match=r"table.yaml:5:1: there is no variant 'pain' here\n.*did you mean 'plain'"):
        resolve(table / "pain")
    with pytest.raises(RecipeError, match=r"base.yaml:1:1: there is no variant 'plain' here\n.*leave it out"):
        resolve("base.yaml/plain")


FAULTY = {
    "variants: [a]\n": "t.yaml:2:11: 'variants' should be a mapping of a name to what it changes",
    "variants: {}\n": "t.yaml:2:1: 'variants' is empty",
    "variants: {a/b: {}}\n": "t.yaml:2:12: 'a/b' cannot be the name of a variant",
    "variants: {a: 3}\n": "t.yaml:2:15: the variant 'a' should be a mapping of the keys that it changes",
    "variants: {a: {vadkit: 1}}\n": "t.yaml:2:16: 'vadkit' cannot be part of the variant 'a'",
    "variants: {a: {variants: {}}}\n": "t.yaml:2:16: 'variants' cannot be part of the variant 'a'",
    "variants: {a: {extends: b}, b: {extends: a}}\n": "t.yaml:2:42: 'extends' forms a loop: t.yaml/a -> t.yaml/b",
    "variants: {a: {extends: t.yaml/a}}\n": "t.yaml:2:25: 'extends' forms a loop: t.yaml/a -> t.yaml/a",
    "variants: {a: {extends: no.yaml}}\n": "t.yaml:2:25: cannot extend 'no.yaml': no.yaml does not exist",
    "variants: {a: }\npaper: {rows: {b: {eer: 1}}}\n": "t.yaml:3:16: 'paper.rows' has 'b', which is not a variant",
    "variants: {a: }\npaper: {row: {}}\n": "t.yaml:3:9: 'paper' has no key 'row'",
    "variants: {a: }\npaper: {rows: {a: {eer: low}}}\n": "t.yaml:3:25: 'paper.rows.a.eer' should be a number",
    "variants: {a: }\npaper: {source: 3}\n": "t.yaml:3:17: 'paper.source' should be a text",
    "paper: {rows: {a: {eer: 1}}}\n": "t.yaml:2:16: 'paper.rows' has 'a', which is not a variant",
}


@pytest.mark.parametrize(("text", "message"), FAULTY.items(), ids=range(len(FAULTY)))
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(f"vadkit: 1\n{text}")
    with pytest.raises(RecipeError) as caught:
        resolve("t.yaml/a")
    assert str(caught.value).splitlines()[0].startswith(message)
