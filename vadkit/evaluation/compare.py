"""Runs side by side: values with intervals, which differences are more than chance, what each run cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.core.contracts import Metric
from vadkit.core.errors import VadkitError
from vadkit.core.values import RunResult, ScoredVideo
from vadkit.evaluation.bootstrap import ROUNDS, Interval, differences
from vadkit.evaluation.build import COMPARED, with_metrics
from vadkit.evaluation.run_scores import evaluate_run_videos, open_run
from vadkit.plugin.registry import Registry
from vadkit.store.run_folder import RunFolder

FEWEST = 6  # videos below which no difference is more than chance
# These follow from the system that is compared, not from the rules that it is judged by.
_OF_THE_SYSTEM = {"name", "digest", "components", "stride", "overlap", "held_out", "test_tuned"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One run in a comparison.

    Attributes:
        name: of the run folder.
        path: the run folder.
        values: metric -> value of the fused score.
        intervals: metric -> its 95 % interval, as printed with the run.
        behind: metric -> interval of the best run's value minus this one's, by the paired
            bootstrap; nothing for the best itself.
        protocol: as the run's numbers are printed.
        parameters: of model and densities together; None if unknown.
        flops: floating-point operations of one clip, when scoring; None if unknown.
        frames_per_second: of scoring the test set, on the machine of the run; None if unknown.
    """

    name: str
    path: Path
    values: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    behind: Mapping[str, Interval]
    protocol: Mapping[str, Any]
    parameters: int | None
    flops: int | None
    frames_per_second: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs beside each other.

    Attributes:
        entries: in the order that was asked for.
        metrics: names of the values, in order.
        lower_is_better: those of which less is better.
        units: unit of each that is no share of 1.
        differ: fields in which the runs' protocols differ; nothing is ranked then.
        videos: how many they are judged on.
    """

    entries: Sequence[Entry]
    metrics: Sequence[str]
    lower_is_better: frozenset[str]
    units: Mapping[str, str]
    differ: Sequence[str]
    videos: int

    def by_chance(self, entry: Entry, metric: str) -> bool:
        """Whether it is not the best, by no more than chance may give: the interval of the difference holds 0.

        With fewer than six videos every difference may be: that all of n lean one way has the probability 2^(1 - n),
        above 5 % up to n = 5.
        """
        best = self.best(metric)
        if best is None or best is entry or metric not in entry.values:
            return False
        interval = entry.behind.get(metric)
        return self.videos < FEWEST or (interval is not None and interval.low <= 0 <= interval.high)

    def best(self, metric: str) -> Entry | None:
        """The run with the best value; None where protocols differ or no run has the value."""
        having = [entry for entry in self.entries if metric in entry.values]
        if self.differ or not having:
            return None
        sign = -1 if metric in self.lower_is_better else 1
        return max(having, key=lambda entry: sign * entry.values[metric])


def compare(
    runs: Sequence[str | Path],
    *,
    metrics: Sequence[str] = COMPARED,
    overrides: Sequence[str] = (),
    any_protocol: bool = False,
    allow_test_tuning: bool = False,
    rounds: int = ROUNDS,
    registry: Registry | None = None,
) -> Comparison:
    """Judge runs again from their score files and compare them.

    Args:
        runs: run folders, two or more; a folder of runs, such as a sweep's, stands for all of them.
        metrics: metrics by name, as in `evaluate.metrics`.
        overrides: as `--set` takes them, for all runs: `evaluate.protocol=ffp`.
        any_protocol: put numbers of different protocols side by side, without ranking them.
        allow_test_tuning: accept weights fitted to test labels; such runs are marked.
        rounds: of the bootstrap of differences.
        registry: default, all installed plugins.

    Raises:
        VadkitError: fewer than two runs, different protocols, or other test videos or labels.
    """
    registry = registry or Registry.discover()
    paths = [path for run in runs for path in RunFolder(Path(run)).runs_within() or [Path(run)]]
    if len(paths) < 2:
        raise VadkitError("a comparison takes two runs or more", where="vadkit compare", fix="name their folders")
    judged = [_judge(path, metrics, overrides, registry, allow_test_tuning=allow_test_tuning) for path in paths]
    _same_videos(paths, [one.result for one in judged])
    differ = _differing([one.result.protocol for one in judged])
    if differ and not any_protocol:
        raise VadkitError(
            f"the runs are judged under different protocols: {', '.join(differ)} differ",
            where="vadkit compare",
            fix="judge all alike with --protocol NAME, or see them unranked with --any-protocol",
        )
    measures = judged[0].metrics
    names = list(dict.fromkeys(name for one in judged for name in one.result.metrics))
    lower = frozenset().union(*(metric.lower_is_better for metric in measures))
    unranked = Comparison(
        [_entry(path, name, one) for path, name, one in zip(paths, _names(paths), judged, strict=True)],
        names,
        lower,
        judged[0].result.units,
        differ,
        len(judged[0].videos),
    )
    ranked = [
        replace(entry, behind=_behind(index, unranked, judged, rounds)) for index, entry in enumerate(unranked.entries)
    ]
    return replace(unranked, entries=ranked)


@dataclass(frozen=True, slots=True)
class _Judged:
    """One run, judged: its result, its videos as the metrics saw them, the metrics."""

    result: RunResult
    videos: Sequence[ScoredVideo]
    metrics: Sequence[Metric]


def _judge(
    path: Path, metrics: Sequence[str], overrides: Sequence[str], registry: Registry, *, allow_test_tuning: bool
) -> _Judged:
    place, recipe = open_run(path, overrides, registry, allow_test_tuning=allow_test_tuning)
    try:
        return _Judged(*evaluate_run_videos(place, with_metrics(recipe, metrics, registry), path, registry))
    except VadkitError as error:
        error.where = error.where or str(path)  # which of the runs
        raise


def _same_videos(paths: Sequence[Path], results: Sequence[RunResult]) -> None:
    first = {video.name: video.labels for video in results[0].videos}
    for path, result in zip(paths[1:], results[1:], strict=True):
        labels = {video.name: video.labels for video in result.videos}
        same = labels.keys() == first.keys() and all(_equal(labels[name], first[name]) for name in labels)
        if not same:
            raise VadkitError(
                f"was judged on other test videos or labels than {paths[0]}",
                where=str(path),
                fix="compare runs on one data set, with one label set and one rule for frames without a score",
            )


def _equal(one: Any, other: Any) -> bool:
    return (one is None) == (other is None) and (one is None or np.array_equal(one, other))


def _differing(protocols: Sequence[Mapping[str, Any]]) -> list[str]:
    """Fields that are not alike in all protocols; of components, the transforms of those that runs share."""
    fields = [name for name in protocols[0] if name not in _OF_THE_SYSTEM]
    differ = [name for name in fields if any(one[name] != protocols[0][name] for one in protocols)]
    transforms: dict[str, Any] = {}
    for protocol in protocols:
        for name, part in protocol["components"].items():
            if transforms.setdefault(name, part["transform"]) != part["transform"]:
                differ.append(f"transform of {name}")
    return list(dict.fromkeys(differ))


def _names(paths: Sequence[Path]) -> list[str]:
    """Each run's folder, with the one that it lies in where several have one name; that one alone where all have."""
    own = [path.resolve() for path in paths]
    alike, above = Counter(path.name for path in own), [path.parent.name for path in own]
    if len(alike) == 1 and len(set(above)) == len(own):
        return above
    return [path.name if alike[path.name] == 1 else f"{path.parent.name}/{path.name}" for path in own]


def _entry(path: Path, name: str, judged: _Judged) -> Entry:
    manifest = RunFolder(path).read_manifest()
    parameters, flops = manifest.get("parameters"), manifest.get("flops")
    seconds = manifest.get("seconds", {}).get("score test")
    frames = manifest.get("data", {}).get("test", {}).get("frames")
    return Entry(
        name=name,
        path=path,
        values=judged.result.metrics,
        intervals=judged.result.intervals,
        behind={},
        protocol=judged.result.protocol,
        parameters=sum(parameters.values()) if parameters else None,
        flops=sum(flops.values()) if flops else None,
        frames_per_second=frames / seconds if frames and seconds else None,
    )


def _behind(index: int, comparison: Comparison, judged: Sequence[_Judged], rounds: int) -> dict[str, Interval]:
    own, found = judged[index], {}
    best = {name: comparison.best(name) for name in comparison.metrics}
    for number, entry in enumerate(comparison.entries):
        names = [name for name, one in best.items() if one is entry and number != index]
        for one in judged[number].metrics if names else ():
            between = differences(one, judged[number].videos, own.videos, seed=0, rounds=rounds)
            found |= {name: interval for name, interval in between.items() if name in names}
    return found
