"""How often 95 % intervals contain the true value: the coverage of the bootstrap over videos.

    python benchmarks/coverage.py                        # about ten minutes on one core
    python benchmarks/coverage.py --videos 12 --repeats 1000
    python benchmarks/coverage.py --paired               # of the difference between two methods

A population of videos is drawn once: videos differ in length, in difficulty and in the share of abnormal frames, and
some are normal throughout. The true value is that of the whole population. Each repeat draws a test set from it and
computes the interval that vadkit reports, and for comparison that of the plain percentiles (2.5 and 97.5 %).
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from vadkit.core.contracts import Metric
from vadkit.core.values import ScoredVideo
from vadkit.evaluation import bootstrap
from vadkit_standard.metrics import EER, AveragePrecision, MacroAUC, MicroAUC

METRICS: Sequence[Metric] = (MicroAUC(), MacroAUC(), EER(), AveragePrecision())
POPULATION = 3000  # videos


def population(random: np.random.Generator) -> tuple[list[ScoredVideo], list[ScoredVideo]]:
    """The same videos with the scores of two methods, of which the first is better."""
    both: tuple[list[ScoredVideo], list[ScoredVideo]] = ([], [])
    for number in range(POPULATION):
        frames = int(random.integers(40, 120))
        labels = np.zeros(frames, bool)
        if random.random() < 0.85:
            start, length = int(random.integers(frames - 10)), int(random.integers(5, frames))
            labels[start : start + length] = True
        level, difficulty = 0.5 * random.normal(), max(0.0, 1.6 + random.normal())
        noise = 0.5 * random.normal(size=frames) + 0.5 * random.normal()
        for method, videos in zip((1.0, 0.8), both, strict=True):
            own = 0.7 * random.normal(size=frames) + 0.3 * random.normal()
            scores = level + method * difficulty * labels + noise + own
            videos.append(ScoredVideo(f"{number:05}", scores, labels))
    return both


def plain_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile."""
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def main() -> None:
    """Measure the coverage and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="+", default=[6, 12, 21, 50])
    parser.add_argument("--repeats", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--paired", action="store_true")
    arguments = parser.parse_args()
    first, second = population(np.random.default_rng(0))
    truth = [metric.compute(first) for metric in METRICS]
    if arguments.paired:
        others = [metric.compute(second) for metric in METRICS]
        truth = [{name: one[name] - two[name] for name in one} for one, two in zip(truth, others, strict=True)]
    print(f"{'videos':>6} {'metric':20} {'reported':>9} {'plain':>7} {'below':>7} {'above':>7} {'width':>7}")
    for count in arguments.videos:
        tally: defaultdict[str, list[tuple[bool, bool, bool, bool, float]]] = defaultdict(list)
        for repeat in range(arguments.repeats):
            chosen = np.random.default_rng((repeat, count)).choice(POPULATION, count, replace=False)
            one, two = [first[number] for number in chosen], [second[number] for number in chosen]
            for metric, true in zip(METRICS, truth, strict=True):
                rank: Callable[..., dict[str, float]] = metric.resampled(one)  # pyright: ignore
                if arguments.paired:
                    other = metric.resampled(two)

                    def rank(times, a=rank, b=other):
                        values, less = a(times), b(times)
                        return {name: values[name] - less[name] for name in values}

                draws = bootstrap.draw_values(rank, count, repeat, arguments.rounds)
                own = rank(np.ones(count, np.int64))
                for name, values in draws.items():
                    given = (None, own[name]) if arguments.paired else (own[name],)
                    low, high = bootstrap.interval(values, count, *given)
                    under, over = plain_interval(values)
                    right = true[name]
                    inside, plain = low <= right <= high, under <= right <= over
                    tally[name].append((inside, plain, right < low, right > high, high - low))
        for name, found in tally.items():
            share = np.mean(np.array(found, float), axis=0)
            cells = " ".join(f"{100 * value:6.1f}%" for value in share)
            print(f"{count:6} {name:20}   {cells}", flush=True)


if __name__ == "__main__":
    main()
