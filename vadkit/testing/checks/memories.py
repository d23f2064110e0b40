"""Bottlenecks that keep something from clip to clip."""

from __future__ import annotations

import torch

from vadkit.testing import toy_clips as datamodule
from vadkit.testing.calls import Outputs, called, differing, inputs, outputs_of_a_model, prepared
from vadkit.testing.subject import Subject, seeded
from vadkit.testing.verdict import InapplicableError, require


def check_reset(subject: Subject) -> None:
    """What `update` is told counts from the next clip on only if `stateful` says so, and `reset` forgets it.

    A video's scores would depend on the video before it otherwise.
    """
    module = prepared(subject)
    update = getattr(module, "update", None)
    if update is None:
        raise InapplicableError("it observes nothing")
    given = inputs(subject, 2)
    seen = outputs_of_a_model(subject, datamodule.clips(subject.toy.clip, 1, seed=8), 8)

    def look(*, forget: bool) -> Outputs:
        with seeded(0), torch.no_grad():
            return called(subject, module, given, forget=forget)

    before = look(forget=True)
    with torch.no_grad():
        update(seen)
    after, again = look(forget=False), look(forget=True)
    changed = differing(before, after)
    require(
        not changed or bool(getattr(module, "stateful", "")),
        f"after 'update', {' and '.join(changed[:1])} is another",
        "say in stateful why scores depend on the order of frames",
    )
    kept = differing(before, again)
    require(not kept, f"after 'reset', {' and '.join(kept[:1])} is not what it was", "let reset forget all of it")
