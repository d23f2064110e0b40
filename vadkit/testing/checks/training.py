"""Checks of optimisers and learning-rate schedulers."""

from __future__ import annotations

import math
from typing import Any

from vadkit.testing.outcome import require
from vadkit.testing.subject import Subject


def check_optimizer(subject: Subject) -> None:
    """It builds a torch optimiser from an iterator of parameters, with a positive learning rate; its steps descend."""
    import torch

    wanted, start = torch.tensor([0.5, -0.5]), torch.zeros(2)
    weight = torch.nn.Parameter(start.clone())
    optimizer = subject.build().build(iter([weight]))
    fix = "build a torch.optim.Optimizer: a run saves its state and changes its learning rate"
    require(isinstance(optimizer, torch.optim.Optimizer), f"it builds a {type(optimizer).__name__}", fix)
    rates = [group["lr"] for group in optimizer.param_groups]
    positive = bool(rates) and all(0 < rate < math.inf for rate in rates)
    require(positive, f"its learning rates are {rates}", "refuse a rate that is not positive in the constructor")
    for _ in range(5):
        optimizer.zero_grad()
        (weight - wanted).square().sum().backward()
        optimizer.step()
    before, after = (float((each - wanted).square().sum()) for each in (start, weight.detach()))
    what = f"five steps on a parabola change its value from {before:.4g} to {after:.4g}"
    require(after < before, what, "step against the gradient")


def check_optimizer_state(subject: Subject) -> None:
    """Its state can be loaded with `torch.load(weights_only=True)`, so that a run can resume."""
    from io import BytesIO

    import torch

    recipe, held = subject.build(), BytesIO()
    weight = torch.nn.Parameter(torch.ones(2))
    optimizer = recipe.build([weight])
    weight.square().sum().backward()
    optimizer.step()
    torch.save(optimizer.state_dict(), held)
    held.seek(0)
    recipe.build([weight]).load_state_dict(torch.load(held, weights_only=True))


def check_factor(subject: Subject) -> None:
    """Factors are finite and not negative, at least one is positive, and each depends on the progress only.

    A resumed run starts in the middle.
    """
    schedule: Any = subject.build()
    progress = [step / 50 for step in range(50)]
    factors = {each: schedule.factor(each) for each in progress}
    wrong = [f"{each:.2f} -> {factor}" for each, factor in factors.items() if not 0 <= factor < math.inf]
    require(not wrong, f"a factor is negative or not finite: {', '.join(wrong[:3])}", "keep factors at 0 or above")
    fix = "return a positive factor at some progress"
    require(any(factors.values()), "all factors are 0, so that nothing is learned", fix)
    again = {each: schedule.factor(each) for each in reversed(progress)}
    what = "called in another order, factor() returns other values"
    require(again == factors, what, "let factor() depend on progress only")
