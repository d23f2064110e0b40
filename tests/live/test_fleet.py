"""`vadkit score --ray`: the files of one process, also if a worker is killed."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from pathlib import Path

import pytest
from typer.testing import CliRunner

import vadkit
from vadkit.cli.app import app

pytest.importorskip("ray", reason="Ray is not installed: pip install 'vadkit[ray]'")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def films(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four videos, and a folder with one image, which is shorter than a clip."""
    folder = tmp_path_factory.mktemp("films")
    for name in "abcd":
        shutil.copytree(film, folder / name)
    (folder / "short").mkdir()
    shutil.copy(film / "000.png", folder / "short")
    return folder


def score(run: vadkit.Run, films: Path, out: Path, *options: str, code: int = 1) -> str:
    command = ["score", str(run.path), str(films), "--out", str(out), "--threads", "1", "--table", *options]
    result = CliRunner().invoke(app, command)
    if "did not start" in str(result.exception):
        pytest.skip("Ray did not start: it gives up after 15 s on a busy machine")
    assert result.exit_code == code, result.exception  # 1: one video is too short
    return result.output


def workers() -> list[int]:
    """Processes of Ray that score a video for this process."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "cmdline").read_bytes().startswith(b"ray::_score") and os.getpid() in ancestors(entry):
                found.append(int(entry.name))
        except OSError:  # it has ended
            continue
    return found


def ancestors(process: Path) -> list[int]:
    found: list[int] = []
    while (parent := int((process / "stat").read_text().rpartition(")")[2].split()[1])) > 1:
        found.append(parent)
        process = process.parent / str(parent)
    return found


def files(out: Path) -> dict[str, bytes]:
    paths = [path for path in out.rglob("*") if path.is_file() and path.name not in (".lock", "report.html")]
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to find the workers")
def test_the_files_are_those_of_one_process_although_a_worker_is_killed(
    run: vadkit.Run, films: Path, tmp_path: Path
) -> None:
    killed: list[int] = []
    done = threading.Event()

    def kill() -> None:
        while not done.wait(0.02) and not killed:
            if found := workers():
                os.kill(found[0], signal.SIGKILL)  # it is loading the run
                killed.append(found[0])

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        output = score(run, films, tmp_path / "fleet", "--ray", "local", "--workers", "2")
    finally:
        done.set()
        thread.join()
    assert killed
    assert "4 videos scored" in output
    assert "short: not scored: has 1 frame, but" in output
    score(run, films, tmp_path / "one")
    assert files(tmp_path / "fleet") == files(tmp_path / "one")
    table = parquet.read_table(tmp_path / "fleet" / "videos.parquet").to_pylist()
    assert [row["frames"] for row in table] == [40, 40, 40, 40, None]
    assert "has 1 frame, but" in table[-1]["problem"]
    assert (tmp_path / "fleet" / table[0]["scores"]).is_file()
    shutil.rmtree(films / "short")
    again = score(run, films, tmp_path / "fleet", "--ray", "local", code=0)  # Ray is not needed
    assert "0 videos scored; 4 scored before" in again


def test_a_cluster_that_does_not_answer(run: vadkit.Run, films: Path, tmp_path: Path) -> None:
    command = ["score", str(run.path), str(films), "--out", str(tmp_path), "--workers", "2"]
    assert "add --ray local" in str(CliRunner().invoke(app, command).exception)
