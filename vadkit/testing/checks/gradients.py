"""Checks that training reaches every parameter."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from vadkit.core.errors import join_names
from vadkit.testing.calls import build_eval, call, inputs
from vadkit.testing.outcome import ConformityError, NotApplicableError
from vadkit.testing.subject import Subject

STEPS = 3  # in a single batch, a unit may be inactive


def check_gradients(subject: Subject) -> None:
    """Every trainable parameter gets a gradient: from the outputs, or, for a loss, from its critic."""
    module = build_eval(subject).train()
    parameters = {name: each for name, each in module.named_parameters() if each.requires_grad}
    if not parameters:
        raise NotApplicableError("it has no parameters")
    reached: set[str] = set()
    for seed in range(STEPS):
        module.zero_grad()
        total = _total(subject, module, inputs(subject, 3, seed=seed))
        if total.requires_grad:
            total.backward()
        reached |= {name for name, each in parameters.items() if each.grad is not None and bool(each.grad.any())}
        if reached == set(parameters):
            return
        with torch.no_grad():  # a small step, so that a branch with zero weights, as in residual networks, gets one
            for each in parameters.values():
                if each.grad is not None:
                    each -= 1e-2 * each.grad / each.grad.norm().clamp_min(1.0)
    unused = [name for name in parameters if name not in reached]
    raise ConformityError(
        f"{len(unused)} of {len(parameters)} parameters get no gradient: {join_names(unused)}",
        fix="use them in forward without detach, or remove them (requires_grad_(False) if they are fixed)",
    )


def _total(subject: Subject, module: nn.Module, given: tuple[Any, ...]) -> Tensor:
    """A random linear combination of all output entries."""
    if subject.kind == "loss":
        critic = module.critic(given[0])  # pyright: ignore[reportCallIssue]
        return torch.zeros(()) if critic is None else critic
    random = torch.Generator().manual_seed(5)
    outputs = [each for each in call(subject, module, given).values() if each.is_floating_point()]
    return torch.stack([(each * torch.randn(each.shape, generator=random)).sum() for each in outputs]).sum()
