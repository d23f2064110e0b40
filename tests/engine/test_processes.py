"""Several processes: the same weights and scores as one, also after one of them ended."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import doubled
import numpy as np
import pytest
import torch
import yaml
from lightning_fabric import Fabric
from safetensors.torch import load_file
from tiny_runs import TINY, held_out
from torch import nn

import vadkit
from vadkit.core.errors import VadkitError
from vadkit.engine.launch import launch
from vadkit.model.compute import check_devices
from vadkit.model.training.batch_norm import synchronize
from vadkit.model.training.processes import NotStartedError, Processes, join
from vadkit.recipe.model import Engine

TESTS = Path(__file__).parents[1]
CRITIC = {"use": "adversarial", "weight": 0.05, "channels": [4, 8]}


def small(recipe: Mapping[str, Any] = TINY) -> dict[str, Any]:
    """ITAE with a critic and batch norm, and two flows. Batches of 5 clips, and of 1 at the end of a pass."""
    changed = held_out(copy.deepcopy(dict(recipe)))
    changed["data"] |= {"test_videos": 3, "frames": 24, "stride": 3}
    changed["model"] |= {"losses": [*changed["model"]["losses"], CRITIC], "critic": {"use": "adam", "lr": 1e-3}}
    changed["model"]["fit"] |= {"batch_size": 5, "steps": 7}
    for density in changed["densities"].values():
        density["fit"] |= {"steps": 3, "batch_size": 4, "accumulate_grad_batches": 2}
    changed["engine"] |= {"sync_batch_norm": True}
    return changed


def torchrun(processes: int, recipe: Path, out: Path, *ending: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    path = os.pathsep.join(filter(None, sys.path))
    return subprocess.run(
        [*command, str(TESTS / "doubled.py"), str(recipe), str(out), *ending],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=540,
    )  # fmt: skip


def test_two_processes_that_are_killed_and_continued_by_three_equal_one(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(small()))
    several, one = tmp_path / "several", tmp_path / "one"
    killed = torchrun(2, recipe, several, "failing", "4")
    assert killed.returncode
    assert killed.stderr.count("OSError: the last process failed") == 1
    assert killed.stderr.count("Traceback (most recent call last)") == 2  # that of torchrun is the other one
    assert (several / "checkpoints" / "state.pt").is_file()
    continued = torchrun(3, recipe, several)
    assert continued.returncode == 0, continued.stderr
    with pytest.MonkeyPatch.context() as patch:
        doubled.compute_in_float64(patch.setattr)
        vadkit.run(recipe, out=one)
    torch.set_default_dtype(torch.float32)
    weights = sorted((one / "checkpoints").glob("*.safetensors"))
    assert len(weights) == 3
    for path in weights:
        found = load_file(several / "checkpoints" / path.name)
        for name, tensor in load_file(path).items():
            torch.testing.assert_close(found[name], tensor, rtol=1e-7, atol=1e-7, msg=f"{path.name}, {name}")
    scored = [*one.glob("scores/*.npz"), *one.glob("checkpoints/held_out/*.npz")]
    assert len(scored) == 4
    for path in scored:
        found, expected = np.load(several / path.relative_to(one)), np.load(path)
        assert found.files == expected.files
        for name in expected.files:
            if expected[name].dtype == np.float64:
                np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)
    ours, theirs = (vadkit.load_run(folder).metrics["metrics"] for folder in (several, one))
    assert ours == pytest.approx(theirs)


def processes(number: int, count: int) -> Processes:
    return Processes(cast(Fabric, SimpleNamespace(local_rank=number, global_rank=number, world_size=count)))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 12])
def test_the_parts_of_a_batch_are_the_batch_and_their_weights_give_its_mean(size: int) -> None:
    batch = torch.arange(float(size))
    parts = [processes(number, 3).share(batch) for number in range(3)]
    if size >= 3:
        assert torch.equal(torch.cat(parts), batch)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    weights = [processes(number, 3).weight(len(part), size) for number, part in enumerate(parts)]
    mean = sum(weight * part.mean() for weight, part in zip(weights, parts, strict=True))
    assert float(mean) == pytest.approx(float(batch.mean()))


def test_every_video_has_one_process_and_the_work_is_even() -> None:
    sizes = {"long": 90, "a": 30, "b": 30, "c": 31}
    split = [processes(number, 2).split(sizes) for number in range(2)]
    assert split == [{"long"}, {"a", "b", "c"}]


def test_synchronized_batch_norm_has_the_gradients_of_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.distributed.all_reduce", lambda tensor: None)
    plain, synced = nn.BatchNorm3d(3), nn.BatchNorm3d(3)
    synchronize(synced, lambda: True)
    given = torch.randn(4, 3, 2, 5, 6)
    one, other = given.clone().requires_grad_(), given.clone().requires_grad_()
    weights = torch.randn_like(given)
    for norm, x in ((plain, one), (synced, other)):
        (norm(x) * weights).sum().backward()
    torch.testing.assert_close(one.grad, other.grad)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(tensor, synced.state_dict()[name])
    torch.testing.assert_close(plain.weight.grad, synced.weight.grad)
    torch.testing.assert_close(plain.eval()(given), synced.eval()(given))


def test_a_script_that_is_started_alone_is_told_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(NotStartedError, match=r"needs 2 processes.*started alone[^$]*torchrun --nproc-per-node 2"):
        vadkit.run(small(), out=tmp_path / "run", overrides=["engine.devices=2"])
    assert not (tmp_path / "run").exists()


def test_another_number_of_processes_than_the_recipe_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    started = {"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "4"}
    for name, value in started.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(VadkitError, match=r"needs 8 processes on 1 machines, but 2 processes on 2 machines"):
        join(Engine(devices=8))


def test_more_processes_than_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(VadkitError, match="8 processes need 8 GPUs, but this machine has 2"):
        check_devices(Engine(), 8)
    check_devices(Engine(accelerator="cpu"), 8)


def test_the_option_starts_the_command_again_and_returns_the_exit_code_of_the_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

    seen: list[Any] = []
    monkeypatch.setattr("logging.disable", lambda level: None)
    monkeypatch.setattr("torch.distributed.run.run", seen.append)
    monkeypatch.setattr(sys, "argv", ["vadkit", "run", "r.yaml", "--devices", "2"])
    assert launch(Engine(devices=2)) == 0
    (options,) = seen
    assert (options.nproc_per_node, options.standalone, options.module) == ("2", True, True)
    assert [options.training_script, *options.training_script_args] == ["vadkit", "run", "r.yaml", "--devices", "2"]

    def failing(options: Any) -> None:
        # The second process reports an error of the user. The agent has stopped the first one.
        failures = {rank: ProcessFailure(rank, 1, code, "") for rank, code in enumerate((-15, 2))}
        raise ChildFailedError("vadkit", failures)

    monkeypatch.setattr("torch.distributed.run.run", failing)
    assert launch(Engine(devices=2)) == 2


def test_several_machines_need_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    monkeypatch.setenv("NODE_RANK", "0")
    with pytest.raises(VadkitError, match="MASTER_ADDR must be set on each machine"):
        launch(Engine(devices=2, num_nodes=2))


@pytest.mark.skipif("VADKIT_SLOW" not in os.environ, reason="slow: set VADKIT_SLOW=1")
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root, for network namespaces")
def test_two_machines_with_their_own_addresses(tmp_path: Path) -> None:
    recipe, run = tmp_path / "recipe.yaml", tmp_path / "run"
    recipe.write_text(yaml.safe_dump(small()))
    command = [sys.executable, "-m", "vadkit", "run", str(recipe), "--out", str(run), "--num-nodes", "2"]
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [str(TESTS / "two_machines.sh"), *command],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("network namespaces are not permitted here")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("run folder:") == 1
    assert vadkit.load_run(run).metrics["metrics"]["micro_auc"] > 0
