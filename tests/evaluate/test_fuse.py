from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from vadkit.contracts import Transform
from vadkit.errors import DataError
from vadkit.evaluate.frames import Covered
from vadkit.evaluate.fuse import Part, fuse
from vadkit_standard.transforms import MinMax

Scores = NDArray[np.float64]


def video(**components: Sequence[float]) -> Covered:
    arrays = {name: np.array(scores, float) for name, scores in components.items()}
    return Covered("01", "", arrays, np.ones(len(next(iter(arrays.values()))), bool), 0)


class Bad(Transform):
    """Gives what a careless third party's transform may give."""

    needs_future = False

    def __init__(self, gives: Sequence[float]) -> None:
        self.gives = np.array(gives)

    def fit(self, normal: Sequence[Scores]) -> None: ...

    def __call__(self, scores: Scores) -> Scores:
        return self.gives


class Shift(Transform):
    """Subtracts the mean of the normal scores that it was fitted on."""

    needs_future = False

    def fit(self, normal: Sequence[Scores]) -> None:
        self.mean = float(np.mean(np.concatenate(normal)))

    def __call__(self, scores: Scores) -> Scores:
        return scores - self.mean


def test_equation_14_by_hand() -> None:
    parts = {"r": Part(1.0, (MinMax(),)), "nll": Part(0.5, (MinMax(),))}
    (fused,) = fuse([video(r=[1, 2, 3], nll=[-10, 30, 10])], parts)
    assert fused.total.tolist() == [0.0, 1.0, 1.25]
    assert {name: scores.tolist() for name, scores in fused.components.items()} == {
        "r": [0, 0.5, 1],
        "nll": [0, 1, 0.5],
    }
    assert fused.constant == ()


def test_constant_scores_count_nothing_and_are_named() -> None:
    (fused,) = fuse([video(r=[4, 4], nll=[0, 2])], {"r": Part(1.0, (MinMax(),)), "nll": Part()})
    assert fused.total.tolist() == [0.0, 2.0]
    assert fused.constant == ("r",)


def test_weight_zero_measures_without_fusing() -> None:
    (fused,) = fuse([video(r=[1, 2], nll=[5, 9])], {"r": Part(), "nll": Part(0.0, (MinMax(),))})
    assert fused.total.tolist() == [1, 2]
    assert fused.components["nll"].tolist() == [0, 1]


def test_a_chain_is_fitted_on_what_each_transform_will_see() -> None:
    parts = {"r": Part(1.0, (MinMax(over="training"), Shift()))}
    (fused,) = fuse([video(r=[0, 20])], parts, [video(r=[0, 10]), video(r=[10, 10])])
    assert fused.total.tolist() == [-0.75, 1.25]


def test_unknown_component_is_explained() -> None:
    with pytest.raises(DataError, match="did you mean 'likelihood'"):
        fuse([video(likelihood=[1])], {"likelyhood": Part()})


def test_nothing_fused_is_refused() -> None:
    with pytest.raises(DataError, match="no component is fused"):
        fuse([video(r=[1])], {})


@pytest.mark.parametrize(
    ("gives", "message"), [([1, 2, 3], r"2 frames went in, shape \(3,\)"), ([1, np.nan], "1 of 2 scores became NaN")]
)
def test_a_faulty_transform_is_named(gives: Sequence[float], message: str) -> None:
    with pytest.raises(DataError, match=rf"video '01', component 'r', transform Bad: {message}"):
        fuse([video(r=[1, 2])], {"r": Part(1.0, (Bad(gives),))})


def test_a_sum_that_is_not_finite_is_refused() -> None:
    with pytest.raises(DataError, match="weighted sum is not finite"):
        fuse([video(r=[1, 2])], {"r": Part(float("nan"))})
