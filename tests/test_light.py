"""What starts fast: `vadkit list` without the libraries that only other commands need."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")

_HEAVY = (
    "typer",
    "vadkit.core.values",
    "pydantic",
    "numpy",
    "torch",
    "yaml",
    "matplotlib",
    "vadkit.testing",
    "vadkit.recipe",
    "vadkit.core.protocol",
)
_COMMAND = f"""
import sys
from vadkit.cli.main import main
try:
    main()
finally:
    print("HEAVY", [name for name in {_HEAVY!r} if name in sys.modules])
"""


def light(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", _COMMAND, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("arguments", [["list"], ["list", "density"], ["--version"]])
def test_listing_loads_nothing_heavy(arguments: list[str]) -> None:
    assert light(*arguments).endswith("HEAVY []\n")


def test_scoring_loads_no_library_that_only_training_needs() -> None:
    imports = "import vadkit.live.watch, vadkit.engine.scoring, vadkit_densities.mixture, vadkit_densities.gaussian"
    heavy = "[name for name in ('lightning_fabric', 'torch._dynamo', 'sklearn', 'matplotlib') if name in sys.modules]"
    command = [sys.executable, "-c", f"import sys; {imports}; print({heavy})"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_ctrl_c_in_the_listing_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from vadkit.cli.main import main
    from vadkit.plugin.registry import Registry

    def interrupted() -> Registry:
        raise KeyboardInterrupt

    monkeypatch.setattr(Registry, "discover", interrupted)
    monkeypatch.setattr("sys.argv", ["vadkit", "list"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capsys.readouterr() == ("", "Aborted.\n")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [["list"], ["--version"], ["recipes"]])
def test_a_full_disk_for_the_output_is_one_message(arguments: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "vadkit", *arguments],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write: no space left on the device\n  -> free some space")
    assert "Traceback" not in done.stderr
