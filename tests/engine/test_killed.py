"""Runs that are killed, or whose disk is full or read-only: clear messages, and the same result after a resume.

`benchmarks/kill.py` is the long form.
"""

from __future__ import annotations

import copy
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from killing import Strike, Trace, differences, live, recipes

import vadkit
from vadkit.core.errors import RunFolderError

CRITIC = recipes()["critic"]
CRITIC["engine"]["precision"] = "bf16"
CRITIC["data"]["frames"] = 24
CRITIC["model"]["fit"]["steps"] = 4


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trace]:
    folder = tmp_path_factory.mktemp("unbroken")
    trace = live(CRITIC, folder / "run", folder / "cache", resume=False)
    assert trace.code == 0
    return folder / "run", trace


def test_a_run_in_bfloat16_with_a_critic_that_is_killed_twice_ends_as_the_unbroken_one(
    unbroken: tuple[Path, Trace], tmp_path: Path
) -> None:
    """Killed while a state of the training is half written, and again between two previews."""
    whole, trace = unbroken
    assert list(trace.stages)[-2:] == ["evaluate", "report"]
    for number, strike in enumerate([Strike(write=8, phase="half"), Strike(stage="previews", seconds=0.0)]):
        died = live(CRITIC, tmp_path / "run", tmp_path / "cache", resume=number > 0, strike=strike)
        assert died.code == -signal.SIGKILL
    assert live(CRITIC, tmp_path / "run", tmp_path / "cache", resume=True).code == 0
    assert differences(whole, tmp_path / "run") == []


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this user may not mount a disk")
    yield place
    subprocess.run(["umount", place], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)


def test_a_full_disk_and_one_that_is_read_only(unbroken: tuple[Path, Trace], disk: Path) -> None:
    out, recipe = disk / "run", copy.deepcopy(CRITIC)

    def go(**options: Any) -> None:
        vadkit.run(recipe, out=out, **options)

    with pytest.raises(RunFolderError, match=r"the disk is full\n  -> free some space, then run again with --resume"):
        go()
    assert not list(out.rglob("*.part*"))
    remount(disk, "ro")
    with pytest.raises(RunFolderError, match="no permission to write here"):
        go(resume=True)
    remount(disk, "rw,size=64m")
    go(resume=True)
    assert differences(unbroken[0], out) == []
