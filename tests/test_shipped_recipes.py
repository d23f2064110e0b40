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
from typer.testing import CliRunner

from vadkit.cli.app import app
from vadkit.core.errors import VadkitError
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


def vadkit(*arguments: str) -> str:
    """What a command prints, in the current folder."""
    done = CliRunner().invoke(app, arguments)
    if done.exception is not None:
        raise done.exception
    return done.output


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_list_has_a_line_for_each_and_no_torch(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT, "recipes"], capture_output=True, text=True, timeout=120)
    *lines, light = done.stdout.splitlines()
    assert light == "LIGHT"
    told = dict(line.split("  ", 1) for line in lines)
    assert {name: text.strip() for name, text in told.items()} == {n: description(p) for n, p in shipped().items()}
    assert "\npaper/table4_ped2/static_ae\n" in vadkit("recipes", "--variants")


def test_a_copy_is_the_file_and_stays_a_recipe(tmp_path: Path) -> None:
    assert vadkit("recipes", "copy", "paper/table4_ped2") == "written: table4_ped2.yaml\n"
    copied = tmp_path / "table4_ped2.yaml"
    assert copied.read_text() == shipped()["paper/table4_ped2"].read_text()
    assert plain(resolve(copied / "static_nf")) == plain(resolve("paper/table4_ped2/static_nf"))
    copied.write_text("mine")
    with pytest.raises(VadkitError, match=r"table4_ped2\.yaml: the file exists; vadkit does not overwrite it"):
        vadkit("recipes", "copy", "paper/table4_ped2")
    assert copied.read_text() == "mine"
    (tmp_path / "folder").mkdir()
    vadkit("recipes", "copy", "quickstart", "folder")
    assert (tmp_path / "folder" / "quickstart.yaml").is_file()
    with pytest.raises(VadkitError, match="cannot be written"):
        vadkit("recipes", "copy", "quickstart", "absent/quickstart.yaml")


def test_a_copied_variant_stands_alone(tmp_path: Path) -> None:
    vadkit("recipes", "copy", "paper/table4_ped2/itae", "mine.yaml")
    tree = yaml.safe_load((tmp_path / "mine.yaml").read_text())
    assert tree == plain(resolve("paper/table4_ped2/itae"))


COMMANDS = (["recipes", "copy"], ["run"], ["check"], ["show"], ["sweep"], ["bench"])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_an_unknown_name_is_exit_code_2_with_the_closest(command: list[str]) -> None:
    with pytest.raises(VadkitError) as caught:
        vadkit(*command, "quikstart")
    assert caught.value.exit_code == 2
    assert "closest: quickstart" in caught.value.fix


def test_commands_take_a_name_and_a_variant() -> None:
    shown = vadkit("show", "paper/table4_ped2", "--variant", "itae")
    assert shown == vadkit("show", "paper/table4_ped2/itae")
    assert shown.splitlines()[1].startswith("name: table4_ped2_itae ")
    every = vadkit("check", "--no-build", "paper/table4_ped2").splitlines()
    assert every[0] == "paper/table4_ped2/static_ae: no problems found"
    assert len(every) == 5
    one = vadkit("check", "--no-build", "paper/table4_ped2", "--variant", "itae")
    assert one == "paper/table4_ped2/itae: no problems found\n"
    assert vadkit("protocol", "show", "quickstart").startswith("itae ")
    with pytest.raises(VadkitError, match="5 variants, and none is chosen"):
        vadkit("run", "paper/table4_ped2")


def test_a_sweep_prints_the_paper_s_numbers_beside_ours(tmp_path: Path) -> None:
    (tmp_path / "table.yaml").write_text(
        "vadkit: 1\nextends: baselines/walkway/frame_difference\nname: table\n"
        "variants: {first: , second: {seed: 1}}\n"
        "paper: {source: 'Someone 2020, Table 1', rows: {first: {micro_auc: 50.0}}}\n"
    )
    said = vadkit(
        "sweep", "table.yaml", *(change for change in SHORT if "fit" not in change and "stride" not in change)
    )
    assert "compared with Someone 2020, Table 1" in said
    assert "difference" in said
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
    assert str(Path("site-packages/vadkit/_recipes/itae_nf_st.yaml")) in must(
        python, "-c", MAIN, "show", "itae_nf_ped2"
    )
    must(python, "-c", MAIN, "run", "quickstart", *SHORT)
    assert (tmp_path / "runs" / "quickstart" / "metrics.json").is_file()
    must(python, "-c", MAIN, "recipes", "copy", "paper/table4_ped2")
    assert "itae_nf: no problems found" in must(python, "-c", MAIN, "check", "--no-build", "table4_ped2.yaml")
