"""vadkit where the modules and signals of POSIX do not exist, as on Windows."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_WITHOUT_POSIX = """
import signal, sys
for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for name in ("SIGALRM", "ITIMER_REAL", "setitimer", "getitimer", "alarm", "SIGKILL", "SIGHUP"):
    delattr(signal, name)
"""
_COMMAND = "from vadkit.cli.main import main\nmain()"
_NAMES = """
import vadkit
for name in vadkit.__all__:
    getattr(vadkit, name)
import vadkit.api, vadkit.engine.bench.bench, vadkit.testing, vadkit.video.cache
from pathlib import Path
from vadkit.store.run_folder import RunFolder
from vadkit.engine.bench.memory import Peak
"""


def without_posix(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", _WITHOUT_POSIX + code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["check", "recipes/quickstart.yaml"]])
def test_commands_need_no_posix(arguments: list[str]) -> None:
    done = without_posix(_COMMAND, *arguments)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_all_public_names_can_be_imported_without_posix() -> None:
    done = without_posix(_NAMES)
    assert done.returncode == 0, done.stderr


def test_run_folder_and_cache_are_locked_without_posix(tmp_path: Path) -> None:
    code = """
from pathlib import Path
from vadkit.core.errors import RunFolderError
from vadkit.store.run_folder import RunFolder
from vadkit.video.cache_quota import CacheQuota
folder = Path(sys.argv[1])
with RunFolder(folder / "run").locked():
    try:
        with RunFolder(folder / "run").locked():
            print("both")
    except RunFolderError as error:
        print(error)
quota = CacheQuota(folder / "cache", 10**6)
quota.pin(["a"])
quota.close()
"""
    done = without_posix(code, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "another vadkit is writing here" in done.stdout
    assert "both" not in done.stdout
