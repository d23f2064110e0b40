"""Checks that the same input gives the same outputs: from the same seed, in another batch, and from a saved state."""

from __future__ import annotations

import copy
from io import BytesIO
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from vadkit.core.errors import join_names
from vadkit.testing.calls import build_eval, differing, evaluate, inputs, mapped
from vadkit.testing.outcome import ConformityError, failing, require
from vadkit.testing.subject import Subject

TOLERANCE = 1e-4  # relative and absolute, between batches


def check_seeded(subject: Subject) -> None:
    """Built twice from the same torch seed, and fitted if it is a density, it has the same weights and buffers.

    Otherwise a run could not be repeated.
    """
    one, two = (build_eval(subject, anew=True).state_dict() for _ in range(2))
    changed = differing(one, two)
    fix = "draw from torch's global generator, or seed from context.seed when a density is fitted"
    require(not changed, f"built twice from the same seed, it differs in {join_names(changed)}", fix)


def check_training_repeats(subject: Subject) -> None:
    """In training, the same seed gives the same output: all random numbers come from torch's generator."""
    given, module = inputs(subject, 2), build_eval(subject).train()
    twins = module, copy.deepcopy(module)
    for name in differing(*(evaluate(subject, twin, given, seed=11) for twin in twins)):
        raise ConformityError(
            f"in training, {name} differs between two calls with the same seed",
            fix="draw from torch's global generator, not from numpy's or Python's",
        )


def check_evaluation_repeats(subject: Subject) -> None:
    """In evaluation, the same clips give the same outputs, whatever the seed and the earlier calls.

    A component with a memory of earlier clips is reset first.
    """
    given = inputs(subject, 2)
    module = build_eval(subject)
    one = evaluate(subject, module, given)
    evaluate(subject, module, inputs(subject, 2, seed=9))
    for name in differing(one, evaluate(subject, module, given, seed=1)):
        raise ConformityError(
            f"in evaluation, {name} differs between two calls with the same input",
            fix="apply noise and dropout only if self.training, and keep nothing between calls",
        )


def check_state(subject: Subject) -> None:
    """Saved and loaded, by safetensors and by `torch.load(weights_only=True)`, its state restores its outputs.

    The new object has another seed and is not fitted, so all learned values must be parameters or buffers.
    """
    module, given = build_eval(subject), inputs(subject, 2)
    wanted = evaluate(subject, module, given)
    state = {name: tensor.detach().contiguous() for name, tensor in module.state_dict().items()}
    held = BytesIO()
    what = "its state cannot be written as safetensors"
    with failing(what, "keep only tensors in it, each one once", RuntimeError, ValueError, TypeError):
        written = save(state)
        torch.save(state, held)
    held.seek(0)
    for how, tensors in (("safetensors", load(written)), ("torch.load", torch.load(held, weights_only=True))):
        fresh = subject.build(seed=1)
        fix = "give every buffer its final shape in the constructor, and pad learned values to it"
        with failing("a new object cannot load its state", fix, RuntimeError):
            fresh.load_state_dict(tensors)
        for name in differing(wanted, evaluate(subject, fresh.eval(), given)):
            raise ConformityError(
                f"with the loaded state ({how}), {name} of a new object differs",
                fix="keep all learned and random values in parameters or buffers (register_buffer)",
            )


def check_batch_independence(subject: Subject) -> None:
    """In evaluation, the outputs for a clip do not depend on the other clips of its batch.

    Otherwise a score would depend on `engine.score_batch`. A component with a memory of earlier clips is reset first.
    """
    batch, module = inputs(subject, 3, seed=0), build_eval(subject)
    mixed = _first_of(batch, inputs(subject, 3, seed=5))
    one, two = (evaluate(subject, module, given) for given in (batch, mixed))
    for name in one:
        require(
            not one[name].dim() or _equal(one[name][0], two[name][0]),
            f"in evaluation, {name} of a clip changes with the other clips of its batch",
            "compute nothing over the batch axis; use running statistics in eval mode",
        )


def _first_of(one: Any, other: Any) -> Any:
    """The first entry of one batch, followed by the rest of another."""
    rest: list[Tensor] = []
    mapped(lambda tensor: rest.append(tensor) or tensor, other)
    following = iter(rest)
    return mapped(lambda tensor: torch.cat([tensor[:1], next(following)[1:]]), one)


def _equal(one: Tensor, two: Tensor) -> bool:
    return torch.allclose(one, two, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
