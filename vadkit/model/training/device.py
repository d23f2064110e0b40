"""Lightning Fabric for a recipe's `engine:`: device, precision and threads."""

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

from vadkit.core.errors import ShapeError, VadkitError
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
    """Build the Fabric that a recipe's `engine:` describes, and set torch's global options.

    The precision "auto" counts as float32: `run` and `bench` replace it by their choice before.

    Args:
        engine: the recipe's `engine:`; its numbers of devices and machines are not used.
        devices: number of processes on this machine. All of them must call this function, and it waits for them.
        machines: number of machines with as many processes.

    Raises:
        VadkitError: the accelerator is missing, or has too few devices.
    """
    check_devices(engine, devices)
    # TF32 would round MS-SSIM's variances and the flows' matrices to 10 bits. Some of cuDNN's
    # algorithms give other results in each run, so that resume would not be exact.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Fabric's hints on hardware that the recipe does not use
        accelerator = engine.accelerator
        if accelerator == "auto" and not torch.cuda.is_available():
            accelerator = "cpu"
        plugin = Bfloat16("cpu" if accelerator == "cpu" else "cuda") if engine.precision == "bf16" else None
        strategy = "auto"
        if (devices, machines) != (1, 1):
            backend = "gloo" if accelerator == "cpu" else "cpu:gloo,cuda:nccl"
            # The first process evaluates alone. If a process ends, the others notice it without a time limit.
            strategy = _Connected(process_group_backend=backend, timeout=timedelta(days=1))
        fabric = Fabric(accelerator=accelerator, strategy=strategy, devices=devices, num_nodes=machines, plugins=plugin)
        if isinstance(strategy, _Connected):
            fabric.launch()
    if engine.threads is not None:
        torch.set_num_threads(engine.threads)
    return fabric


def check_devices(engine: Engine, devices: int) -> None:
    """Check that this machine has the devices for some processes.

    Raises:
        VadkitError: the accelerator is missing, or has too few devices.
    """
    if engine.accelerator == "cuda" and not torch.cuda.is_available():
        raise VadkitError("no CUDA device was found", where="engine.accelerator", fix="use auto or cpu")
    if engine.accelerator != "cpu" and torch.cuda.is_available() and devices > (found := torch.cuda.device_count()):
        what = f"{devices} processes need {devices} GPUs, but this machine has {found}"
        fix = f"set devices: {found}, or accelerator: cpu"
        raise VadkitError(what, where="engine.devices", fix=fix)


@contextlib.contextmanager
def check_bfloat16_gradients(module: nn.Module, fabric: Fabric, precision: str) -> Iterator[None]:
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
        if precision == "bf16" and fabric.device.type == "cpu"
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
