"""Every unchanged scaffold: installed into a new environment, listed, run with its recipe, and checked by the kit."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

from vadkit.cli.scaffold import write_plugin
from vadkit.core.contracts import KINDS
from vadkit.plugin.registry import Registry

MAIN = "from vadkit.cli import main; main()"
RUN_ALL = """
import sys
from pathlib import Path
import vadkit
for recipe in map(Path, sys.argv[1:]):
    print(vadkit.run(recipe, out=recipe.parent / "run", overrides=["model.fit.steps=4", "engine.score_stride=4"]).path)
"""


class Installed:
    """A virtual environment with all scaffolds and the packages of this Python, installed without a network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"

    def run(self, *arguments: str, timeout: int = 600) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.python), *arguments],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, "COLUMNS": "200"},
            timeout=timeout,
        )

    def plugin(self, kind: str) -> Path:
        return self.folder / f"own-{kind}"


def must(command: Sequence[str], cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    for needed in ("hatchling", "pip"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed next to this Python")
    found = Installed(tmp_path_factory.mktemp("scaffolds"))
    registry = Registry.discover()
    for kind in KINDS:
        write_plugin(kind, f"own-{kind}", found.plugin(kind), registry)
    must([sys.executable, "-m", "venv", "--without-pip", "venv"], found.folder)
    (site,) = (found.folder / "venv" / "lib").glob("python*/site-packages")
    ours = sysconfig.get_path("purelib")
    (site / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")  # its .pth files count too
    pip = [sys.executable, "-m", "pip", "--python", str(found.python), "install", "--quiet", "--no-index"]
    editable = [part for kind in KINDS for part in ("--editable", str(found.plugin(kind)))]
    must([*pip, "--no-deps", "--no-build-isolation", *editable], found.folder)
    return found


def test_all_are_listed_without_a_problem(installed: Installed) -> None:
    done = installed.run("-c", MAIN, "plugin", "list")
    assert done.returncode == 0, done.stderr
    for kind in KINDS:
        (line,) = (line for line in done.stdout.splitlines() if line.startswith(f"own-{kind} "))
        assert f"own-{kind} 0.1.0 (editable)" in line
        assert f"1 {kind}" in line
    assert "problem" not in done.stdout
    assert "not loaded" not in done.stdout


def test_their_keys_are_shown_with_help(installed: Installed) -> None:
    done = installed.run("-c", MAIN, "list", "own-density")
    assert "floor" in done.stdout
    assert "smallest standard deviation" in done.stdout


def test_every_recipe_runs(installed: Installed) -> None:
    recipes = [str(installed.plugin(kind) / "recipe.yaml") for kind in KINDS]
    done = installed.run("-c", RUN_ALL, *recipes)
    assert done.returncode == 0, done.stdout + done.stderr
    for kind in KINDS:
        metrics = json.loads((installed.plugin(kind) / "run" / "metrics.json").read_text())["metrics"]
        assert 0 <= metrics["micro_auc"] <= 1
    assert (installed.plugin("reporter") / "run" / "frames.csv").read_text().startswith("video,frame,score,abnormal")
    measured = json.loads((installed.plugin("metric") / "run" / "metrics.json").read_text())["metrics"]
    assert 0 <= measured["own_metric"] <= 1


def test_all_pass_the_conformance_kit(installed: Installed) -> None:
    tests = [str(next((installed.plugin(kind) / "tests").glob("test_*.py"))) for kind in KINDS]
    done = installed.run("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *tests)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr
