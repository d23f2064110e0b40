"""Compares runs: metrics with intervals, significant differences, and the cost of each run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vadkit.core.errors import VadkitError, closest
from vadkit.core.values import RunResult
from vadkit.evaluation.bootstrap import ROUNDS, Interval, differences
from vadkit.evaluation.build import COMPARED, evaluation_of, with_metrics
from vadkit.evaluation.evaluator import Evaluation
from vadkit.evaluation.run_scores import evaluate_run, open_run
from vadkit.plugin.registry import Registry
from vadkit.store.manifest import SCORES
from vadkit.store.run_folder import RunFolder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vadkit.report.text_table import TextTable

COSTS = ("parameters", "GFLOPs", "frames/s")
"""Columns of a comparison that are not metrics."""

FEWEST = 6  # with fewer videos, no difference is significant
# These follow from the system that is compared, not from the rules of the evaluation.
_OF_THE_SYSTEM = {"name", "digest", "components", "stride", "min_windows", "overlap", "held_out", "test_tuned"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One run in a comparison.

    Attributes:
        name: name of the recipe, or of the run folder if several runs have that recipe's name; or the given label.
        values: metric -> value of the fused score.
        intervals: metric -> 95 % interval.
        behind: metric -> interval of the best run's value minus this run's value, by the paired
            bootstrap; empty for the best run.
        protocol: protocol of the metrics.
        parameters: number of weights of model and densities; None if unknown.
        flops: floating-point operations for one clip; None if unknown.
        frames_per_second: speed of scoring the test set, on the machine of the run; None if unknown.
        folder: the run folder.
        result: its evaluation, with the scores of each video.
    """

    name: str
    values: Mapping[str, float]
    intervals: Mapping[str, Interval]
    behind: Mapping[str, Interval]
    protocol: Mapping[str, Any]
    parameters: int | None
    flops: int | None
    frames_per_second: float | None
    folder: Path
    result: RunResult


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several runs.

    Attributes:
        entries: the runs, in the given order.
        metrics: names of the metrics, in order.
        lower_is_better: metrics for which a lower value is better.
        units: metric -> unit, for metrics that are not shares of 1.
        differ: fields in which the protocols differ; if there are any, nothing is ranked.
        videos: number of test videos.
        costs: which of `COSTS` the table shows.
    """

    entries: Sequence[Entry]
    metrics: Sequence[str]
    lower_is_better: frozenset[str]
    units: Mapping[str, str]
    differ: Sequence[str]
    videos: int
    costs: Sequence[str] = COSTS

    def table(self) -> TextTable:
        """The table: values with intervals, size and speed. It has `markdown()`, `latex()` and `csv()`."""
        from vadkit.evaluation.compare_table import table_of

        return table_of(self)

    def figures(self) -> dict[str, Figure]:
        """The charts as matplotlib figures: each metric's intervals, "roc", and "each_video"."""
        from vadkit.evaluation.compare_figures import figures_of

        return figures_of(self)

    def with_columns(self, columns: Sequence[str]) -> Comparison:
        """The same comparison with these columns only: metrics, and entries of `COSTS`.

        Raises:
            VadkitError: a column does not exist.
        """
        if unknown := [name for name in columns if name not in (*self.metrics, *COSTS)]:
            fix = closest(unknown[0], [*self.metrics, *COSTS])
            raise VadkitError(f"there is no column {unknown[0]!r}", where="--columns", fix=fix)
        metrics = [name for name in columns if name in self.metrics]
        return replace(self, metrics=metrics, costs=[name for name in columns if name in COSTS])

    def by_chance(self, entry: Entry, metric: str) -> bool:
        """Whether it is not the best, by no more than chance may give: the interval of the difference holds 0.

        With fewer than six videos every difference may be: that all of n lean one way has the probability 2^(1 - n),
        above 5 % up to n = 5.
        """
        best = self.best(metric)
        if best is None or best is entry or metric not in entry.values:
            return False
        interval = entry.behind.get(metric)
        return self.videos < FEWEST or (interval is not None and interval[0] <= 0 <= interval[1])

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
    labels: Mapping[str, str] | None = None,
    any_protocol: bool = False,
    allow_test_tuning: bool = False,
    rounds: int = ROUNDS,
    registry: Registry | None = None,
) -> Comparison:
    """Evaluate runs from their score files and compare them.

    Args:
        runs: two or more run folders; the folder of a sweep means all of its runs.
        metrics: metrics by name, as in `evaluate.metrics`.
        overrides: changes for all runs, as `--set` takes them: `evaluate.protocol=ffp`.
        labels: name of a run, of its folder or of its recipe -> the name to show.
        any_protocol: show runs under different protocols, without ranking them.
        allow_test_tuning: accept weights that are fitted to test labels; such runs are marked.
        rounds: bootstrap rounds for the differences.
        registry: where components are looked up; default, all installed plugins.

    Raises:
        VadkitError: fewer than two runs, different protocols, or other test videos or labels.
    """
    registry = registry or Registry.discover()
    paths = run_paths(runs)
    if len(paths) < 2:
        raise VadkitError("a comparison needs at least two runs", where="vadkit compare", fix="name their folders")
    evaluations = [
        evaluate_one(path, metrics, overrides, registry, allow_test_tuning=allow_test_tuning) for path in paths
    ]
    _same_videos(paths, [one.result for one in evaluations])
    differ = differing([one.result.protocol for one in evaluations])
    if differ and not any_protocol:
        what = f"the runs are evaluated under different protocols: {', '.join(differ)} differ"
        fix = "evaluate all under one with --protocol NAME, or show them without ranks with --any-protocol"
        raise VadkitError(what, where="vadkit compare", fix=fix)
    measures = evaluations[0].metrics
    names = list(dict.fromkeys(name for one in evaluations for name in one.result.metrics))
    lower = frozenset().union(*(metric.lower_is_better for metric in measures))
    unranked = Comparison(
        [
            _entry(path, name, one)
            for path, name, one in zip(paths, names_of(paths, evaluations, labels or {}), evaluations, strict=True)
        ],
        names,
        lower,
        evaluations[0].result.units,
        differ,
        len(evaluations[0].videos),
    )
    ranked = [
        replace(entry, behind=_behind(index, unranked, evaluations, rounds))
        for index, entry in enumerate(unranked.entries)
    ]
    return replace(unranked, entries=ranked)


