"""Checks of number types and devices."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn

from vadkit.testing.calls import Outputs, build_eval, evaluate, inputs, mapped
from vadkit.testing.outcome import ConformityError, NotApplicableError, failing, require
from vadkit.testing.subject import Subject

CLOSE, COARSE = 1e-3, 0.1
"""Largest relative error in float32, and in bfloat16."""


def check_float64(subject: Subject) -> None:
    """Converted to float64, it accepts float64 input and gives the same: no dtype is hard-coded."""
    module, given = build_eval(subject), inputs(subject, 2)
    wanted = evaluate(subject, module, given)
    fix = "create tensors with the input's dtype (torch.zeros_like, x.new_zeros), or convert to a weight's dtype"
    with failing("it cannot compute in float64", fix, RuntimeError):
        found = evaluate(subject, module.double(), _floats(Tensor.double, given))
    _compare(wanted, found, "in float64", CLOSE)


def check_bf16(subject: Subject) -> None:
    """Under bfloat16 autocast (`engine.precision: bf16`), it gives finite numbers close to those of float32."""
    module, given = build_eval(subject), inputs(subject, 2)
    wanted = evaluate(subject, module, given)
    fix = "compute the failing part in float32: .float() inside torch.autocast(..., enabled=False)"
    with failing("it fails under bfloat16 autocast", fix, RuntimeError), torch.autocast("cpu", torch.bfloat16):
        found = evaluate(subject, module, given)
    _compare(wanted, found, "in bfloat16", COARSE)


def check_device(subject: Subject) -> None:
    """`.to(device)` moves all of it: every kept tensor is a parameter or buffer, and `forward` creates none on the CPU.

    The check needs no GPU: it uses torch's "meta" device.
    """
    module = build_eval(subject)
    left = next(_stray(module), "")
    given = mapped(lambda tensor: tensor.to("meta"), inputs(subject, 2))
    try:
        # Components use autocast to force float32; it does not support the meta device.
        with mock.patch("torch.autocast", return_value=contextlib.nullcontext()):
            outputs = evaluate(subject, module.to("meta"), given)
    except (RuntimeError, NotImplementedError) as error:
        message = str(error).splitlines()[0]
        if "same device" in message or "different from other tensors" in message or left:
            raise ConformityError(
                f".to(device) does not move the tensor {left}" if left else f"forward mixes devices: {message}",
                fix="register kept tensors with register_buffer (persistent=False if they need not be saved);"
                " create the others on the input's device: torch.zeros(..., device=x.device)",
            ) from error
        raise NotApplicableError(f"its computation depends on values, so the check needs a GPU: {message}") from error
    _check_placed(outputs, "meta")


def check_cuda(subject: Subject) -> None:
    """On a GPU, if there is one, it gives the same as on the CPU."""
    if not torch.cuda.is_available():
        raise NotApplicableError("this machine has no CUDA device")
    module, given = build_eval(subject), inputs(subject, 2)
    wanted = evaluate(subject, module, given)
    found = evaluate(subject, module.cuda(), mapped(Tensor.cuda, given))
    _check_placed(found, "cuda")
    _compare(wanted, {name: tensor.cpu() for name, tensor in found.items()}, "on a GPU", CLOSE)


def check_finite(subject: Subject) -> None:
    """Ordinary, black, white and gray clips give finite numbers, so that an empty scene does not stop a run."""
    module, given = build_eval(subject), inputs(subject, 2)
    for kind, level in (("ordinary", None), ("black", -1.0), ("white", 1.0), ("gray", 0.0)):
        these = given if level is None else _floats(partial(torch.full_like, fill_value=level), given)
        for name, tensor in evaluate(subject, module, these).items():
            finite = bool(torch.isfinite(tensor).all())
            require(finite, f"with {kind} input, {name} is not finite", "keep logarithms and divisions away from 0")


def _floats(change: Callable[[Tensor], Tensor], given: Any) -> Any:
    """Change all tensors except integers, which are indices."""
    return mapped(lambda tensor: change(tensor) if tensor.is_floating_point() else tensor, given)


def _compare(wanted: Outputs, found: Outputs, when: str, tolerance: float) -> None:
    for name, tensor in wanted.items():
        other = found[name].double()
        finite = bool(torch.isfinite(other).all())
        require(finite, f"{when}, {name} is not finite", "compute the overflowing part in float32")
        error = float((other - tensor.double()).norm() / tensor.double().norm().clamp_min(1e-6))
        fix = "compute sums of many terms, logs and determinants in float32"
        require(error <= tolerance, f"{when}, {name} is off by {100 * error:.1f} %", fix)


def _check_placed(outputs: Outputs, device: str) -> None:
    for name, tensor in outputs.items():
        fix = "create it on the input's device"
        require(tensor.device.type == device, f"{name} is on {tensor.device.type}, not on the input's device", fix)


def _stray(module: nn.Module) -> Iterator[str]:
    """Names of module attributes with tensors (also in lists and mappings) that are neither parameters nor buffers."""
    for path, part in module.named_modules():
        for name, value in vars(part).items():
            if name not in ("_parameters", "_buffers", "_modules") and _holds_tensor(value):
                yield f"{path}.{name}".strip(".")


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, (Mapping, list, tuple)):
        return any(map(_holds_tensor, value.values() if isinstance(value, Mapping) else value))
    return isinstance(value, Tensor)
