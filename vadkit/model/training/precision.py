"""Chooses the precision of a recipe with `engine.precision: auto`, by measurement."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.recipe.model import Engine
from vadkit.store.measurements import Measurement

Precision = Literal["fp32", "bf16"]

_PASSES = 3
_GAIN = 1.2  # bfloat16 must be this much faster
_TOLERANCE = 0.02  # largest relative difference of outputs and gradients; a correct bfloat16 stays below 0.01
_SHAPE = (1, 16, 8, 32, 48)  # (B, C, T, H, W) of the clip that is measured


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """The precision for a machine, and why.

    Attributes:
        precision: "fp32" or "bf16".
        reason: for a person.
    """

    precision: Precision
    reason: str


def choose_precision(
    engine: Engine, *, folder: Path | None = None, clock: Callable[[], float] = time.perf_counter
) -> PrecisionChoice:
    """Measure a 3-D convolution, forward and backward, in float32 and bfloat16, and choose the faster precision.

    bfloat16 is chosen if it is at least 1.2 times as fast, and its outputs and gradients differ by at most 2 %. The
    result is kept for the machine, the version of torch and the number of threads. On a GPU, bfloat16 is chosen if
    the GPU has it.

    Args:
        engine: gives device and threads.
        folder: where results are kept; default: the folder of the frame cache.
        clock: gives seconds.
    """
    if engine.accelerator != "cpu" and torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return PrecisionChoice("bf16", f"{name} computes in bfloat16")
        return PrecisionChoice("fp32", f"{name} does not compute in bfloat16")
    threads = engine.threads or torch.get_num_threads()
    kept = Measurement("precision", torch.__version__, threads, _SHAPE, _GAIN, _TOLERANCE, folder=folder)
    if (values := kept.read()) is not None:
        with contextlib.suppress(TypeError):
            return PrecisionChoice(**values)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        choice = _measure(clock)
    finally:
        torch.set_num_threads(before)
    kept.write(asdict(choice))
    return choice


def _measure(clock: Callable[[], float]) -> PrecisionChoice:
    generator = torch.Generator().manual_seed(0)
    clip = torch.randn(_SHAPE, generator=generator)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = nn.Conv3d(_SHAPE[1], _SHAPE[1], 3, padding=1)

    def once(precision: Precision) -> tuple[float, Tensor, Tensor]:
        layer.zero_grad()
        began = clock()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            output = layer(clip)
        output.float().square().mean().backward()
        seconds = clock() - began
        assert layer.weight.grad is not None
        return seconds, output.detach().float(), layer.weight.grad.clone()

    once("fp32")  # the first pass also loads libraries
    single, output, gradient = min((once("fp32") for _ in range(_PASSES)), key=lambda one: one[0])
    half, rounded, rounded_gradient = once("bf16")
    if half < 3 * single:  # else it cannot win, and on some machines a pass takes seconds
        half = min(half, *(once("bf16")[0] for _ in range(_PASSES)))
    difference = max(_relative(rounded, output), _relative(rounded_gradient, gradient))
    times = f"a convolution takes {1000 * half:.3g} ms in bfloat16 and {1000 * single:.3g} ms in float32"
    if not difference <= _TOLERANCE:
        return PrecisionChoice("fp32", f"bfloat16 is wrong by {100 * difference:.2g} % on this machine")
    return PrecisionChoice("bf16" if half * _GAIN <= single else "fp32", times)


def _relative(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / other.norm())
