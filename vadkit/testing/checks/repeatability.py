"""Checks that the same seed gives the same weights, and that evaluation is deterministic."""

from __future__ import annotations

import copy

import torch
from torch import nn

from vadkit.core.errors import join_names
from vadkit.testing.calls import build_eval, differing, evaluate, inputs
from vadkit.testing.outcome import ConformityError
from vadkit.testing.scores import scored
from vadkit.testing.subject import Subject


def check_seeded(subject: Subject) -> None:
    """Built twice from the same torch seed, and fitted if it is a density, it has the same weights and buffers.

    Otherwise a run could not be repeated.
    """
    one, two = (build_eval(subject, anew=True) for _ in range(2))
    _compare(one, two)


def check_training_repeats(subject: Subject) -> None:
    """In training, the same seed gives the same output: all random numbers come from torch's generator."""
    given, module = inputs(subject, 2), build_eval(subject).train()
    twins = module, copy.deepcopy(module)
    changed = differing(*(evaluate(subject, twin, given, seed=11) for twin in twins))
    if changed:
        raise ConformityError(
            f"in training, {changed[0]} differs between two calls with the same seed",
            fix="draw from torch's global generator, not from numpy's or Python's",
        )


def check_evaluation_repeats(subject: Subject) -> None:
    """In evaluation, the same clips give the same outputs, whatever the seed and the earlier calls.

    A component with a memory of earlier clips is reset first.
    """
    given = inputs(subject, 2)
    if subject.kind == "scorer":
        scorer = subject.build()
        one, two = (scored(scorer, given[0]) for _ in range(2))
    else:
        module = build_eval(subject)
        one = evaluate(subject, module, given)
        evaluate(subject, module, inputs(subject, 2, seed=9))
        two = evaluate(subject, module, given, seed=1)
    if changed := differing(one, two):
        raise ConformityError(
            f"in evaluation, {changed[0]} differs between two calls with the same input",
            fix="apply noise and dropout only if self.training, and keep nothing between calls",
        )


def _compare(one: nn.Module, two: nn.Module) -> None:
    first, second = one.state_dict(), two.state_dict()
    changed = [name for name in first if not torch.equal(first[name], second[name])]
    if changed:
        raise ConformityError(
            f"built twice from the same seed, it differs in {join_names(changed)}",
            fix="draw from torch's global generator, or seed from context.seed when a density is fitted",
        )
