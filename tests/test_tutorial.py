"""What docs/tutorial.md says works: its plugin, its known answer, its comparison."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from strangers import write_metadata

from vadkit.cli.scaffold import write_plugin
from vadkit.engine import run as stages
from vadkit.evaluation.compare import compare
from vadkit.plugin.registry import Registry
from vadkit.recipe import describe

PAGE = (Path(__file__).parents[1] / "docs" / "tutorial.md").read_text(encoding="utf-8")


def block(first: str) -> str:
    (found,) = re.findall(rf"^```\w+\n(# {re.escape(first)}\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return found


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = write_plugin("density", "my-kde", tmp_path / "my-kde", Registry.discover())
    write_metadata(tmp_path / "site", "my-kde", "0.1.0", "[vadkit.v1]\nmy-kde = my_kde\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(folder / "src")
    monkeypatch.chdir(folder)
    for file in ("src/my_kde/density.py", "tests/test_against_scikit_learn.py", "gaussian.yaml"):
        (folder / file).write_text(block(file), encoding="utf-8")
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "my_kde"]:
        del sys.modules[name]


def test_the_plugin_of_the_tutorial(plugin: Path) -> None:
    registry = Registry.discover()
    assert not registry.broken
    assert list(describe(registry.get("density", "my-kde")).parameters) == ["bandwidth", "samples"]

    names: dict[str, object] = {"__name__": "test_against_scikit_learn"}
    exec(compile((plugin / "tests/test_against_scikit_learn.py").read_text(), "tutorial.md", "exec"), names)
    known_answer = names["test_it_gives_what_scikit_learn_gives"]
    assert callable(known_answer)
    known_answer()

    runs = [stages.run(plugin / name).path for name in ("recipe.yaml", "gaussian.yaml")]
    assert [path.absolute() for path in runs] == [plugin / "runs" / name for name in ("my-kde", "gaussian")]
    assert [entry.name for entry in compare(runs, metrics=["micro_auc"]).entries] == ["my-kde", "gaussian"]


def test_the_commands_of_the_tutorial_are_there() -> None:
    for command in (
        "plugin new density my-kde",
        "list my-kde",
        "run gaussian.yaml",
        "compare runs/my-kde runs/gaussian",
    ):
        assert f"vadkit {command}" in PAGE
