"""Intervals against the t interval of a mean, whose coverage is known from theory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm, t

from vadkit.core.contracts import Metric
from vadkit.core.values import ScoredVideo
from vadkit.evaluation.bootstrap import differences, draw_values, interval, measure


class Mean(Metric):
    """The mean over videos of the first score."""

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        return self.resampled(videos)(np.ones(len(videos), np.int64))

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        values = np.array([video.scores[0] for video in videos])
        self.units = {"mean": ""} if values.max() > 1 else {}  # pyright: ignore[reportAttributeAccessIssue]
        return lambda times: {"mean": float(np.average(values, weights=times))}


def videos(values: NDArray[np.float64]) -> list[ScoredVideo]:
    return [ScoredVideo(str(n), np.array([value]), np.array([True])) for n, value in enumerate(values)]


def t_interval(values: NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
    half = t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


@pytest.mark.parametrize("count", [12, 21, 50])
def test_the_interval_of_a_mean_is_the_95_percent_t_interval(count: int) -> None:
    values = np.random.default_rng(count).normal(3.0, 2.0, count)
    low, high = measure([Mean()], videos(values), "x", rounds=4000).intervals["mean"]
    expected = t_interval(values)
    assert (low, high) == pytest.approx(expected, abs=0.12 * (expected[1] - expected[0]))
    for level in (0.8, 0.9):  # an interval of another level is clearly narrower
        narrow = t_interval(values, level)
        assert high - low > 1.08 * (narrow[1] - narrow[0])


def test_the_interval_of_a_difference_too() -> None:
    random = np.random.default_rng(0)
    both = random.normal(9.0, 5.0, 20)  # what both methods share leaves no trace in the difference
    one, other = both + random.normal(1.0, 1.0, 20), both + random.normal(0.0, 1.0, 20)
    low, high = differences(Mean(), videos(one), videos(other), seed=0, rounds=4000)["mean"]
    expected = t_interval(one - other)
    assert (low, high) == pytest.approx(expected, abs=0.03 * (expected[1] - expected[0]))
    half = t.ppf(0.975, 11) * np.sqrt(12 / 11) * 2.0
    assert interval([-2.0, 2.0] * 50, 12, difference=0.5) == pytest.approx((0.5 - half, 0.5 + half))


@pytest.mark.parametrize("count", [3, 6, 12, 107, 10_000])
def test_the_percentiles_are_those_of_hesterberg(count: int) -> None:
    outside = norm.cdf(-np.sqrt(count / (count - 1)) * t.ppf(0.975, count - 1))
    low, high = interval(np.linspace(0, 1, 100_001).tolist(), count)
    assert (low, 1 - high) == pytest.approx((outside, outside), abs=1e-5)


def test_with_many_videos_they_are_the_plain_percentiles() -> None:
    assert interval(np.linspace(0, 1, 100_001).tolist(), 10**6) == pytest.approx((0.025, 0.975), abs=1e-4)


@pytest.mark.parametrize("count", [12, 50])
def test_the_interval_of_a_share_is_a_t_interval_on_the_logit_scale(count: int) -> None:
    """The deviation on that scale is that of the value, divided by p (1 - p)."""
    values = np.random.default_rng(count).beta(9, 1, count)
    low, high = measure([Mean()], videos(values), "x", rounds=4000).intervals["mean"]
    center = values.mean()
    error = values.std(ddof=1) / np.sqrt(count) / center / (1 - center)
    half = t.ppf(0.975, count - 1) * error
    expected = [1 / (1 + np.exp(-(np.log(center / (1 - center)) + side * half))) for side in (-1, 1)]
    assert low < center < high < 1
    assert (low, high) == pytest.approx(expected, abs=0.15 * (expected[1] - expected[0]))
    assert center - low > high - center  # there is more room on the side away from 1


def test_a_share_of_1_in_some_draws_has_an_interval_that_ends_there() -> None:
    low, high = interval([0.8, 0.9, 1.0] * 100, 12, 0.9)
    assert (low, high) == (0.8, 1.0)
    assert interval([1.0] * 100, 12, 1.0) == (1.0, 1.0)


def test_only_values_from_0_to_1_have_an_interval_on_the_logit_scale() -> None:
    """The same numbers with a unit, as seconds have, get the expanded percentiles."""
    values = np.random.default_rng(1).beta(9, 1, 12)

    class Seconds(Mean):
        units: ClassVar[Mapping[str, str]] = {"mean": "s"}

        def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
            return lambda times: {"mean": float(np.average(values, weights=times))}

    draws = draw_values(Mean().resampled(videos(values)), 12, 0, 300)["mean"]
    half = t.ppf(0.975, 11) * np.sqrt(12 / 11) * np.std(np.log(np.divide(draws, np.subtract(1, draws))), ddof=1)
    center = np.log(values.mean() / (1 - values.mean()))
    expected = tuple(1 / (1 + np.exp(-center - side * half)) for side in (-1, 1))
    assert measure([Mean()], videos(values), "x", rounds=300).intervals["mean"] == pytest.approx(expected)
    assert measure([Seconds()], videos(values), "x", rounds=300).intervals["mean"] == interval(draws, 12)


def test_a_difference_needs_two_videos_and_one_round() -> None:
    one, other = videos(np.array([1.0, 2.0])), videos(np.array([3.0, 5.0]))
    assert differences(Mean(), one, other, seed=0, rounds=1).keys() == {"mean"}
    assert differences(Mean(), one, other, seed=0, rounds=0) == {}
    assert differences(Mean(), one[:1], other[:1], seed=0) == {}
