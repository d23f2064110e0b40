"""Checks bottlenecks with a memory of earlier clips."""

from __future__ import annotations

import torch

from vadkit.testing.calls import build_eval, clips, differing, evaluate, inputs, outputs_of_a_model
from vadkit.testing.outcome import ConformityError, NotApplicableError, require
from vadkit.testing.subject import Subject


def check_reset(subject: Subject) -> None:
    """`update` changes the outputs for later clips only if `stateful` is set, and `reset` undoes it.

    Otherwise a video's scores would depend on the video before it.
    """
    module = build_eval(subject)
    update = getattr(module, "update", None)
    if update is None:
        raise NotApplicableError("it has no method 'update'")
    given = inputs(subject, 2)
    seen = outputs_of_a_model(subject, clips(subject.toy.clip, 1, seed=8), 8)
    before = evaluate(subject, module, given)
    with torch.no_grad():
        update(seen)
    for name in differing(before, evaluate(subject, module, given, forget=False)):
        fix = "state in stateful why scores depend on the order of frames"
        require(bool(getattr(module, "stateful", "")), f"'update' changes {name}, but stateful is not set", fix)
    for name in differing(before, evaluate(subject, module, given)):
        raise ConformityError(f"'reset' does not restore {name}", fix="let reset undo all that observe changes")
