"""`vadkit recipes`, recipes by name on the command line, and in a wheel outside of any checkout."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from vadkit.recipe import plain, resolve
from vadkit.recipe.library import description, shipped

ROOT = Path(__file__).parents[1]
MAIN = "from vadkit.cli import main; main()"
LIGHT = f"import sys\ntry:\n    {MAIN}\nfinally:\n    print('TORCH' if 'torch' in sys.modules else 'LIGHT')"
SHORT = [
    f"--set={change}"
    for change in (
        *("model.fit.steps=2", "densities.static.fit.steps=2", "densities.dynamic.fit.steps=2", "report=[json]"),
        *("data.train_videos=3", "data.test_videos=2", "data.frames=40", "engine.score_stride=8"),
    )
]


def vadkit(folder: Path, *arguments: str, code: str = LIGHT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=folder, timeout=120
    )


def test_the_list_has_a_line_for_each_and_no_torch(tmp_path: Path) -> None:
    done = vadkit(tmp_path, "recipes")
    *lines, light = done.stdout.splitlines()
    assert light == "LIGHT"
    told = dict(line.split("  ", 1) for line in lines)
    assert {name: text.strip() for name, text in told.items()} == {n: description(p) for n, p in shipped().items()}
    variants = vadkit(tmp_path, "recipes", "--variants").stdout
    assert "\npaper/table4_ped2/static_ae\n" in variants


def test_a_copy_is_the_file_and_stays_a_recipe(tmp_path: Path) -> None:
    done = vadkit(tmp_path, "recipes", "copy", "paper/table4_ped2")
    assert done.stdout.splitlines() == ["written: table4_ped2.yaml", "LIGHT"]
    copied = tmp_path / "table4_ped2.yaml"
    assert copied.read_text() == shipped()["paper/table4_ped2"].read_text()
    assert plain(resolve(copied / "static_nf")) == plain(resolve("paper/table4_ped2/static_nf"))
    again = vadkit(tmp_path, "recipes", "copy", "paper/table4_ped2")
    assert again.returncode == 2
    assert "table4_ped2.yaml: this file exists, and is not overwritten" in again.stderr
    (tmp_path / "folder").mkdir()
    vadkit(tmp_path, "recipes", "copy", "quickstart", "folder")
    assert (tmp_path / "folder" / "quickstart.yaml").is_file()


def test_a_copied_variant_stands_alone(tmp_path: Path) -> None:
    vadkit(tmp_path, "recipes", "copy", "paper/table4_ped2/itae", "mine.yaml")
    tree = yaml.safe_load((tmp_path / "mine.yaml").read_text())
    assert tree == plain(resolve("paper/table4_ped2/itae"))


@pytest.mark.parametrize("command", [["recipes", "copy"], ["run"], ["check"], ["show"], ["sweep"], ["bench"]])
def test_an_unknown_name_is_exit_code_2(tmp_path: Path, command: list[str]) -> None:
    done = vadkit(tmp_path, *command, "quikstart")
    assert done.returncode == 2
    assert "closest: quickstart" in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_take_a_name_and_a_variant(tmp_path: Path) -> None:
    shown = vadkit(tmp_path, "show", "paper/table4_ped2", "--variant", "itae").stdout
    assert shown == vadkit(tmp_path, "show", "paper/table4_ped2/itae").stdout
    assert shown.splitlines()[1].startswith("name: table4_ped2_itae ")
    every = vadkit(tmp_path, "check", "--no-build", "paper/table4_ped2").stdout.splitlines()
    assert every[0] == "paper/table4_ped2/static_ae: no problems found"
    assert len(every) == 6
    one = vadkit(tmp_path, "check", "--no-build", "paper/table4_ped2", "--variant", "itae").stdout.splitlines()
    assert one == ["paper/table4_ped2/itae: no problems found", "LIGHT"]
    assert vadkit(tmp_path, "protocol", "show", "quickstart").stdout.startswith("itae ")
    refused = vadkit(tmp_path, "run", "paper/table4_ped2")
    assert refused.returncode == 2
    assert "5 variants, and none is chosen" in refused.stderr


def test_a_sweep_prints_the_paper_s_numbers_beside_ours(tmp_path: Path) -> None:
    (tmp_path / "table.yaml").write_text(
        "vadkit: 1\nextends: baselines/walkway/frame_difference\nname: table\n"
        "variants: {first: , second: {seed: 1}}\n"
        "paper: {source: 'Someone 2020, Table 1', rows: {first: {micro_auc: 50.0}}}\n"
    )
    small = [change for change in SHORT if "fit" not in change]
    done = vadkit(tmp_path, "sweep", "table.yaml", *small)
    assert done.returncode == 0, done.stderr
    assert "compared with Someone 2020, Table 1" in done.stdout
    assert "difference" in done.stdout
    assert (tmp_path / "runs" / "table-sweep" / "second").is_dir()


def test_an_installed_wheel_runs_the_quickstart_outside_of_the_checkout(tmp_path: Path) -> None:
    for needed in ("hatchling", "pip"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed beside this Python: nothing can be installed with it")

    def must(*command: str | Path, cwd: Path = tmp_path) -> str:
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run([*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    must(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path / "dist", cwd=ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    must(sys.executable, "-m", "venv", "--without-pip", "venv")
    python = tmp_path / "venv" / "bin" / "python"
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    # As a plain path: what it has editable, this checkout above all, is not seen.
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    must(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps", wheel)

    listed = must(python, "-c", MAIN, "recipes")
    assert {line.split()[0] for line in listed.splitlines()} == set(shipped())
    assert must(python, "-c", "import vadkit; print(vadkit.__file__)").startswith(str(site))
    assert str(site / "vadkit" / "_recipes") in must(python, "-c", MAIN, "show", "itae_nf_ped2")
    must(python, "-c", MAIN, "run", "quickstart", *SHORT)
    assert (tmp_path / "runs" / "quickstart" / "metrics.json").is_file()
    must(python, "-c", MAIN, "recipes", "copy", "paper/table4_ped2")
    assert "itae_nf: no problems found" in must(python, "-c", MAIN, "check", "--no-build", "table4_ped2.yaml")