def run_paths(runs: Sequence[str | Path]) -> list[Path]:
    """The folders of runs; the folder of a sweep stands for its runs."""
    return [path for run in runs for path in RunFolder(Path(run)).runs_within() or [Path(run)]]


def names_of(paths: Sequence[Path], evaluations: Sequence[Evaluation], labels: Mapping[str, str]) -> list[str]:
    """Names of the runs: those of their recipes if they are distinct, else of their folders; `labels` replace them.

    Raises:
        VadkitError: a label belongs to no run.
    """
    recipes, folders = [one.result.name for one in evaluations], _names(paths)
    known = {*recipes, *folders, *(path.resolve().name for path in paths)}
    if unknown := [name for name in labels if name not in known]:
        raise VadkitError(f"no run is named {unknown[0]!r}", where="--label", fix=closest(unknown[0], known))
    found = recipes if len(set(recipes)) == len(recipes) else folders
    each = zip(found, folders, paths, recipes, strict=True)
    return [
        next((labels[key] for key in (name, folder, path.resolve().name, recipe) if key in labels), name)
        for name, folder, path, recipe in each
    ]


def evaluate_one(
    path: Path, metrics: Sequence[str], overrides: Sequence[str], registry: Registry, *, allow_test_tuning: bool
) -> Evaluation:
    """Evaluate one run for a comparison; an error names it."""
    place, recipe = open_run(path, overrides, registry, allow_test_tuning=allow_test_tuning)
    try:
        recipe = replace(recipe, evaluate=with_metrics(recipe.evaluate, metrics, registry))
        return evaluate_run(place, recipe, evaluation_of(recipe, registry), target=path)
    except VadkitError as error:
        error.where = error.where or str(path)  # which of the runs
        raise


def _same_videos(paths: Sequence[Path], results: Sequence[RunResult]) -> None:
    first: dict[str, Any] = {video.name: video.labels for video in results[0].videos}
    for path, result in zip(paths[1:], results[1:], strict=True):
        if not same_labels({video.name: video.labels for video in result.videos}, first):
            fix = "compare runs on one data set, with one label set and one rule for frames without a score; "
            fix += "--by-system shows several data sets as groups of columns"
            raise VadkitError(f"was evaluated on other test videos or labels than {paths[0]}", where=str(path), fix=fix)


def same_labels(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two results have the same test videos with the same labels; both are video -> (F,) labels."""
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def differing(protocols: Sequence[Mapping[str, Any]]) -> list[str]:
    """Fields in which protocols differ. Of components, only the transforms of shared ones count."""
    fields = [name for name in protocols[0] if name not in _OF_THE_SYSTEM]
    differ = [name for name in fields if any(one[name] != protocols[0][name] for one in protocols)]
    transforms: dict[str, Any] = {}
    for protocol in protocols:
        for name, part in protocol["components"].items():
            if transforms.setdefault(name, part["transform"]) != part["transform"]:
                differ.append(f"transform of {name}")
    return list(dict.fromkeys(differ))


def _names(paths: Sequence[Path]) -> list[str]:
    """Names of the runs: their folders, with the parent folder where several have one name."""
    own = [path.resolve() for path in paths]
    alike, above = Counter(path.name for path in own), [path.parent.name for path in own]
    if len(alike) == 1 and len(set(above)) == len(own):
        return above
    return [path.name if alike[path.name] == 1 else f"{path.parent.name}/{path.name}" for path in own]


def _entry(path: Path, name: str, evaluation: Evaluation) -> Entry:
    manifest = RunFolder(path).read_manifest()
    seconds, count = manifest.stage(SCORES).seconds, manifest.data.counts.get("test")
    return Entry(
        name=name,
        values=evaluation.result.metrics,
        intervals=evaluation.result.intervals,
        behind={},
        protocol=evaluation.result.protocol,
        parameters=manifest.parameters,
        flops=sum(manifest.flops.values()) if manifest.flops else None,
        frames_per_second=count.frames / seconds if count and count.frames and seconds else None,
        folder=path,
        result=evaluation.result,
    )


def _behind(index: int, comparison: Comparison, evaluations: Sequence[Evaluation], rounds: int) -> dict[str, Interval]:
    own, found = evaluations[index], {}
    best = {name: comparison.best(name) for name in comparison.metrics}
    for number, entry in enumerate(comparison.entries):
        names = [name for name, one in best.items() if one is entry and number != index]
        for one in evaluations[number].metrics if names else ():
            between = differences(one, evaluations[number].videos, own.videos, seed=0, rounds=rounds)
            found |= {name: interval for name, interval in between.items() if name in names}
    return found
