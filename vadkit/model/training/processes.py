"""The processes that work on one run: how they start together, what each does, and what they exchange.

Each process has a copy of the model. It computes its part of every batch, and the mean of the gradients over all
parts is that of the batch. So `batch_size` means the same for every number of processes. The first process alone
writes into the run folder, except that each process writes the score files of its videos.

A method of `Processes` that exchanges something waits for all processes. In a run of one process it does nothing.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from vadkit.core.errors import RunFolderError, VadkitError
from vadkit.model.compute import check_devices
from vadkit.recipe.model import Engine

if TYPE_CHECKING:  # the import of Lightning Fabric takes more than a second, which scoring does not need
    from lightning_fabric import Fabric

_VISIBLE = 90.0  # seconds; a network file system may show a new file as late as this

T = TypeVar("T")


class Items(Protocol):
    """Several items: an array or a tensor."""

    def __len__(self) -> int:
        """Return the number of items."""
        ...

    def __getitem__(self, part: slice, /) -> Self:
        """Return some of the items."""
        ...


SomeItems = TypeVar("SomeItems", bound=Items)


class NotStartedError(VadkitError):
    """A recipe needs several processes, and this process was started alone.

    Args:
        engine: the recipe's `engine`.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        machines = f" on each of {engine.num_nodes} machines" if engine.num_nodes > 1 else ""
        super().__init__(
            f"the recipe needs {engine.devices} processes{machines}, but this process was started alone",
            where="engine.devices",
            fix=f"start the script with torchrun --nproc-per-node {engine.devices}, or use the command 'vadkit run'",
        )


def started() -> tuple[int, int] | None:
    """Processes of this machine and number of machines, as torchrun or SLURM started them; None if neither did."""
    if dist.is_available() and dist.is_torchelastic_launched():
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        return here, int(os.environ["WORLD_SIZE"]) // here
    if "SLURM_STEP_ID" in os.environ:  # else it is a batch script without srun
        from lightning_fabric.plugins.environments.slurm import SLURMEnvironment

        if not SLURMEnvironment.detect():
            return None
        machines = int(os.environ.get("SLURM_NNODES", "1"))
        return int(os.environ["SLURM_NTASKS"]) // machines, machines
    return None


def join(engine: Engine) -> Fabric | None:
    """Join the other processes of the run; None if there are no others.

    With several processes, all of them must call this function, and `leave` at the end.

    Raises:
        NotStartedError: the recipe needs several processes, and this process was started alone.
        VadkitError: another number of processes was started than the recipe needs, or the devices are missing.
    """
    found, needed = started(), (engine.devices, engine.num_nodes)
    if found is None and needed != (1, 1):
        raise NotStartedError(engine)
    if found is None:
        check_devices(engine, 1)
        return None
    devices, machines = found
    if found != needed != (1, 1):
        raise VadkitError(
            f"the recipe needs {engine.devices} processes on {engine.num_nodes} machines, but {devices} processes on "
            f"{machines} machines were started",
            where="engine.devices",
            fix=f"set --devices {devices} --num-nodes {machines}, or start as many processes as the recipe needs",
        )
    from vadkit.model.training.device import build_fabric

    return build_fabric(engine, devices, machines)


def leave() -> None:
    """Leave the group of processes, if `join` made one."""
    if dist.is_initialized():
        dist.destroy_process_group()


