"""Commands in processes that are forked from one that has imported torch, so that they cost no import."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(
    ["torch", "vadkit.cli.main", "vadkit.engine.run", "vadkit.engine.experiment", "sklearn.metrics"]
)


def command(
    *arguments: str | Path,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    before: Callable[[], None] | None = None,
    timeout: float = 120,
) -> subprocess.CompletedProcess[str]:
    """Run `vadkit` with these arguments, as `subprocess.run` would.

    Args:
        arguments: of the command.
        cwd: the current folder of the process.
        env: the environment; None for that of this process. The folders of its PYTHONPATH come first.
        before: what the process does before the command. It can be pickled.
        timeout: in seconds; a process that takes longer is killed.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "stdout"), Path(folder, "stderr")
        words = [str(word) for word in arguments]
        process = SERVER.Process(
            target=_child, args=(words, cwd, dict(os.environ if env is None else env), files, before)
        )
        process.start()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            raise subprocess.TimeoutExpired(words, timeout)
        out, err = (file.read_text("utf-8") for file in files)
        return subprocess.CompletedProcess(words, process.exitcode or 0, out, err)


def _child(
    words: list[str], cwd: Path, env: dict[str, str], files: tuple[Path, Path], before: Callable[[], None] | None
) -> None:
    from vadkit.cli import main

    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), number)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    sys.path[:0] = [folder for folder in env.get("PYTHONPATH", "").split(os.pathsep) if folder not in sys.path]
    sys.argv = ["vadkit", *words]
    if before is not None:
        before()
    main()
