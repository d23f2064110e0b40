"""Weights go to a file that holds no code, and come back into a new object."""

from __future__ import annotations

from io import BytesIO

import torch
from safetensors.torch import load, save

from vadkit.testing.calls import evaluated, inputs, prepared
from vadkit.testing.subject import Subject
from vadkit.testing.verdict import ConformityError


def check_state(subject: Subject) -> None:
    """Its state, through safetensors and through `torch.load(weights_only=True)`, makes a new object give the same.

    The new one is built from another seed and not fitted: all that was learned must lie in parameters and buffers.
    """
    module, given = prepared(subject), inputs(subject, 2)
    wanted = evaluated(subject, module, given)
    state = {name: tensor.detach().contiguous() for name, tensor in module.state_dict().items()}
    held = BytesIO()
    try:
        written = save(state)
        torch.save(state, held)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ConformityError(
            f"its state cannot be written as safetensors: {error}", fix="keep tensors alone, none twice"
        ) from error
    held.seek(0)
    for how, tensors in (("safetensors", load(written)), ("torch.load", torch.load(held, weights_only=True))):
        fresh = subject.build(seed=1)
        try:
            fresh.load_state_dict(tensors)
        except RuntimeError as error:
            raise ConformityError(
                f"a new object does not take its state: {error}",
                fix="give every buffer its final shape in the constructor, and pad what is learned",
            ) from error
        found = evaluated(subject, fresh.eval(), given)
        lost = [name for name in wanted if not torch.equal(wanted[name], found[name])]
        if lost:
            raise ConformityError(
                f"with its state loaded ({how}), a new object gives another {lost[0]}",
                fix="keep whatever is learned or drawn in parameters or buffers (register_buffer)",
            )
