"""Compares systems over seeds and data sets: one row for each system, one group of columns for each data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from vadkit.core.errors import VadkitError, closest
from vadkit.evaluation.build import COMPARED
from vadkit.evaluation.compare import differing, evaluate_one, run_paths, same_labels
from vadkit.evaluation.compare_table import number, title
from vadkit.evaluation.evaluator import Evaluation
from vadkit.plugin.registry import Registry
from vadkit.recipe import load
from vadkit.report.text_table import TextCell, TextTable, comma
from vadkit.store.run_folder import RunFolder


@dataclass(frozen=True, slots=True)
class SystemComparison:
    """Systems over seeds and data sets.

    Attributes:
        systems: names of the systems, in the order of their first runs.
        data_sets: names of the data sets, in the order of their first runs.
        metrics: names of the metrics, in order.
        values: (system, data set) -> metric -> the value of each seed.
        lower_is_better: metrics for which a lower value is better.
        units: metric -> unit, for metrics that are not shares of 1.
        notes: the protocols, and what the signs mean.
    """

    systems: Sequence[str]
    data_sets: Sequence[str]
    metrics: Sequence[str]
    values: Mapping[tuple[str, str], Mapping[str, Sequence[float]]]
    lower_is_better: frozenset[str]
    units: Mapping[str, str]
    notes: Sequence[str]

    def metrics_of(self, data_set: str) -> list[str]:
        """The metrics that some system has on a data set."""
        known = [self.values.get((system, data_set), {}) for system in self.systems]
        return [metric for metric in self.metrics if any(metric in values for values in known)]

    def cell(self, system: str, data_set: str, metric: str) -> TextCell:
        """Mean and standard deviation over the seeds; the value alone for one seed, "-" for none."""
        values = self.values.get((system, data_set), {}).get(metric)
        if not values:
            return TextCell("-")
        text = number(mean(values), metric, self.units)
        text += f" ± {number(stdev(values), metric, self.units)}" if len(values) > 1 else ""
        return TextCell(text, best=self._best(data_set, metric) == system)

    def table(self) -> TextTable:
        """A row for each system, a group of columns for each data set."""
        columns = [(data_set, metric) for data_set in self.data_sets for metric in self.metrics_of(data_set)]
        rows = [[TextCell(system), *(self.cell(system, *column) for column in columns)] for system in self.systems]
        groups = [(data_set, len(self.metrics_of(data_set))) for data_set in self.data_sets]
        head = ["system", *(title(metric, self.units) for _, metric in columns)]
        return TextTable(head, rows, self.notes, groups if len(groups) > 1 else ())

    def csv(self) -> str:
        """All numbers: a line for each system, data set and metric."""
        rows: list[list[object]] = [["system", "data_set", "metric", "seeds", "mean", "deviation"]]
        for (system, data_set), values in self.values.items():
            for metric, each in values.items():
                if metric in self.metrics:
                    deviation = stdev(each) if len(each) > 1 else None
                    rows.append([system, data_set, metric, len(each), mean(each), deviation])
        return comma(rows)

    def with_columns(self, columns: Sequence[str]) -> SystemComparison:
        """The same with these metrics only, in this order; a VadkitError for an unknown one."""
        if unknown := [name for name in columns if name not in self.metrics]:
            fix = closest(unknown[0], self.metrics)
            raise VadkitError(f"there is no column {unknown[0]!r}", where="--columns", fix=fix)
        return replace(self, metrics=list(columns))

    def _best(self, data_set: str, metric: str) -> str | None:
        found = {
            system: mean(values[metric])
            for system in self.systems
            if (values := self.values.get((system, data_set), {})).get(metric)
        }
        sign = -1 if metric in self.lower_is_better else 1
        return max(found, key=lambda system: sign * found[system]) if len(found) > 1 else None


def compare_systems(
    runs: Sequence[str | Path],
    *,
    metrics: Sequence[str] = COMPARED,
    overrides: Sequence[str] = (),
    labels: Mapping[str, str] | None = None,
    allow_test_tuning: bool = False,
    registry: Registry | None = None,
) -> SystemComparison:
    """Evaluate runs and combine those that differ in their seed only.

    Runs with the same label are one system. Without a label, the name of the recipe is the label.

    Args:
        runs: run folders; the folder of a sweep means all of its runs.
        metrics: metrics by name, as in `evaluate.metrics`.
        overrides: changes for all runs, as `--set` takes them: `evaluate.protocol=ffp`.
        labels: name of a run folder or of a recipe -> name of its system.
        allow_test_tuning: accept weights that are fitted to test labels; such systems are marked.
        registry: where components are looked up; default, all installed plugins.

    Raises:
        VadkitError: two runs of a system differ in more than their seed on one data set, the protocols differ, or a
            label belongs to no run.
    """
    registry, labels, paths = registry or Registry.discover(), labels or {}, run_paths(runs)
    found = [evaluate_one(path, metrics, overrides, registry, allow_test_tuning=allow_test_tuning) for path in paths]
    known = {one.result.name for one in found} | {path.resolve().name for path in paths}
    if unknown := [name for name in labels if name not in known]:
        raise VadkitError(f"no run is named {unknown[0]!r}", where="--label", fix=closest(unknown[0], known))
    trees = [load(RunFolder(path).recipe, registry=registry).tree for path in paths]
    groups = _groups(paths, found, trees)
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    first: dict[tuple[str, str], tuple[Path, Mapping[str, Any]]] = {}
    systems: list[str] = []
    for path, one, tree, group in zip(paths, found, trees, groups, strict=True):
        system = labels.get(path.resolve().name) or labels.get(one.result.name) or one.result.name
        system += " TEST-TUNED" if one.result.protocol["test_tuned"] else ""
        other, settings = first.setdefault((system, group), (path, _without_seed(tree)))
        if settings != _without_seed(tree):
            changed = sorted(key for key in {*settings, *tree} if settings.get(key) != _without_seed(tree).get(key))
            what = f"has the name {system!r} as {other} does, but another {', '.join(changed)}"
            raise VadkitError(what, where=str(path), fix=f"give one of them another name: --label {path.name}=NAME")
        systems.append(system)
        for metric, value in one.result.metrics.items():
            values.setdefault((system, group), {}).setdefault(metric, []).append(value)
    names = list(dict.fromkeys(name for one in found for name in one.result.metrics))
    lower = frozenset().union(*(metric.lower_is_better for metric in found[0].metrics))
    units = {name: unit for one in found for name, unit in one.result.units.items()}
    distinct = tuple(dict.fromkeys(systems)), tuple(dict.fromkeys(groups))
    return SystemComparison(*distinct, names, values, lower, units, _notes(found, groups, values))


def _groups(paths: Sequence[Path], found: Sequence[Evaluation], trees: Sequence[Mapping[str, Any]]) -> list[str]:
    """The data set of each run; equal test videos with equal labels are one data set."""
    truths: dict[str, Mapping[str, Any]] = {}
    groups: list[str] = []
    for path, one, tree in zip(paths, found, trees, strict=True):
        labels = {video.name: video.labels for video in one.result.videos}
        group = next((name for name, known in truths.items() if same_labels(labels, known)), "")
        if not group:
            data = tree["data"].get("test_on") or tree["data"]
            own = str(data if isinstance(data, str) else data.get("subset") or data["use"])
            count = sum(name.partition(" (")[0] == own for name in truths)
            group = f"{own} ({count + 1})" if count else own
            truths[group] = labels
        first = groups.index(group) if group in groups else None
        if first is not None:
            differ = differing([found[first].result.protocol, one.result.protocol])
            if differ:
                what = f"is evaluated under another protocol than {paths[first]}: {', '.join(differ)} differ"
                raise VadkitError(what, where=str(path), fix="evaluate all under one with --protocol NAME")
        groups.append(group)
    return groups


def _without_seed(tree: Mapping[str, Any]) -> dict[str, Any]:
    given = tree.get("engine", {})
    engine = {"precision": given.get("precision", "fp32"), "score_stride": given.get("score_stride", 1)}
    return {**{key: value for key, value in tree.items() if key not in ("seed", "name", "report")}, "engine": engine}


def _notes(
    found: Sequence[Evaluation], groups: Sequence[str], values: Mapping[tuple[str, str], Mapping[str, Sequence[float]]]
) -> list[str]:
    protocols: dict[str, str] = {}
    for one, group in zip(found, groups, strict=True):
        protocols.setdefault(group, f"{one.result.protocol['name']} #{one.result.protocol['digest']}")
    each = ", ".join(f"{group}: {protocol}" for group, protocol in protocols.items())
    lines = [f"protocols: {each}"]
    seeds = sorted({len(numbers) for of_system in values.values() for numbers in of_system.values()})
    if seeds[-1] > 1:
        count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
        lines.append(f"mean and standard deviation over {count} seeds")
    return [*lines, "best in bold, without a test of the difference"]
