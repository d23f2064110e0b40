"""Where numbers are computed: Lightning Fabric, threads and seeds."""

from __future__ import annotations

import hashlib
import logging
import warnings

import torch
from lightning_fabric import Fabric

from vadkit.errors import VadkitError
from vadkit.recipe.model import Engine

PRECISION = {"fp32": "32-true", "bf16": "bf16-mixed"}


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
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Fabric's hints on hardware that it was told not to use
        accelerator = engine.accelerator
        if accelerator == "auto" and not torch.cuda.is_available():
            accelerator = "cpu"
        return Fabric(accelerator=accelerator, devices=1, precision=PRECISION[engine.precision])  # pyright: ignore


def derive(seed: int, purpose: str) -> int:
    """A seed of its own for each purpose, so that one more stage does not shift the others."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:4], "big")
