"""How far a number can be trusted: intervals by the bootstrap, and what chance gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Metric
from vadkit.core.errors import DataError
from vadkit.core.values import ScoredVideo

ROUNDS = 1000
_DRAWN_FRAMES = 4_000_000  # random scores in all
_LEAST = 0.5  # share of the rounds that must give a value


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval of one value.

    Attributes:
        low: 2.5th percentile over the rounds.
        high: 97.5th percentile.
        rounds: those in which the value was defined.
    """

    low: float
    high: float
    rounds: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What metrics give of some videos.

    Attributes:
        values: name -> value.
        intervals: name -> 95 % interval, of those that have one.
    """

    values: dict[str, float]
    intervals: dict[str, Interval]


def measure(
    metrics: Sequence[Metric], videos: Sequence[ScoredVideo], what: str, *, seed: int = 0, rounds: int = 0
) -> Measured:
    """Values, and intervals by the percentile bootstrap over videos: as many are drawn as there are, with replacement.

    Whole videos are drawn because frames of one video resemble each other; intervals over
    frames would be far too narrow. Rounds in which a value is not defined (an AUC of one class)
    do not count; a value that has none in half of the rounds gets no interval.

    Args:
        metrics: what is measured.
        videos: none gives nothing; one says nothing of others, and there is no interval then.
        what: they are scored by, for messages.
        seed: of the draws.
        rounds: how many.

    Raises:
        DataError: a metric cannot be computed, two give values of one name, or one is not finite.
    """
    found = Measured({}, {})
    for metric in metrics if videos else ():
        rank = metric.resampled(videos) if rounds and len(videos) > 1 else None
        values = rank(np.ones(len(videos), np.int64)) if rank else metric.compute(videos)
        if twice := sorted(found.values.keys() & values.keys()):
            raise DataError(f"two metrics give a value named {twice[0]!r}", where="evaluate.metrics", fix="keep one")
        if bad := sorted(key for key, value in values.items() if not np.isfinite(value)):
            raise DataError(f"{bad[0]} of {what} is not a finite number", where=type(metric).__name__)
        found.values.update({key: float(value) for key, value in values.items()})
        if rank:
            found.intervals.update(_intervals(rank, len(videos), seed, rounds))
    return found


def _intervals(
    measured: Callable[[NDArray[np.int64]], Mapping[str, float]], videos: int, seed: int, rounds: int
) -> dict[str, Interval]:
    some = _values(measured, _draws(videos, seed, rounds))
    return {name: _interval(values) for name, values in some.items() if len(values) >= _LEAST * rounds}


def differences(
    metric: Metric, one: Sequence[ScoredVideo], other: Sequence[ScoredVideo], *, seed: int, rounds: int = ROUNDS
) -> dict[str, Interval]:
    """95 % intervals of one value minus the other, by the paired bootstrap: both see the same draws of videos.

    Args:
        metric: what is measured.
        one: scores of the videos by one method.
        other: scores of the same videos, in the same order, by another.
        seed: of the draws.
        rounds: how many.
    """
    if len(one) < 2 or rounds < 1:
        return {}
    first, second = metric.resampled(one), metric.resampled(other)

    def both(times: NDArray[np.int64]) -> dict[str, float]:
        values, others = first(times), second(times)
        return {name: values[name] - others[name] for name in values.keys() & others.keys()}

    return _intervals(both, len(one), seed, rounds)


def _interval(values: Sequence[float]) -> Interval:
    low, high = np.percentile(values, (2.5, 97.5))
    return Interval(float(low), float(high), len(values))


def _draws(videos: int, seed: int, rounds: int) -> Iterator[NDArray[np.int64]]:
    """How often each video is drawn, (V,), the same for every metric."""
    random = np.random.default_rng(seed)
    for _ in range(rounds):
        yield np.bincount(random.integers(0, videos, videos), minlength=videos)


def _values(
    measure: Callable[[NDArray[np.int64]], Mapping[str, float]], draws: Iterable[NDArray[np.int64]]
) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for times in draws:
        try:
            measured = measure(times)
        except DataError:
            continue
        for name, value in measured.items():
            if np.isfinite(value):
                values.setdefault(name, []).append(float(value))
    return values


def chance(
    metrics: Sequence[Metric], draw: Callable[[np.random.Generator], Sequence[ScoredVideo]], *, seed: int
) -> tuple[dict[str, float], int]:
    """Each value's mean for a scorer that knows nothing: what a result must be compared with.

    Args:
        metrics: what is measured, each over as many random scorers as it asks for.
        draw: gives the videos with what becomes of random scores under the protocol.
        seed: of the random scores.

    Returns:
        The means, and how many random scorers there were.
    """
    random = np.random.default_rng(seed)
    values: dict[str, list[float]] = {}
    number, most = 0, max((metric.chance_draws for metric in metrics), default=0)
    while number < most:
        due = [metric for metric in metrics if number < metric.chance_draws]
        videos = draw(random)
        number += 1
        # The mean of many frames varies little: a benchmark of millions needs one draw.
        most = min(most, max(1, _DRAWN_FRAMES // max(1, sum(video.scores.size for video in videos))))
        for name, value in measure(due, videos, "a random scorer").values.items():
            values.setdefault(name, []).append(value)
    return {name: float(np.mean(some)) for name, some in values.items()}, number
