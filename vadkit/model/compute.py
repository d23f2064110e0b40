"""Device and precision of a recipe's `engine:`. Lightning Fabric, with its slow import, is for training alone."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

from vadkit.core.errors import VadkitError
from vadkit.recipe.model import Engine


@dataclass(frozen=True, slots=True)
class Compute:
    """Where and how modules compute.

    Attributes:
        device: of the modules and their inputs.
        bfloat16: whether convolutions compute in bfloat16.
    """

    device: torch.device
    bfloat16: bool = False

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which modules compute."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()


def compute_of(engine: Engine, device: torch.device | None = None) -> Compute:
    """Device and precision of a recipe's `engine:`. Also sets torch's global options and its threads.

    The precision "auto" counts as float32: `run` and `bench` replace it by their choice before.

    Args:
        engine: the recipe's `engine:`.
        device: of this process; default: the first GPU, or the CPU.

    Raises:
        VadkitError: the accelerator is missing.
    """
    check_devices(engine, 1)
    # TF32 would round MS-SSIM's variances and the flows' matrices to 10 bits. Some of cuDNN's
    # algorithms give other results in each run, so that resume would not be exact.
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    if engine.threads is not None:
        torch.set_num_threads(engine.threads)
    if device is None:
        device = torch.device("cuda", 0) if uses_gpu(engine) else torch.device("cpu")
    return Compute(device, engine.precision == "bf16")


def uses_gpu(engine: Engine) -> bool:
    """Whether a recipe's `engine:` computes on a GPU of this machine."""
    return engine.accelerator != "cpu" and torch.cuda.is_available()


def check_devices(engine: Engine, devices: int) -> None:
    """Check that this machine has the devices for some processes.

    Raises:
        VadkitError: the accelerator is missing, or has too few devices.
    """
    if engine.accelerator == "cuda" and not torch.cuda.is_available():
        raise VadkitError("no CUDA device was found", where="engine.accelerator", fix="use auto or cpu")
    if uses_gpu(engine) and devices > (found := torch.cuda.device_count()):
        what = f"{devices} processes need {devices} GPUs, but this machine has {found}"
        fix = f"set devices: {found}, or accelerator: cpu"
        raise VadkitError(what, where="engine.devices", fix=fix)
