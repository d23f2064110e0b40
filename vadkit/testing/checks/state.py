"""Checks that weights can be saved to a file without code, and loaded into a new object."""

from __future__ import annotations

from io import BytesIO

import torch
from safetensors.torch import load, save

from vadkit.testing.calls import build_eval, evaluate, inputs
from vadkit.testing.outcome import ConformityError
from vadkit.testing.subject import Subject


def check_state(subject: Subject) -> None:
    """Saved and loaded, by safetensors and by `torch.load(weights_only=True)`, its state restores its outputs.

    The new object has another seed and is not fitted, so all learned values must be parameters or buffers.
    """
    module, given = build_eval(subject), inputs(subject, 2)
    wanted = evaluate(subject, module, given)
    state = {name: tensor.detach().contiguous() for name, tensor in module.state_dict().items()}
    held = BytesIO()
    try:
        written = save(state)
        torch.save(state, held)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ConformityError(
            f"its state cannot be written as safetensors: {error}", fix="keep only tensors in it, each one once"
        ) from error
    held.seek(0)
    for how, tensors in (("safetensors", load(written)), ("torch.load", torch.load(held, weights_only=True))):
        fresh = subject.build(seed=1)
        try:
            fresh.load_state_dict(tensors)
        except RuntimeError as error:
            raise ConformityError(
                f"a new object cannot load its state: {error}",
                fix="give every buffer its final shape in the constructor, and pad learned values to it",
            ) from error
        found = evaluate(subject, fresh.eval(), given)
        lost = [name for name in wanted if not torch.equal(wanted[name], found[name])]
        if lost:
            raise ConformityError(
                f"with the loaded state ({how}), {lost[0]} of a new object differs",
                fix="keep all learned and random values in parameters or buffers (register_buffer)",
            )
