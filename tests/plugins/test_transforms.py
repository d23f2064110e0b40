from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from vadkit.api import DataError
from vadkit_standard.transforms import MinMax


def test_each_video_has_its_own_extremes() -> None:
    scale = MinMax()
    scale.fit([np.array([-100.0, 100.0])])
    assert scale(np.array([2.0, 4.0, 3.0])).tolist() == [0, 1, 0.5]
    assert scale(np.array([-5.0, -9.0])).tolist() == [1, 0]


def test_training_extremes_are_those_of_all_normal_videos() -> None:
    scale = MinMax(over="training")
    scale.fit([np.array([2.0, 3.0]), np.array([6.0, 4.0])])
    assert scale(np.array([2.0, 5.0, 10.0, 0.0])).tolist() == [0, 0.75, 2, -0.5]


@pytest.mark.parametrize("over", ["video", "training"])
def test_constant_scores_become_zero(over: Literal["video", "training"]) -> None:
    scale = MinMax(over=over)
    scale.fit([np.full(3, 7.0)])
    assert scale(np.full(4, 7.0)).tolist() == [0, 0, 0, 0]


def test_what_each_scope_needs() -> None:
    video, training = MinMax(), MinMax(over="training")
    assert (video.needs_future, video.needs_normal) == (True, False)
    assert (training.needs_future, training.needs_normal) == (False, True)


def test_training_scope_is_causal() -> None:
    scale = MinMax(over="training")
    scale.fit([np.array([0.0, 4.0])])
    scores = np.array([1.0, 2.0, 300.0])
    np.testing.assert_array_equal(scale(scores)[:2], scale(scores[:2]))


def test_nothing_to_fit_on_is_explained() -> None:
    for normal in ([], [np.array([])]):
        with pytest.raises(DataError, match="over: video"):
            MinMax(over="training").fit(normal)


def test_training_scope_must_be_fitted() -> None:
    with pytest.raises(DataError, match="fit"):
        MinMax(over="training")(np.array([1.0]))


def test_the_input_is_left_alone() -> None:
    scores = np.array([1.0, 3.0])
    MinMax()(scores)
    assert scores.tolist() == [1, 3]
