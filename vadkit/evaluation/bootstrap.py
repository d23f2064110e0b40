"""Uncertainty of metrics: values with bootstrap intervals, and the chance level."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Metric
from vadkit.core.errors import DataError
from vadkit.core.values import ScoredVideo

ROUNDS = 1000
_DRAWN_FRAMES = 4_000_000  # total number of random scores
_OUTSIDE = 0.05  # share of intervals that do not contain the true value
_LEAST = 0.5  # smallest share of rounds with a value, for an interval


Interval = tuple[float, float]
"""Both ends of a 95 % interval; see `interval`."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Values of metrics on a set of videos.

    Attributes:
        values: name -> value.
        intervals: name -> 95 % interval, for the values that have one.
    """

    values: dict[str, float]
    intervals: dict[str, Interval]


def measure(
    metrics: Sequence[Metric], videos: Sequence[ScoredVideo], what: str, *, seed: int = 0, rounds: int = 0
) -> Measured:
    """Compute metrics, with intervals by the bootstrap over videos.

    Each round draws as many videos as there are, with replacement. It draws videos and not frames, because
    the frames of a video resemble each other; intervals over frames would be far too narrow. Rounds in which
    a value is not defined (such as an AUC of one class) do not count. A value that is defined in less than
    half of the rounds gets no interval. Without videos there are no values; with one video, or with 0 rounds,
    there are no intervals. `what` names the scores in messages.

    Raises:
        DataError: a metric cannot be computed, two metrics give values of the same name, or a value is not finite.
    """
    measured = Measured({}, {})
    for metric in metrics if videos else ():
        rank = metric.resampled(videos) if rounds and len(videos) > 1 else None
        values = rank(np.ones(len(videos), np.int64)) if rank else metric.compute(videos)
        if twice := sorted(measured.values.keys() & values.keys()):
            what = f"two metrics give a value named {twice[0]!r}"
            raise DataError(what, where="evaluate.metrics", fix="keep one of them")
        if bad := sorted(key for key, value in values.items() if not np.isfinite(value)):
            raise DataError(f"{bad[0]} of {what} is not a finite number", where=type(metric).__name__)
        measured.values.update({key: float(value) for key, value in values.items()})
        if rank:
            shares = {key: value for key, value in values.items() if key not in metric.units}
            measured.intervals.update(_intervals(rank, len(videos), seed, rounds, shares=shares))
    return measured


def _intervals(
    compute: Callable[[NDArray[np.int64]], Mapping[str, float]],
    videos: int,
    seed: int,
    rounds: int,
    *,
    shares: Mapping[str, float] = MappingProxyType({}),
    differences: Mapping[str, float] = MappingProxyType({}),
) -> dict[str, Interval]:
    """Name -> interval over draws of the videos, for values that are defined in enough rounds.

    `shares` and `differences` have the values of the videos themselves: numbers from 0 to 1, and differences of values.
    """
    drawn = draw_values(compute, videos, seed, rounds)
    return {
        name: interval(values, videos, shares.get(name), differences.get(name))
        for name, values in drawn.items()
        if len(values) >= _LEAST * rounds
    }


def draw_values(
    compute: Callable[[NDArray[np.int64]], Mapping[str, float]], videos: int, seed: int, rounds: int
) -> dict[str, list[float]]:
    """Name -> its values over draws of the videos. The draws are the same for every metric.

    Args:
        compute: gives the values for how often each video is drawn, (V,).
        videos: V.
        seed: of the draws.
        rounds: number of draws.
    """
    random = np.random.default_rng(seed)
    values_of: defaultdict[str, list[float]] = defaultdict(list)
    computed: dict[bytes, Mapping[str, float]] = {}  # few videos have few different draws
    for _ in range(rounds):
        times = np.bincount(random.integers(0, videos, videos), minlength=videos)
        if (key := times.tobytes()) not in computed:
            computed[key] = {}
            with suppress(DataError):
                computed[key] = compute(times)
        for name, value in computed[key].items():
            if np.isfinite(value):
                values_of[name].append(float(value))
    return values_of


def interval(
    draws: Sequence[float], videos: int, share: float | None = None, difference: float | None = None
) -> Interval:
    """The 95 % interval of a value, from its bootstrap draws.

    Plain percentiles (2.5 and 97.5) are too narrow for few videos: a draw of V videos varies less than V new videos
    do, by the factor sqrt((V - 1) / V), and nothing accounts for the uncertainty of this variation. All methods here
    use the t distribution with V - 1 degrees of freedom for that.

    A value from 0 to 1, such as an AUC, varies less, the nearer it is to 1. Its interval is a t interval on the logit
    scale, with the deviation of the draws there. A difference has a t interval with the deviation of the draws. Other
    values, and values with draws of 0 or 1, have the expanded percentiles of Hesterberg ("What Teachers Should Know
    About the Bootstrap", 2015), which are 1.1 and 98.9 for 12 videos.

    Args:
        draws: the value in each round.
        videos: V, at least 2.
        share: the value of the videos themselves, if it is a number from 0 to 1.
        difference: the value of the videos themselves, if it is a difference of the values of two methods.
    """
    from scipy.special import expit, logit, ndtr, stdtrit

    values, wider = np.asarray(draws), np.sqrt(videos / (videos - 1))
    deviations = wider * stdtrit(videos - 1, 1 - _OUTSIDE / 2)
    if share is not None and min(share, values.min()) > 0 and max(share, values.max()) < 1:
        half = deviations * logit(values).std(ddof=1)
        return float(expit(logit(share) - half)), float(expit(logit(share) + half))
    if difference is not None:
        half = deviations * values.std()
        return float(difference - half), float(difference + half)
    outside = 100 * ndtr(-deviations)
    low, high = np.percentile(values, (outside, 100 - outside))
    return float(low), float(high)


def differences(
    metric: Metric, first: Sequence[ScoredVideo], second: Sequence[ScoredVideo], *, seed: int, rounds: int = ROUNDS
) -> dict[str, Interval]:
    """95 % intervals of the first method's values minus the second's, by the paired bootstrap.

    Both methods are measured on the same draws. `first` and `second` are the same videos in the same order.
    """
    if len(first) < 2 or rounds < 1:
        return {}
    compute_first, compute_second = metric.resampled(first), metric.resampled(second)

    def difference(times: NDArray[np.int64]) -> dict[str, float]:
        a, b = compute_first(times), compute_second(times)
        return {name: a[name] - b[name] for name in a.keys() & b.keys()}

    return _intervals(difference, len(first), seed, rounds, differences=difference(np.ones(len(first), np.int64)))


def chance(
    metrics: Sequence[Metric], draw: Callable[[np.random.Generator], Sequence[ScoredVideo]], *, seed: int
) -> tuple[dict[str, float], int]:
    """The chance level: each value's mean over `chance_draws` random scorers, and the number of random scorers.

    `draw` gives the videos with random scores, processed under the protocol.
    """
    random = np.random.default_rng(seed)
    values_of: defaultdict[str, list[float]] = defaultdict(list)
    draws, max_draws = 0, max((metric.chance_draws for metric in metrics), default=0)
    while draws < max_draws:
        due = [metric for metric in metrics if draws < metric.chance_draws]
        videos = draw(random)
        draws += 1
        # The mean over many frames varies little: a data set of millions of frames needs one draw.
        max_draws = min(max_draws, max(1, _DRAWN_FRAMES // max(1, sum(video.scores.size for video in videos))))
        for name, value in measure(due, videos, "a random scorer").values.items():
            values_of[name].append(value)
    return {name: float(np.mean(values)) for name, values in values_of.items()}, draws
