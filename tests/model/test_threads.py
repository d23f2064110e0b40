"""The CPU threads of a stage: measured once, kept for the run and for the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from vadkit.core.progress import NoProgress
from vadkit.core.waiting import wait_passively
from vadkit.model.training.threads import StageThreads, Threads


@pytest.fixture(autouse=True)
def four() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


class Clock:
    """A clock by which a step takes the seconds of its number of threads."""

    def __init__(self, seconds: dict[int, float]) -> None:
        self.seconds, self.now, self.taken = seconds, 0.0, 0.0

    def __call__(self) -> float:
        if self.taken:
            self.now, self.taken = self.now + self.taken, 0.0
        else:
            self.taken = self.seconds[torch.get_num_threads()]
        return self.now


def used(stage: StageThreads, steps: int) -> list[int]:
    found = []
    for _ in range(steps):
        with stage.step():
            found.append(torch.get_num_threads())
    return found


PATTERN = [4, 1] * 4


@pytest.mark.parametrize(("one", "chosen"), [(1.0, 1), (1.05, 1), (1.2, 4)], ids=["slower", "hardly faster", "faster"])
def test_several_threads_must_be_faster(one: float, chosen: int) -> None:
    stage = StageThreads(4, clock=Clock({4: 1.0, 1: one}))
    assert used(stage, 10) == [*PATTERN, chosen, chosen]
    assert torch.get_num_threads() == 4


def test_the_first_steps_keep_their_order_when_the_choice_is_known() -> None:
    assert used(StageThreads(4, chosen=1), 10) == [*PATTERN, 1, 1]
    assert used(StageThreads(4, chosen=1, done=7), 3) == [1, 1, 1]
    assert used(StageThreads(1), 2) == [4, 4]  # nothing to choose: nothing is changed


def test_a_choice_is_kept_for_the_run_and_for_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VADKIT_CACHE", str(tmp_path))

    def threads(run: dict[str, int], *, measure: bool = True) -> Threads:
        return Threads(measure=measure, known=run.get, keep=run.__setitem__, progress=NoProgress())

    first: dict[str, int] = {}
    stage = threads(first).of("model", "digest")
    used(stage, 8)
    assert first == {"model": stage.chosen}
    second: dict[str, int] = {}
    assert threads(second).of("model", "digest").chosen == stage.chosen
    assert second == first  # a resumed run does not need the file of the machine
    assert threads({"model": 3}).of("model", "digest").chosen == 3
    assert threads({}).of("model", "another digest").chosen is None
    assert threads({}, measure=False).of("model", "digest").most == 1


def test_waiting_threads_sleep_unless_the_user_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        monkeypatch.delenv(name, raising=False)
    wait_passively()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.delenv("OMP_WAIT_POLICY")
    monkeypatch.setenv("GOMP_SPINCOUNT", "1000")
    wait_passively()
    assert "OMP_WAIT_POLICY" not in os.environ


def test_the_program_waits_passively_before_torch_is_imported() -> None:
    code = (
        "import os, sys\nfrom vadkit.cli import main\n"
        "sys.argv = ['vadkit', '--version']\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        "print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP", "GOMP", "KMP"))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "PASSIVE False"
