"""The notebooks of the docs run, and show what they did when their output was stored."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notebook", DOCS / "notebook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def kinds(notebook: Any) -> list[list[str]]:
    """The kinds of the outputs of each cell."""
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    return [[kind for each in cell for kind in sorted(each.get("data", {"text": ""}))] for cell in outputs]


@pytest.mark.parametrize("path", sorted(DOCS.glob("*/*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_runs_and_its_stored_output_is_of_the_same_form(
    path: Path, runner: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path / "cache"))
    stored = runner.nbformat.read(path, as_version=4)
    found = runner.executed(path)
    assert kinds(found) == kinds(stored)
    assert sum("image/png" in each for each in kinds(found)) >= 5
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"/tmp/|/home/|/root/", text)  # a path of the machine that ran it
    assert "Traceback" not in text
