from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vadkit.api import DataError, ScoreTransform
from vadkit_standard.smoothing import FIR, Exponential, Gaussian, Median, TruncatedGaussian
from vadkit_standard.transforms import LogProbability, MinMax, Rank, ZScore


def test_each_video_has_its_own_extremes() -> None:
    scale = MinMax()
    scale.fit([np.array([-100.0, 100.0])])
    assert scale(np.array([2.0, 4.0, 3.0])).tolist() == [0, 1, 0.5]
    assert scale(np.array([-5.0, -9.0])).tolist() == [1, 0]


def test_training_extremes_are_those_of_all_normal_videos() -> None:
    scale = MinMax(over="training")
    scale.fit([np.array([2.0, 3.0]), np.array([6.0, 4.0])])
    assert scale(np.array([2.0, 5.0, 10.0, 0.0])).tolist() == [0, 0.75, 2, -0.5]


def test_constant_scores_become_zero() -> None:
    assert MinMax()(np.full(4, 7.0)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("transform", [MinMax(over="training"), ZScore()])
def test_constant_normal_video_gives_no_scale(transform: ScoreTransform) -> None:
    """Every test score would become one value, and every AUC 50 %, without a word."""
    with pytest.raises(DataError, match="all 5 frames of normal video have the same score"):
        transform.fit([np.full(3, 7.0), np.full(2, 7.0)])


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
        with pytest.raises(DataError, match="another 'over'"):
            MinMax(over="training").fit(normal)


def test_training_scope_must_be_fitted() -> None:
    with pytest.raises(DataError, match="fit"):
        MinMax(over="training")(np.array([1.0]))


def test_the_input_is_left_alone() -> None:
    scores = np.array([1.0, 3.0])
    MinMax()(scores)
    assert scores.tolist() == [1, 3]


def test_the_upper_percentile_becomes_one() -> None:
    scale = MinMax(over="training", upper=50)
    scale.fit([np.array([0.0, 1.0, 2.0, 3.0, 100.0])])
    assert scale(np.array([1.0, 2.0, 4.0])).tolist() == [0.5, 1.0, 2.0]
    with pytest.raises(DataError, match="percentile"):
        MinMax(upper=0)


def test_zscore_is_in_deviations() -> None:
    scale = ZScore()
    scale.fit([np.array([1.0, 3.0]), np.array([1.0, 3.0])])
    assert scale(np.array([2.0, 4.0])).tolist() == [0, 2]
    np.testing.assert_allclose(ZScore(over="video")(np.array([0.0, 2.0])), [-1, 1])
    assert ZScore(over="video")(np.full(3, 0.1)).tolist() == [0, 0, 0]


def test_rank_is_the_share_of_lower_scores() -> None:
    rank = Rank()
    rank.fit([np.array([1.0, 2.0]), np.array([2.0, 4.0])])
    assert rank(np.array([0.0, 1.0, 2.0, 3.0, 9.0])).tolist() == [0, 0.125, 0.5, 0.75, 1]
    assert Rank(over="video")(np.array([5.0, 1.0, 5.0])).tolist() == [2 / 3, 1 / 6, 2 / 3]


def test_log_probability_is_minus_the_log_of_the_share_of_normal_scores_at_least_as_high() -> None:
    surprise = LogProbability()
    normal = np.arange(1.0, 101.0)
    surprise.fit([normal[:40], normal[40:]])
    assert surprise(np.array([1.0, 51.0])).tolist() == pytest.approx([0, -np.log(0.5)])
    tail = surprise(np.array([95.0, 101.0, 500.0]))
    assert -np.log(0.1) < tail[0] < tail[1] < tail[2]  # beyond all normal scores, they still differ
    start, excess = 90.1, 95.5 - 90.1  # the 0.9 quantile, and the mean of 91 to 100 above it
    assert tail.tolist() == pytest.approx([-np.log(0.1) + (each - start) / excess for each in (95.0, 101.0, 500.0)])


def test_log_probability_of_a_constant_reference_uses_the_unit_of_the_scores() -> None:
    surprise = LogProbability()
    surprise.fit([np.full(9, 2.0)])
    assert surprise(np.array([2.0, 5.0])).tolist() == pytest.approx([0, -np.log(1 / 10) + 3])


def test_log_probability_rises_with_the_score() -> None:
    surprise = LogProbability()
    surprise.fit([np.random.default_rng(0).normal(size=500)])
    assert (np.diff(surprise(np.linspace(-4, 8, 400))) >= 0).all()
    assert surprise(np.random.default_rng(1).normal(size=5000)).mean() == pytest.approx(1, abs=0.1)  # as of -log U


def test_exponential_knows_the_past_alone() -> None:
    smooth = Exponential(half_life=2)
    scores = np.array([1.0, 1.0, 5.0, -3.0])
    kept = 0.5**0.5
    expected = [1, 1, kept + 5 * (1 - kept), kept * (kept + 5 * (1 - kept)) - 3 * (1 - kept)]
    np.testing.assert_allclose(smooth(scores), expected)
    np.testing.assert_array_equal(smooth(scores)[:2], smooth(scores[:2]))


def test_gaussian_keeps_a_constant_but_for_zeros_beyond_the_ends() -> None:
    assert Gaussian(sigma=2)(np.full(9, 3.0)) == pytest.approx([3.0] * 9)
    assert Gaussian(sigma=2, edges="zeros")(np.full(9, 3.0))[0] < 2
    impulse = Gaussian(sigma=1)(np.eye(1, 21, 10)[0])
    np.testing.assert_allclose(impulse[9] / impulse[10], np.exp(-0.5))


def test_median_takes_out_an_outlier() -> None:
    assert Median(size=3)(np.array([1.0, 9.0, 2.0, 2.0])).tolist() == [1, 2, 2, 2]
    assert Median(size=3, edges="zeros")(np.array([5.0, 5.0, 5.0])).tolist() == [5, 5, 5]
    assert Median(size=5, edges="zeros")(np.array([5.0, 5.0, 5.0])).tolist() == [5, 5, 5]
    assert Median(size=5, edges="zeros")(np.array([5.0, 6.0]))[0] == 0


def test_truncated_gaussian_lags_by_a_frame_and_does_not_sum_to_one() -> None:
    impulse = TruncatedGaussian()(np.eye(1, 101, 50)[0])
    assert int(impulse.argmax()) == 51
    assert impulse.max() == pytest.approx(1 / (11 * np.sqrt(2 * np.pi)))
    assert 0.85 < impulse.sum() < 0.95
    assert np.count_nonzero(impulse) == 37


def test_fir_weights_each_frame_and_those_before_it() -> None:
    scores = np.array([3.0, 1.0, 2.0, 6.0])
    m = 0.3
    published = [scores[0], *((1 - m) * scores[i - 1] + m * scores[i] for i in range(1, 4))]
    np.testing.assert_allclose(FIR(taps=(m, 1 - m))(scores), published)
    np.testing.assert_allclose(FIR(taps=(m, 1 - m), edges="zeros")(scores)[0], m * scores[0])
    mean = (1 / 3,) * 3
    np.testing.assert_allclose(FIR(taps=mean, future=1)(scores), [7 / 3, 2, 3, 14 / 3])
    np.testing.assert_allclose(FIR(taps=mean, future=1, edges="zeros")(scores), np.convolve(scores, mean, "same"))
    long = FIR(taps=(0.5,) + (0.0,) * 8 + (0.5,), edges="reflect")(scores)  # longer than the video
    np.testing.assert_allclose(long, [(a + b) / 2 for a, b in zip(scores, [3, 3, 1, 2], strict=True)])


@pytest.mark.parametrize(
    "make",
    [
        lambda: FIR(taps=()),
        lambda: FIR(taps=(0.0, 0.0)),
        lambda: FIR(taps=(1.0, float("nan"))),
        lambda: FIR(taps=(1.0, 0.5), future=2),
        lambda: Gaussian(sigma=0),
        lambda: Median(size=4),
        lambda: Exponential(half_life=-1),
        lambda: TruncatedGaussian(taps=2),
        lambda: TruncatedGaussian(taps=10_000_000_001),
        lambda: Gaussian(sigma=1e9),
        lambda: Gaussian(sigma=1e-320),
        lambda: Median(size=1_000_000_001),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Callable[[], ScoreTransform]) -> None:
    with pytest.raises(DataError):
        make()


EVERY = [
    *(kind(over=over) for kind in (MinMax, ZScore, Rank) for over in ("video", "scene", "dataset", "training")),
    *(LogProbability(), Gaussian(sigma=2), Median(size=5), Exponential(half_life=3), TruncatedGaussian(taps=5)),
    *(FIR(taps=(0.4, 0.6)), FIR(taps=(0.2, 0.3, 0.5), future=1)),
]


@pytest.mark.parametrize("transform", EVERY, ids=lambda one: f"{type(one).__name__} {getattr(one, 'over', '')}")
def test_a_transform_that_says_so_needs_no_future(transform: ScoreTransform) -> None:
    random = np.random.default_rng(0)
    transform.fit([random.normal(size=50)])
    scores = random.normal(size=30)
    whole, part = transform(scores), transform(scores[:20])
    assert whole.shape == scores.shape
    assert bool(np.allclose(whole[:20], part)) is not transform.needs_future
    assert transform.needs_future or transform.scope == "video"


@pytest.mark.parametrize("transform", EVERY, ids=lambda one: f"{type(one).__name__} {getattr(one, 'over', '')}")
def test_constant_scores_stay_finite(transform: ScoreTransform) -> None:
    transform.fit([np.array([0.1, 0.1, 0.2])])
    assert np.isfinite(transform(np.full(7, 0.1))).all()
    assert np.isfinite(transform(np.array([0.1, 3.0, -2.0]))).all()
