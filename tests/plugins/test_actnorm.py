"""Where ActNorm starts, and that several processes start and go on alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn
from torch.nn.parallel import DistributedDataParallel

from vadkit.api import FeatureSpec
from vadkit_flows.actnorm import ActNorm
from vadkit_flows.glow import Glow
from vadkit_flows.realnvp import RealNVP

MAPS = FeatureSpec((2, 4, 4), 1)
PROCESSES = 2


def test_the_first_batch_comes_out_with_mean_0_and_deviation_1() -> None:
    layer = ActNorm((3, 1, 1))
    values = torch.randn(5, 3, 4, 4) * torch.tensor([0.5, 2.0, 7.0]).reshape(1, 3, 1, 1) + 4
    z, log_det = layer.inverse(values)
    assert torch.allclose(z.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(z.std((0, 2, 3)), torch.ones(3), atol=1e-4)
    assert torch.allclose(log_det, -16 * values.std((0, 2, 3)).log().sum(), rtol=1e-4)


def test_one_vector_is_a_start_too() -> None:
    layer = ActNorm((3,))
    z, _ = layer.inverse(torch.ones(1, 3))
    assert torch.equal(z, torch.zeros(1, 3))
    z, _ = layer.inverse(torch.full((1, 3), 2.5))
    assert torch.equal(z, torch.full((1, 3), 1.5))  # not scaled by a deviation that nobody knows


def test_the_second_batch_starts_nothing() -> None:
    layer = ActNorm((2, 1, 1))
    layer.inverse(torch.randn(4, 2, 3, 3))
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    layer.inverse(torch.randn(4, 2, 3, 3) * 9)
    assert all(torch.equal(before[name], value) for name, value in layer.state_dict().items())


def test_decoding_starts_nothing() -> None:
    layer = ActNorm((2, 1, 1))
    z, log_det = layer(torch.randn(4, 2, 3, 3) * 9)
    assert not layer.data_dep_init_done
    assert log_det == 0
    assert z.std() > 5


def test_the_buffer_that_says_it_has_started_stays_the_same_tensor() -> None:
    layer = ActNorm((2, 1, 1))
    (buffer,) = layer.buffers()
    layer.inverse(torch.randn(4, 2, 3, 3))
    assert buffer == 1.0
    assert next(layer.buffers()) is buffer


@pytest.mark.parametrize("flow", [Glow, RealNVP])
def test_processes_with_half_a_batch_each_train_as_one_with_all_of_it(flow: type[nn.Module], tmp_path: Path) -> None:
    values = torch.randn(8, *MAPS.shape, generator=torch.Generator().manual_seed(1)) * 3 + 2
    values[:4] += 5  # the two halves differ: a start from either is not the start from both
    alone = _trained(_made(flow), values)
    spawn(_process, (flow, values, tmp_path), nprocs=PROCESSES)
    each = [torch.load(tmp_path / f"{rank}.pt") for rank in range(PROCESSES)]
    for name, value in alone.items():
        assert torch.equal(each[0][name], each[1][name]), name
        assert torch.allclose(each[0][name], value, atol=1e-5), name


def _process(rank: int, flow: type[nn.Module], values: Tensor, folder: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=PROCESSES)
    try:
        state = _trained(DistributedDataParallel(_made(flow)), values.chunk(PROCESSES)[rank])
        torch.save({name.removeprefix("module."): value for name, value in state.items()}, folder / f"{rank}.pt")
    finally:
        dist.destroy_process_group()


def _made(flow: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return flow(MAPS, steps=2, levels=1, hidden=8)


def _trained(flow: nn.Module, values: Tensor) -> dict[str, Tensor]:
    optimizer = torch.optim.SGD(flow.parameters(), lr=1e-3)
    for _ in range(3):
        optimizer.zero_grad()
        flow(values).mean().backward()
        optimizer.step()
    return {name: value.detach().clone() for name, value in flow.state_dict().items()}
