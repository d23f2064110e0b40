"""Where numbers are computed: Lightning Fabric, threads and seeds."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision
from torch import nn

from vadkit.core.errors import ShapeError, VadkitError
from vadkit.recipe.model import Engine


class Bfloat16(MixedPrecision):
    """Autocast to bfloat16 that leaves the inputs alone: as targets, pixels need their float32."""

    def __init__(self, device: str) -> None:
        super().__init__("bf16-mixed", device)

    def convert_input(self, data: Any) -> Any:
        """As it is."""
        return data


def start(engine: Engine) -> Fabric:
    """Fabric for the recipe's `engine:`.

    Raises:
        VadkitError: the accelerator is not there.
    """
    if engine.accelerator == "cuda" and not torch.cuda.is_available():
        raise VadkitError("no CUDA device was found", where="engine.accelerator", fix="use auto or cpu")
    if engine.devices != 1:
        raise VadkitError("only one device can be used so far", where="engine.devices", fix="set devices: 1")
    if engine.threads is not None:
        torch.set_num_threads(engine.threads)
    # TF32 would round MS-SSIM's variances and the flows' matrices to 10 bits, and some of
    # cuDNN's algorithms differ from run to run: resume could not be exact.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Fabric's hints on hardware that it was told not to use
        accelerator = engine.accelerator
        if accelerator == "auto" and not torch.cuda.is_available():
            accelerator = "cpu"
        plugin = Bfloat16("cpu" if accelerator == "cpu" else "cuda") if engine.precision == "bf16" else None
        return Fabric(accelerator=accelerator, devices=1, plugins=plugin)


@contextlib.contextmanager
def refusing_noise(module: nn.Module, fabric: Fabric, precision: str) -> Iterator[None]:
    """While an empty clip passes: refuse convolutions whose gradient torch leaves uninitialised.

    On a CPU, torch 2.13 gives memory that nobody wrote as the bfloat16 gradient of a 3-D
    convolution's weight where its kernel reaches over more frames than there are, from two on.

    Raises:
        ShapeError: the module has such a convolution.
    """
    found: list[str] = []

    def watch(name: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...]], None]:
        def look(layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            kernel, frames = layer.kernel_size[0], inputs[0].shape[2]  # pyright: ignore
            if kernel > frames >= 2:
                found.append(f"{name} (kernel {kernel} in time, {frames} frames)")

        return look

    layers = [(name, one) for name, one in module.named_modules() if isinstance(one, (nn.Conv3d, nn.ConvTranspose3d))]
    affected = precision == "bf16" and fabric.device.type == "cpu"
    hooks = [layer.register_forward_pre_hook(watch(name)) for name, layer in layers if affected]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
    if found:
        raise ShapeError(
            f"{found[0]} would train on noise in bfloat16 on a CPU, for a fault of torch",
            where="engine.precision",
            fix="set engine.precision: fp32, or use longer clips or a smaller tau",
        )
