"""Checks of losses: one number to fit, with a gradient for the output."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from vadkit.testing.calls import build_eval, inputs
from vadkit.testing.outcome import NotApplicableError, require
from vadkit.testing.subject import Subject


def check_output_learns(subject: Subject) -> None:
    """The gradient of the loss reaches the autoencoder's output."""
    module: Any = build_eval(subject).train()
    out = inputs(subject, 2)[0]
    output = out.output.clone().requires_grad_()
    loss = module(replace(out, output=output))
    require(loss.requires_grad, "it has no gradient for the output", "do not detach out.output")
    loss.backward()
    reached = output.grad is not None and bool(output.grad.any()) and bool(torch.isfinite(output.grad).all())
    fix = "use out.output, and keep roots and divisions away from 0"
    require(reached, "the output's gradient is zero or not finite", fix)


def check_perfect_output(subject: Subject) -> None:
    """An output equal to the target has a loss no higher than a noisy output, and a finite gradient.

    The check does not apply to a loss with its own parameters, such as a discriminator.
    """
    module: Any = build_eval(subject)
    if any(True for _ in module.parameters()):
        raise NotApplicableError("it has its own parameters, so its value for a perfect output is learned")
    out = inputs(subject, 2)[0]
    perfect = out.target.clone().requires_grad_()
    loss = module(replace(out, output=perfect))
    least, more = float(loss.detach()), float(module(out).detach())
    what = f"an output equal to the target has loss {least:.4g}, a noisy one {more:.4g}"
    require(least <= more, what, "return a value to fit: a distance, or one minus a similarity")
    if loss.requires_grad:
        loss.backward()
    finite = perfect.grad is None or bool(torch.isfinite(perfect.grad).all())
    require(finite, "its gradient is not finite where the output equals the target", "add an epsilon under roots")


def check_critic(subject: Subject) -> None:
    """`critic` returns one number if the loss has its own parameters, which an optimiser trains with it, else None."""
    module: Any = build_eval(subject).train()
    out = inputs(subject, 2)[0]
    owned = [each for each in module.parameters() if each.requires_grad]
    critic = module.critic(replace(out, output=out.output.detach()))
    if not owned:
        require(critic is None, "it has no own parameters, but 'critic' returns a loss", "return None")
        return
    require(critic is not None, "it has its own parameters, but 'critic' returns None", "return their loss, one number")
    fits = critic.dim() == 0 and bool(torch.isfinite(critic)) and critic.requires_grad
    what = f"'critic' returns a tensor of shape {tuple(critic.shape)} that is not one finite number with a gradient"
    require(fits, what, "return one finite number that depends on the parameters")


def check_tags(subject: Subject) -> None:
    """It gives one finite number whether none, some or all clips of a batch have a tag that it reads."""
    module: Any = build_eval(subject)
    if not module.tags:
        raise NotApplicableError("it reads no tags")
    out = inputs(subject, 2)[0]
    for name in module.tags:
        for values in ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)):
            tags = {other: torch.zeros(2) for other in module.tags} | {name: torch.tensor(values)}
            loss = module(replace(out, tags=tags))
            what = f"with the tag {name} at {list(values)} in a batch of two, the loss is {loss}"
            fits = loss.dim() == 0 and bool(torch.isfinite(loss))
            require(fits, what, "return one finite number, also if no clip of a batch has the tag, or all have it")
