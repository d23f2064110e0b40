"""Schedules at points that can be worked out by hand."""

from __future__ import annotations

import pytest

from vadkit.api import VadkitError
from vadkit_standard.schedules import Constant, Cosine, Steps


def test_cosine_halves_half_way_and_constant_stays() -> None:
    assert [Cosine().factor(progress) for progress in (0.0, 0.5)] == pytest.approx([1.0, 0.5])
    assert Cosine(floor=0.2).factor(0.5) == pytest.approx(0.6)
    assert Constant().factor(0.9) == 1.0


def test_steps_fall_where_they_are_set() -> None:
    steps = Steps(at=[0.5, 0.75])
    assert [steps.factor(progress) for progress in (0.0, 0.49, 0.5, 0.74, 0.75, 0.99)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01]
    )


@pytest.mark.parametrize(("at", "says"), [([], "for example, at"), ([1.0], "between 0 and 1")])
def test_shares_that_never_come_are_refused(at: list[float], says: str) -> None:
    with pytest.raises(VadkitError, match=says):
        Steps(at=at)
    with pytest.raises(VadkitError, match="positive"):
        Steps(at=[0.5], by=0)
