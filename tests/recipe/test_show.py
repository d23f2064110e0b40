from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from vadkit.recipe.merge import resolve
from vadkit.recipe.node import plain
from vadkit.recipe.show import dump, render
from vadkit.recipe.source import parse

VALUES: list[Any] = [
    "on", "yes", "No", "y", "1e-3", "0:16", "1:30", "1:30.5", "0o17", "012", "1_000", "0b1", "2020-01-01", "=", "<<",
    "~", "", "null", "true", ".inf", ".nan", "-", "- a", "a: b", "a #b", " a", "a ", "two\nlines", "tab\t", "caf\u00e9",
    "\u2028", "\x7f", "\x85", "\U0001f600", "*x", "&x", "!x", "%x", "@x", "a,b", "[x]", "{x}", "'", '"', "/data/x y",
    "$HOME/x", "C:\\data", "plain words here", "x" * 300, "vadkit:twin", "?", "? a", "---", "...", "> x", "| x",
    0, -1, 10**20, 0.001, 1e-5, 1e16, 1e300, -1e-7, 0.1 + 0.2, 2.0, math.inf, -math.inf, True, False, None,
    [], {}, [[]], [{}], [[1, 2], [3]], [{"a": 1, "b": [{"c": 2}]}, "x"], {"a": {"b": {}}}, {"on": 1, "1": 2, "a b:": 3},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_what_is_written_reads_back_the_same_here_and_in_yaml_1_1(value: Any) -> None:
    tree = {"k": value, "l": [value], "m": {"n": value}}
    text = dump(tree)
    for found in (plain(parse(text, "r")), yaml.safe_load(text)):
        assert found == tree
        assert type(found["k"]) is type(value)


def test_floats_and_lists_look_as_one_writes_them() -> None:
    tree = {"size": [256, 256], "lr": 1e-5, "rate": 0.01, "input": "0:16", "losses": ["l2", {"use": "x", "w": 1}]}
    assert dump(tree) == (
        'size: [256, 256]\nlr: 1.0e-05\nrate: 0.01\ninput: "0:16"\nlosses:\n  - l2\n  - use: x\n    w: 1\n'
    )


def test_each_line_says_where_its_value_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text("vadkit: 1\na: {b: 1, s: [1, 2]}\nr: [x, y]\n")
    Path("top.yaml").write_text("extends: base.yaml\nname: top\na:\n  c: hello there\n")
    tree = resolve(Path("top.yaml"), ["a.b=1e-3", "r.1=z", "t=[1, 2]"])
    text = render(tree)
    assert text == (
        "vadkit: 1         # base.yaml:1\n"
        "a:\n"
        "  b: 0.001        # --set\n"
        "  s: [1, 2]       # base.yaml:2\n"
        "  c: hello there  # top.yaml:4\n"
        "r:\n"
        "  - x             # base.yaml:3\n"
        "  - z             # --set\n"
        "name: top         # top.yaml:2\n"
        "t: [1, 2]         # --set\n"
    )
    assert plain(parse(text, "shown")) == plain(tree)
