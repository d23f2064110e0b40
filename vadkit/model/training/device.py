"""Lightning Fabric for the training of a recipe: device, precision and processes."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn

from vadkit.core.errors import ShapeError
from vadkit.model.compute import Compute, check_devices, uses_gpu
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


@contextlib.contextmanager
def check_bfloat16_gradients(module: nn.Module, compute: Compute) -> Iterator[None]:
    """Refuse convolutions with an uninitialised gradient. Run one clip through the module in this context.

    On a CPU, torch 2.13 returns uninitialised memory as the bfloat16 gradient of a 3-D convolution's weight
    if the input has two or more frames and the kernel is longer in time than the input.

    Raises:
        ShapeError: the module has such a convolution.
    """
    affected: list[str] = []

    def hook_for(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
        def check(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            kernel, frames = layer.kernel_size[0], inputs[0].shape[2]  # pyright: ignore
            if kernel > frames >= 2:
                affected.append(f"{name} (kernel {kernel} in time, {frames} frames)")

        return check

    convolutions = (nn.Conv3d, nn.ConvTranspose3d)
    hooks = (
        [
            layer.register_forward_pre_hook(hook_for(name))
            for name, layer in module.named_modules()
            if isinstance(layer, convolutions)
        ]
        if compute.bfloat16 and compute.device.type == "cpu"
        else []
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    if affected:
        raise ShapeError(
            f"{affected[0]} would train on uninitialised gradients in bfloat16 on a CPU, because of a bug in torch",
            where="engine.precision",
            fix="set engine.precision: fp32, or use longer clips or a smaller tau",
        )
