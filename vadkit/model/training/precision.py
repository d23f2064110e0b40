"""Precision, by measurement: chooses that of `engine.precision: auto`, and tests the layers of a bfloat16 recipe."""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from vadkit.core.errors import ShapeError
from vadkit.model.compute import Compute
from vadkit.recipe.model import Engine
from vadkit.store.measurements import Measurement

Precision = Literal["fp32", "bf16"]

_LAYERS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d, nn.Linear)
_PASSES = 3
_GAIN = 1.2  # bfloat16 must be this much faster
_TOLERANCE = 0.02  # largest relative difference of outputs and gradients; a correct bfloat16 stays below 0.01
_SHAPE = (2, 16, 8, 32, 48)  # (B, C, T, H, W) of the clips that are measured; torch is slow for a single small one


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


def check_bfloat16_layers(module: nn.Module, shape: tuple[int, ...], device: torch.device) -> None:
    """Refuse layers that this machine computes wrongly in bfloat16.

    Some versions of torch return wrong numbers for convolutions of some shapes on some processors, without an error.
    Each convolution and linear layer is run once in float32 and in bfloat16, forward and backward, on random numbers
    of the shape that it gets in the module. Layers that are equal in type, settings and shape are run once.

    Args:
        module: takes a clip.
        shape: of the clip, (C, T, H, W).
        device: where the layers run.

    Raises:
        ShapeError: the output or the gradient of a layer differs by more than 2 %. The message names it.
    """
    seen: dict[str, tuple[str, nn.Module, torch.Size]] = {}

    def hook_for(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            seen.setdefault(f"{layer} {tuple(inputs[0].shape)}", (name, layer, inputs[0].shape))

        return note

    layers = [(name, layer) for name, layer in module.named_modules() if isinstance(layer, _LAYERS)]
    hooks = [layer.register_forward_pre_hook(hook_for(name)) for name, layer in layers]
    training = module.training
    try:
        with torch.no_grad():
            module.eval()(torch.zeros(1, *shape, device=next(iter(module.parameters())).device))
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    for name, layer, size in seen.values():
        difference = _difference(copy.deepcopy(layer).to(device), size, device)
        if not difference <= _TOLERANCE:
            raise ShapeError(
                f"{name} is wrong by {100 * difference:.2g} % in bfloat16 on this machine: {layer} with an input of "
                f"shape {tuple(size)}",
                where="engine.precision",
                fix="set engine.precision: fp32",
            )


@contextlib.contextmanager
def check_bfloat16_gradients(module: nn.Module, compute: Compute) -> Iterator[None]:
    """Refuse convolutions with an uninitialised gradient. Run one clip through the module in this context.

    On a CPU, torch 2.13 returns uninitialised memory as the bfloat16 gradient of a 3-D convolution's weight
    if the input has two or more frames and the kernel is longer in time than the input.

    Raises:
        ShapeError: the module has such a convolution.
    """
    affected: list[str] = []

    def hook_for(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        def check(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
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


@torch.enable_grad()
def _difference(layer: nn.Module, shape: torch.Size, device: torch.device) -> float:
    """The largest relative difference between float32 and bfloat16, of output, weights' and input's gradient."""
    generator = torch.Generator().manual_seed(0)
    given = arriving = torch.randn(shape, generator=generator).to(device)
    results: list[list[Tensor]] = []
    for enabled in (False, True):
        layer.requires_grad_(True).zero_grad()
        clip = given.clone().requires_grad_(True)
        with torch.autocast(device.type, torch.bfloat16, enabled=enabled):
            output = layer(clip)
        if not results:
            arriving = torch.randn(output.shape, generator=generator).to(device)
        output.float().backward(arriving)
        gradients = [tensor.grad.float() for tensor in (clip, *layer.parameters()) if tensor.grad is not None]
        results.append([output.detach().float(), *gradients])
    return max(_relative(half, single) for single, half in zip(*results, strict=True) if bool(single.any()))


def _relative(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / other.norm())
