"""The result for a clip must not depend on the other clips of its batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from vadkit.testing.calls import build_eval, evaluate, inputs
from vadkit.testing.outcome import ConformityError
from vadkit.testing.scores import scored
from vadkit.testing.subject import Subject
from vadkit.testing.toy_clips import mapped

TOLERANCE = 1e-4


def check_batch_independence(subject: Subject) -> None:
    """In evaluation, the outputs for a clip do not depend on the other clips of its batch.

    Otherwise a score would depend on `engine.score_batch`. A component with a memory of earlier clips is reset first.
    """
    mates, others = inputs(subject, 3, seed=0), inputs(subject, 3, seed=5)
    mixed = _first_of(mates, others)
    if subject.kind == "scorer":
        scorer = subject.build()
        one, two = scored(scorer, mates[0]), scored(scorer, mixed[0])
    else:
        module = build_eval(subject)
        one, two = evaluate(subject, module, mates), evaluate(subject, module, mixed)
    differing = [name for name in one if one[name].dim() and not _equal(one[name][0], two[name][0])]
    if differing:
        raise ConformityError(
            f"in evaluation, {differing[0]} of a clip changes with the other clips of its batch",
            fix="compute nothing over the batch axis; use running statistics in eval mode",
        )


def _first_of(one: Any, other: Any) -> Any:
    """The first entry of one batch, followed by the rest of another."""
    rest: list[Tensor] = []
    mapped(lambda tensor: rest.append(tensor) or tensor, other)
    following = iter(rest)
    return mapped(lambda tensor: torch.cat([tensor[:1], next(following)[1:]]), one)


def _equal(one: Tensor, two: Tensor) -> bool:
    return torch.allclose(one, two, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
