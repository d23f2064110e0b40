from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from vadkit.core.contracts import ScoreTransform
from vadkit.core.errors import DataError
from vadkit.evaluation.coverage import Imputed
from vadkit.evaluation.fusion import ComponentFusion, FusedVideo, Fusion
from vadkit_standard.smoothing import FIR, Median
from vadkit_standard.transforms import MinMax

Scores = NDArray[np.float64]


def video(scene: str = "", **components: Sequence[float]) -> Imputed:
    arrays = {name: np.array(scores, float) for name, scores in components.items()}
    frames = len(next(iter(arrays.values())))
    return Imputed("01", scene, arrays, np.ones(frames, bool), np.zeros(frames, bool))


def fuse(
    videos: Sequence[Imputed],
    parts: dict[str, ComponentFusion],
    normal: Sequence[Imputed] = (),
    smoothing: tuple[ScoreTransform, ...] = (),
) -> list[FusedVideo]:
    return Fusion(parts, smoothing, normal)(videos)


class Bad(ScoreTransform):
    """Gives what a careless third party's transform may give."""

    needs_future = False

    def __init__(self, gives: Sequence[float]) -> None:
        self.gives = np.array(gives)

    def fit(self, normal: Sequence[Scores]) -> None: ...

    def __call__(self, scores: Scores) -> Scores:
        return self.gives


class Shift(ScoreTransform):
    """Subtracts the mean of the normal scores that it was fitted on."""

    needs_future = False

    def fit(self, normal: Sequence[Scores]) -> None:
        self.mean = float(np.mean(np.concatenate(normal)))

    def __call__(self, scores: Scores) -> Scores:
        return scores - self.mean


def test_equation_14_by_hand() -> None:
    parts = {"r": ComponentFusion(1.0, (MinMax(),)), "nll": ComponentFusion(0.5, (MinMax(),))}
    (fused,) = fuse([video(r=[1, 2, 3], nll=[-10, 30, 10])], parts)
    assert fused.total.tolist() == [0.0, 1.0, 1.25]
    assert {name: scores.tolist() for name, scores in fused.components.items()} == {
        "r": [0, 0.5, 1],
        "nll": [0, 1, 0.5],
    }
    assert fused.constant == ()


def test_constant_scores_count_nothing_and_are_named() -> None:
    (fused,) = fuse([video(r=[4, 4], nll=[0, 2])], {"r": ComponentFusion(1.0, (MinMax(),)), "nll": ComponentFusion()})
    assert fused.total.tolist() == [0.0, 2.0]
    assert fused.constant == ("r",)


def test_weight_zero_measures_without_fusing() -> None:
    (fused,) = fuse([video(r=[1, 2], nll=[5, 9])], {"r": ComponentFusion(), "nll": ComponentFusion(0.0, (MinMax(),))})
    assert fused.total.tolist() == [1, 2]
    assert fused.components["nll"].tolist() == [0, 1]


def test_a_chain_is_fitted_on_what_each_transform_will_see() -> None:
    parts = {"r": ComponentFusion(1.0, (MinMax(over="training"), Shift()))}
    (fused,) = fuse([video(r=[0, 20])], parts, [video(r=[0, 10]), video(r=[10, 10])])
    assert fused.total.tolist() == [-0.75, 1.25]


def totals(fused: Sequence[FusedVideo]) -> list[list[float]]:
    return [one.total.tolist() for one in fused]


def test_a_scope_wider_than_a_video_sees_all_its_videos_at_once() -> None:
    videos = [video("a", r=[0, 1]), video("b", r=[0, 5]), video("a", r=[2, 4])]

    def fused(over: Literal["video", "scene", "dataset"]) -> list[list[float]]:
        return totals(fuse(videos, {"r": ComponentFusion(1.0, (MinMax(over=over),))}))

    assert fused("video") == [[0, 1], [0, 1], [0, 1]]
    assert fused("scene") == [[0, 0.25], [0, 1], [0.5, 1]]
    assert fused("dataset") == [[0, 0.2], [0, 1], [0.4, 0.8]]


def test_the_sum_is_smoothed_video_by_video() -> None:
    parts = {"r": ComponentFusion(1.0), "nll": ComponentFusion(2.0)}
    fused = fuse([video(r=[0, 3, 0], nll=[0, 0, 0]), video(r=[9, 0, 0], nll=[0, 0, 1])], parts, (), (Median(size=3),))
    assert totals(fused) == [[0, 0, 0], [9, 2, 2]]


def test_smoothing_is_fitted_on_the_sum_of_normal_videos_and_again_with_new_weights() -> None:
    fusion = Fusion({"r": ComponentFusion(1.0)}, (Shift(),), [video(r=[1, 3])])
    assert totals(fusion([video(r=[2, 5])])) == [[0, 3]]
    fusion.set_weights({"r": 10.0})
    assert totals(fusion([video(r=[2, 5])])) == [[0, 30]]


def test_unknown_component_is_explained() -> None:
    with pytest.raises(DataError, match="did you mean 'likelihood'"):
        fuse([video(likelihood=[1])], {"likelyhood": ComponentFusion()})


def test_nothing_fused_is_refused() -> None:
    with pytest.raises(DataError, match="no component is fused"):
        fuse([video(r=[1])], {})


@pytest.mark.parametrize(
    ("gives", "message"), [([1, 2, 3], r"gives shape \(3,\) for 2 frames"), ([1, np.nan], "makes 1 of 2 scores NaN")]
)
def test_a_faulty_transform_is_named(gives: Sequence[float], message: str) -> None:
    with pytest.raises(DataError, match=rf"video '01', component 'r', score transform Bad: {message}"):
        fuse([video(r=[1, 2])], {"r": ComponentFusion(1.0, (Bad(gives),))})


def test_a_sum_that_is_not_finite_is_refused() -> None:
    with pytest.raises(DataError, match="weighted sum is not finite"):
        fuse([video(r=[1, 2])], {"r": ComponentFusion(float("nan"))})


def test_a_filter_over_the_data_set_reads_the_video_before() -> None:
    videos = [video("a", r=[1, 2]), video("b", r=[8, 4]), video("a", r=[0, 6])]

    def fused(over: Literal["video", "scene", "dataset"]) -> list[list[float]]:
        return totals(fuse(videos, {"r": ComponentFusion()}, smoothing=(FIR(taps=(0.5, 0.5), over=over),)))

    assert fused("video") == [[1, 1.5], [8, 6], [0, 3]]
    assert fused("scene") == [[1, 1.5], [8, 6], [1, 3]]
    assert fused("dataset") == [[1, 1.5], [5, 6], [2, 3]]
