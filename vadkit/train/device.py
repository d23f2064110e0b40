"""Where numbers are computed: Lightning Fabric, threads and seeds."""

from __future__ import annotations

import hashlib
import logging
import warnings
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision

from vadkit.errors import VadkitError
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


def derive(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose, so that one more stage does not shift the others."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:4], "big")
