"""Lightning Fabric for the training of a recipe: device, precision and processes."""

from __future__ import annotations

import logging
import warnings
from datetime import timedelta
from typing import Any

from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn

from vadkit.model.compute import check_devices, uses_gpu
from vadkit.recipe.model import Engine


class Bfloat16(MixedPrecision):
    """Autocast to bfloat16 that keeps inputs in float32, because pixels are also targets."""

    def __init__(self, device: str) -> None:
        super().__init__("bf16-mixed", device)

    def convert_input(self, data: Any) -> Any:
        """Return the input unchanged."""
        return data


class _Connected(DDPStrategy):
    """Connects the processes, but wraps no module: `Processes` averages the gradients.

    The wrapper of torch needs one backward pass for each forward pass, and the same number of items in each process.
    A training step with critics has two backward passes, and the last batch of a pass cannot always be divided.
    """

    def setup_module(self, module: nn.Module) -> Any:
        """Return the module unchanged."""
        return module


def build_fabric(engine: Engine, devices: int = 1, machines: int = 1) -> Fabric:
    """Build the Fabric that a recipe's `engine:` describes, for training.

    Args:
        engine: the recipe's `engine:`; its numbers of devices and machines are not used.
        devices: number of processes on this machine. All of them must call this function, and it waits for them.
        machines: number of machines with as many processes.

    Raises:
        VadkitError: the accelerator is missing, or has too few devices.
    """
    check_devices(engine, devices)
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Fabric's hints on hardware that the recipe does not use
        accelerator = "cuda" if uses_gpu(engine) else "cpu"
        plugin = Bfloat16(accelerator) if engine.precision == "bf16" else None
        strategy = "auto"
        if (devices, machines) != (1, 1):
            backend = "gloo" if accelerator == "cpu" else "cpu:gloo,cuda:nccl"
            # The first process evaluates alone. If a process ends, the others notice it without a time limit.
            strategy = _Connected(process_group_backend=backend, timeout=timedelta(days=1))
        fabric = Fabric(accelerator=accelerator, strategy=strategy, devices=devices, num_nodes=machines, plugins=plugin)
        if isinstance(strategy, _Connected):
            fabric.launch()
    return fabric