class Processes:
    """The processes of a run, as this one sees them.

    Args:
        fabric: knows the number of processes, and which one this is; default: one process.

    Attributes:
        number: of this process, from 0.
        count: number of processes.
    """

    def __init__(self, fabric: Fabric | None = None) -> None:
        self._local = fabric.local_rank if fabric is not None else 0
        self.number, self.count = (fabric.global_rank, fabric.world_size) if fabric is not None else (0, 1)

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes into the run folder."""
        return self.number == 0

    def share(self, items: SomeItems) -> SomeItems:
        """The items that this process computes: consecutive ones, and at most one more or fewer than another process.

        If there are fewer items than processes, each process computes all of them.
        """
        if len(items) < self.count:
            return items
        return items[len(items) * self.number // self.count : len(items) * (self.number + 1) // self.count]

    def split(self, sizes: Mapping[str, int]) -> frozenset[str]:
        """The names that this process works on: the largest first, each to the process with the least work."""
        work = [0] * self.count
        mine: list[str] = []
        for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
            process = work.index(min(work))
            work[process] += sizes[name]
            if process == self.number:
                mine.append(name)
        return frozenset(mine)

    def weight(self, items: int, size: int) -> float:
        """Weight of this process in a mean over a batch of `size` items, of which it computes `items`."""
        if self.count == 1:
            return 1.0
        return items / size if size >= self.count else 1 / self.count

    def add(self, loss: Tensor, parameters: Sequence[nn.Parameter]) -> Tensor:
        """Add up the gradients of all processes, and return the sum of their losses ().

        `parameters` are those with gradients, the same ones in every process.
        """
        if self.count == 1:
            return loss
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([loss.detach()[None], *(gradient.flatten() for gradient in gradients)])
        dist.all_reduce(flat)
        for gradient, total in zip(gradients, flat[1:].split([each.numel() for each in gradients]), strict=True):
            gradient.copy_(total.view_as(gradient))
        return flat[0]

    def sums(self, values: Mapping[str, float]) -> dict[str, float]:
        """The sum of each value over all processes."""
        if self.count == 1:
            return dict(values)
        sums = torch.tensor([*values.values()], dtype=torch.float64)
        dist.all_reduce(sums)
        return dict(zip(values, sums.tolist(), strict=True))

    def any(self, value: bool) -> bool:
        """Whether a value is true in at least one process."""
        if self.count == 1:
            return value
        found = torch.tensor(float(value))
        dist.all_reduce(found)
        return found.item() > 0

    def copy_first(self, tensors: Iterable[Tensor]) -> None:
        """Copy the values of the first process into tensors, which have the same shapes in every process."""
        if self.count == 1:
            return
        found = [tensor.detach() for tensor in tensors]
        for dtype in sorted({tensor.dtype for tensor in found}, key=str):
            some = [tensor for tensor in found if tensor.dtype == dtype]
            flat = torch.cat([tensor.flatten() for tensor in some])
            dist.broadcast(flat, 0)
            for tensor, values in zip(some, flat.split([tensor.numel() for tensor in some]), strict=True):
                tensor.copy_(values.view_as(tensor))

    def of_first(self, value: T) -> T:
        """The value that the first process has."""
        if self.count == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, 0)
        return values[0]

    def gather(self, items: Sequence[T]) -> list[T]:
        """The items of all processes, in the order of the processes."""
        if self.count == 1:
            return list(items)
        found: list[Any] = [None] * self.count
        dist.all_gather_object(found, items)
        return [item for some in found for item in some]

    def wait(self, files: Iterable[Path] = ()) -> None:
        """Wait for the other processes, and until this one sees the files that they wrote.

        Raises:
            RunFolderError: a file is not here, also not after `_VISIBLE` seconds.
        """
        if self.count == 1:
            return
        dist.all_reduce(torch.zeros(1))  # of the CPU: `barrier` would occupy the GPU
        limit = time.monotonic() + _VISIBLE
        for path in files:
            while not path.exists():
                if time.monotonic() > limit:
                    what = f"process {self.number} does not see this file, which another process wrote"
                    fix = "put the run folder on a file system that all machines share"
                    raise RunFolderError(what, where=str(path), fix=fix)
                time.sleep(1)

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """The first process of each machine works first. The others work after it, and find what it stored."""
        if self._local:
            self.wait()
        yield
        if not self._local:
            self.wait()


def is_reported_elsewhere() -> bool:
    """Whether another process reports the error of this process, or the error that caused it.

    The first process that fails reports its error. Before the processes have joined, all processes of a machine fail
    with the same error, and the first one of them reports it.
    """
    if not dist.is_initialized():
        return os.environ.get("LOCAL_RANK", os.environ.get("SLURM_LOCALID", "0")) != "0"
    with contextlib.suppress(RuntimeError):  # the process that kept the count has ended
        return dist.distributed_c10d._get_default_store().add("vadkit/failures", 1) > 1
    return True


def is_loss_of_process(error: BaseException) -> bool:
    """Whether an error says that another process has ended."""
    return isinstance(error, dist.DistError) or (isinstance(error, RuntimeError) and "gloo" in str(error))
