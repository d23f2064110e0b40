"""Losses: one number to be minimised, of which the output learns."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from vadkit.testing.calls import inputs, prepared
from vadkit.testing.subject import Subject
from vadkit.testing.verdict import ConformityError, InapplicableError, require


def check_output_learns(subject: Subject) -> None:
    """The gradient of the loss reaches the autoencoder's output."""
    module: Any = prepared(subject).train()
    out = inputs(subject, 2)[0]
    output = out.output.clone().requires_grad_()
    loss = module(replace(out, output=output))
    require(loss.requires_grad, "it does not depend on the output by gradients", "detach nothing of out.output")
    loss.backward()
    reached = output.grad is not None and bool(output.grad.any()) and bool(torch.isfinite(output.grad).all())
    require(
        reached, "the output's gradient is zero or not finite", "use out.output, and guard roots and quotients at 0"
    )


def check_perfect_output(subject: Subject) -> None:
    """An output equal to the target has a loss no higher than a noisy one, with a finite gradient.

    A loss with parameters of its own, such as a discriminator's, is another matter.
    """
    module: Any = prepared(subject)
    if any(True for _ in module.parameters()):
        raise InapplicableError("it owns parameters: what it asks of an output is learned")
    out = inputs(subject, 2)[0]
    perfect = out.target.clone().requires_grad_()
    loss, noisy = module(replace(out, output=perfect)), module(out)
    least, more = float(loss.detach()), float(noisy.detach())
    require(
        least <= more,
        f"an output equal to the target has loss {least:.4g}, a noisy one {more:.4g}",
        "a loss is minimised: return a distance, or one minus a similarity",
    )
    if loss.requires_grad:
        loss.backward()
    if perfect.grad is not None and not bool(torch.isfinite(perfect.grad).all()):
        raise ConformityError("where output equals target its gradient is not finite", fix="add an epsilon under roots")


def check_critic(subject: Subject) -> None:
    """`critic` gives a loss of one number exactly if the loss owns parameters; their own optimiser steps by it."""
    module: Any = prepared(subject).train()
    out = inputs(subject, 2)[0]
    owned = [each for each in module.parameters() if each.requires_grad]
    critic = module.critic(replace(out, output=out.output.detach()))
    if not owned:
        require(critic is None, "it owns no parameters, but 'critic' gives a loss", "return None")
        return
    require(critic is not None, "it owns parameters, but 'critic' gives None", "return their loss, a number")
    fits = critic.dim() == 0 and bool(torch.isfinite(critic)) and critic.requires_grad
    require(fits, f"'critic' gives {tuple(critic.shape)}, or nothing that can be minimised", "return one finite number")
