"""The command line: light start, exit codes, and one message for each error of the user."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from vadkit.cli import main
from vadkit.recipe.variants import family_of

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
LIGHT = """
import sys
from vadkit.cli import main

try:
    main()
finally:
    print("TORCH" if "torch" in sys.modules else "LIGHT")
"""


Program = Callable[..., CompletedProcess[str]]


@pytest.fixture
def vadkit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """The program, in this process: arguments -> exit code and output."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def run(*arguments: str) -> CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["vadkit", *arguments])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return CompletedProcess(arguments, code, *capsys.readouterr())

    return run


def test_what_only_looks_does_not_import_torch() -> None:
    """All commands in one process; each also says that it succeeded."""
    recipe = "recipes/itae_nf_st.yaml"
    commands = [
        ["--help"],
        ["list"],
        ["list", "glow"],
        ["schema"],
        ["data", "--help"],
        ["show", recipe],
        *(["check", "--no-build", str(path)] for path in RECIPES),
    ]
    script = LIGHT.replace(
        "    main()\n",
        f"    for command in {commands!r}:\n"
        "        sys.argv = ['vadkit', *command]\n"
        "        try:\n"
        "            main()\n"
        "        except SystemExit as end:\n"
        "            assert not end.code, command\n",
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("no problems found") == sum(max(len(family_of(path).variants), 1) for path in RECIPES)
    assert done.stdout.rstrip().endswith("LIGHT")


def test_list_names_every_component_and_its_plugin(vadkit: Program) -> None:
    told = vadkit("list").stdout
    for word in ("encoder", "itae", "one_path", "glow", "walkway", "patch_error", "minmax", "standard"):
        assert word in told


def test_a_mistake_is_one_message_with_its_place_and_exit_code_2(vadkit: Program, tmp_path: Path) -> None:
    recipe = tmp_path / "typo.yaml"
    recipe.write_text((ROOT / "recipes" / "quickstart.yaml").read_text().replace("use: glow", "use: glwo"))
    done = vadkit("check", str(recipe))
    assert done.returncode == 2
    assert "did you mean 'glow'" in done.stderr
    assert "typo.yaml:" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_data_is_exit_code_2(vadkit: Program, tmp_path: Path) -> None:
    done = vadkit("run", "recipes/itae_nf_st.yaml", "--data-root", str(tmp_path / "no"), "--allow-test-tuning")
    assert done.returncode == 2
    assert "does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_run_is_exit_code_2(vadkit: Program, tmp_path: Path) -> None:
    done = vadkit("eval", str(tmp_path))
    assert done.returncode == 2
    assert "is not a run folder" in done.stderr


def test_protocols_are_listed_shown_and_compared(vadkit: Program) -> None:
    listed = vadkit("protocol", "show")
    assert listed.returncode == 0
    assert all(name in listed.stdout for name in ("itae", "memae", "deployable"))
    assert "nearest" in vadkit("protocol", "show", "ffp").stdout
    differ = vadkit("protocol", "diff", "memae", "ffp").stdout
    assert "eer" in differ
    assert "smoothing" not in differ
    assert "test_tuned" in vadkit("protocol", "diff", "itae", "recipes/itae_nf_st.yaml").stdout
    assert "no difference" in vadkit("protocol", "diff", "mnad", "memae").stdout


def test_an_unknown_protocol_is_exit_code_2(vadkit: Program) -> None:
    done = vadkit("protocol", "show", "fpp")
    assert done.returncode == 2
    assert "did you mean 'ffp'" in done.stderr


def test_a_tuned_recipe_is_refused_with_the_way_out(vadkit: Program) -> None:
    done = vadkit("run", "recipes/itae_nf_ped2_small.yaml")
    assert done.returncode == 2
    assert "--allow-test-tuning" in done.stderr


def test_check_builds_unless_it_is_asked_not_to(vadkit: Program) -> None:
    done = vadkit("check", "recipes/quickstart.yaml")
    assert done.returncode == 0, done.stderr
    assert "density.static: 0.0" in done.stdout
    too_many = ("recipes/quickstart.yaml", "--set", "densities.static.levels=5")
    wrong = vadkit("check", *too_many)
    assert wrong.returncode == 2
    assert "densities.static (glow): 5 levels need height and width" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    assert vadkit("check", *too_many, "--no-build").returncode == 0
