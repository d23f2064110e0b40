"""Checks bottlenecks with a memory of earlier clips."""

from __future__ import annotations

import torch

from vadkit.testing import toy_clips as datamodule
from vadkit.testing.calls import Outputs, build_eval, call, differing, inputs, outputs_of_a_model
from vadkit.testing.outcome import NotApplicableError, require
from vadkit.testing.subject import Subject, seeded


def check_reset(subject: Subject) -> None:
    """`update` changes the outputs for later clips only if `stateful` is set, and `reset` undoes it.

    Otherwise a video's scores would depend on the video before it.
    """
    module = build_eval(subject)
    update = getattr(module, "update", None)
    if update is None:
        raise NotApplicableError("it has no method 'update'")
    given = inputs(subject, 2)
    seen = outputs_of_a_model(subject, datamodule.clips(subject.toy.clip, 1, seed=8), 8)

    def look(*, forget: bool) -> Outputs:
        with seeded(0), torch.no_grad():
            return call(subject, module, given, forget=forget)

    before = look(forget=True)
    with torch.no_grad():
        update(seen)
    after, again = look(forget=False), look(forget=True)
    changed = differing(before, after)
    require(
        not changed or bool(getattr(module, "stateful", "")),
        f"'update' changes {' and '.join(changed[:1])}, but stateful is not set",
        "state in stateful why scores depend on the order of frames",
    )
    kept = differing(before, again)
    require(not kept, f"'reset' does not restore {' and '.join(kept[:1])}", "let reset undo all that observe changes")
