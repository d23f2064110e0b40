"""The variants of a recipe file, or one recipe with some of its values varied: a run for each.

A run reuses what the others have trained and scored already.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml

from vadkit.core.errors import RunFolderError, VadkitError, closest
from vadkit.core.files import atomic_write_text
from vadkit.core.progress import NoProgress, Progress
from vadkit.engine.experiment import without_videos
from vadkit.engine.run import run
from vadkit.engine.session import kept_precision
from vadkit.evaluation.build import evaluation_of, refuse_test_tuning
from vadkit.evaluation.run_scores import RESCORABLE, evaluate_run
from vadkit.model.training.processes import started
from vadkit.plugin.registry import Registry
from vadkit.recipe import plain, resolve
from vadkit.recipe.loading import read_recipe
from vadkit.recipe.model import Recipe
from vadkit.recipe.node import Problems
from vadkit.recipe.variants import Family, Paper, family_of
from vadkit.store.input_files import records_of, run_recipe
from vadkit.store.provenance import changes as changed_code
from vadkit.store.provenance import code_of
from vadkit.store.run_folder import RunFolder, digest_of

SEED = "seed"
VARIANT = "variant"
TABLE = "sweep.csv"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.=+-]+")
_SIMPLE = re.compile(r"[A-Za-z0-9_.:-]+")  # of a key or a value that can be part of a name
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Trial:
    """One combination of values and its results.

    Attributes:
        values: key -> value as in `--vary`. If the file has variants, the first entry is "variant" -> its name.
        path: its run folder.
        metrics: metric -> value of the fused score.
        protocol: as it is printed with them.
        components: component -> metric -> value of that component alone.
        intervals: metric -> 95 % interval by the bootstrap over videos; only for variants.
        units: metric -> unit, of those that are not a share of 1.
    """

    values: Mapping[str, str]
    path: Path
    metrics: Mapping[str, float]
    protocol: Mapping[str, Any]
    components: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    units: Mapping[str, str] = field(default_factory=dict[str, str])

    def number(self, metric: str) -> float | None:
        """A metric's value, for `component.metric` that of the component alone; None if it was not computed."""
        component, _, name = metric.rpartition(".")
        return (self.components.get(component, {}) if component else self.metrics).get(name)


@dataclass(frozen=True, slots=True)
class SeedSummary:
    """Trials that differ in their seed alone.

    Attributes:
        values: key -> value of all keys but the seed.
        seeds: how many.
        means: metric -> mean over the seeds.
        deviations: metric -> standard deviation over the seeds (n - 1); 0 for one seed.
    """

    values: Mapping[str, str]
    seeds: int
    means: Mapping[str, float]
    deviations: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PaperComparison:
    """A number of ours and the one that a paper prints for it, both as the paper prints: percent for shares.

    Attributes:
        values: of the trial: its variant, and what else was varied but the seed.
        metric: its name, or `component.metric`.
        unit: "%", or the metric's own.
        ours: our value; the mean over seeds.
        paper: the paper's.
        interval: 95 % interval of ours, for one seed.
        deviation: standard deviation over the seeds, for several.
    """

    values: Mapping[str, str]
    metric: str
    unit: str
    ours: float
    paper: float
    interval: tuple[float, float] | None = None
    deviation: float | None = None

    @property
    def difference(self) -> float:
        """Ours less the paper's."""
        return self.ours - self.paper


def parse(varied: Sequence[str]) -> dict[str, list[str]]:
    """`key=a,b,c` of each `--vary` -> key -> values, as YAML text; a VadkitError for malformed or repeated ones."""
    found: dict[str, list[str]] = {}
    for text in varied:
        key, equals, values = text.partition("=")
        try:
            # A flow list, so that commas inside brackets and braces do not separate values.
            nodes = yaml.compose(f"[{values}]")
            given = [f"[{values}]"[n.start_mark.index : n.end_mark.index] for n in nodes.value] if nodes else []
        except yaml.YAMLError:
            given = []
        if twice := sorted({value for value in given if given.count(value) > 1}):
            raise VadkitError(f"has the value {twice[0]} twice", where=f"--vary {text}", fix="leave one of them out")
        if not equals or not key.strip() or not given or key.strip() in found:
            what = "is there twice" if key.strip() in found else "is not 'key=a,b,c'"
            fix = "for example --vary fuse.likelihood.weight=0,0.1,0.3"
            raise VadkitError(what, where=f"--vary {text}", fix=fix)
        found[key.strip()] = given
    return found


def sweep(
    recipe: str | Path | Mapping[str, Any],
    varied: Mapping[str, Sequence[str]] | None = None,
    *,
    variants: Sequence[str] = (),
    out: str | Path | None = None,
    data_root: str | Path | None = None,
    overrides: Sequence[str] = (),
    reuse: Sequence[str | Path] = (),
    allow_test_tuning: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> list[Trial]:
    """Run every combination, each in its own folder; those that are finished are kept.

    A run reuses the trained stages and scores of another one of the sweep wherever they depend on the same
    part of the recipe: a sweep over fusion weights trains and scores once.

    Args:
        recipe: a recipe file, the name of a shipped recipe, or a recipe's content as a mapping.
        varied: key -> values, as YAML text; not needed for a file with variants.
        variants: those of the file's variants to run; default all.
        out: folder of the run folders and `sweep.csv`; default `runs/NAME-sweep`.
        data_root: as of `vadkit.run`.
        overrides: for all runs.
        reuse: other runs to reuse as well, as of `vadkit.run`.
        allow_test_tuning: as of `vadkit.run`.
        progress: receives progress.
        registry: default, all installed plugins.

    Raises:
        VadkitError: anything that the user can fix; every combination is checked before the first one runs.
    """
    if (started() or (1, 1)) != (1, 1):
        fix = "start it alone, or start each run with torchrun -m vadkit run"
        raise VadkitError("a sweep works in one process", where="vadkit sweep", fix=fix)
    registry = registry or Registry.discover()
    progress = progress or NoProgress()
    family = None if isinstance(recipe, Mapping) else family_of(recipe)
    chosen = _chosen(family, variants)
    if not varied and not chosen:
        raise VadkitError("nothing is varied", where="vadkit sweep", fix="for example --vary seed=0,1,2")
    all_values = ({VARIANT: chosen} if chosen else {}) | dict(varied or {})
    changes = [dict(zip(all_values, values, strict=True)) for values in itertools.product(*all_values.values())]
    sources = [recipe if isinstance(recipe, Mapping) else Path(recipe, values.get(VARIANT, "")) for values in changes]
    settings = [[*overrides, *(f"{k}={v}" for k, v in values.items() if k != VARIANT)] for values in changes]
    checked = [read_recipe(*each, registry) for each in zip(sources, settings, strict=True)]
    for values, one in zip(changes, checked, strict=True):
        refuse_test_tuning(one.evaluate.protocol, allowed=allow_test_tuning)
        evaluation_of(one, registry).needs.check_held_out(one.data.held_out)
        if family and chosen:
            _check_printed(family.paper, values[VARIANT], one)
    for donor in reuse:
        RunFolder(Path(donor)).require_run()
    name = checked[0].name.removesuffix(f"_{chosen[0]}") if chosen else checked[0].name
    folder = Path(out) if out is not None else Path("runs") / f"{name}-sweep"
    others = [] if family is None else [Path(str(recipe)) / variant for variant in family.variants]
    _refuse_taken(folder, {one.name for one in checked} | {plain(resolve(each, overrides))["name"] for each in others})
    places = [RunFolder(folder / _name(values)) for values in changes]
    for number, (place, one) in enumerate(zip(places, checked, strict=True)):
        if known := kept_precision(one, [place]):  # the recipe of a run names the precision that "auto" took
            precision = f"engine.precision={known}"
            checked[number] = read_recipe(sources[number], [*settings[number], precision], registry)
    _build_each([one for place, one in zip(places, checked, strict=True) if not _finished(place, one)])
    trials: list[Trial] = []
    for number, (values, one, place) in enumerate(zip(changes, checked, places, strict=True)):
        told = ", ".join(f"{key}={value}" for key, value in values.items())
        progress.message(f"sweep {number + 1} of {len(changes)}: {told}")
        if _finished(place, one):
            for told in changed_code(place.read_manifest().code, code_of(one)):
                progress.message(f"{told}: --out with another folder makes all of it again")
        else:
            donors = [Path(donor) for donor in reuse if Path(donor).resolve() != place.path.resolve()]
            run(
                sources[number], out=place.path, data_root=data_root, overrides=settings[number],
                resume=place.is_run, reuse=[*donors, *(trial.path for trial in trials)],
                allow_test_tuning=allow_test_tuning, progress=progress, registry=registry,
            )  # fmt: skip
        config = evaluation_of(one, registry)
        config = config if chosen else replace(config, rounds=0)
        result = evaluate_run(place, one, config).result
        numbers = (result.metrics, result.protocol, result.components, result.intervals, result.units)
        trials.append(Trial(values, result.folder, *numbers))
        atomic_write_text(folder / TABLE, to_csv(trials))
    return trials


def compare_with_paper(trials: Sequence[Trial], paper: Paper) -> list[PaperComparison]:
    """Each number that the paper prints for a trial, with ours; the mean where only the seed differs."""
    found: list[PaperComparison] = []
    for values, some in _groups(trials).items():
        for metric, printed in paper.rows.get(dict(values).get(VARIANT, ""), {}).items():
            ours = [number for trial in some if (number := trial.number(metric)) is not None]
            if not ours:
                continue
            unit = some[0].units.get(metric.rpartition(".")[2], "%")
            scale = 100 if unit == "%" else 1
            one = PaperComparison(dict(values), metric, unit, scale * mean(ours), printed.value)
            if len(ours) > 1:
                one = replace(one, deviation=scale * stdev(ours))
            elif metric in some[0].intervals:
                low, high = some[0].intervals[metric]
                one = replace(one, interval=(scale * low, scale * high))
            found.append(one)
    return found


def summarize_seeds(trials: Sequence[Trial]) -> list[SeedSummary]:
    """Mean and deviation over trials that differ in their seed alone, in the order of the trials."""
    summaries: list[SeedSummary] = []
    for values, some in _groups(trials).items():
        names = [name for name in some[0].metrics if all(name in trial.metrics for trial in some)]
        columns = {name: [trial.metrics[name] for trial in some] for name in names}
        deviations = {name: stdev(column) if len(column) > 1 else 0.0 for name, column in columns.items()}
        means = {name: mean(column) for name, column in columns.items()}
        summaries.append(SeedSummary(dict(values), len(some), means, deviations))
    return summaries


def to_csv(trials: Sequence[Trial]) -> str:
    """One line a trial: values, protocol, metrics."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    names = list(dict.fromkeys(name for trial in trials for name in trial.metrics))
    writer.writerow([*trials[0].values, "run", "protocol", "digest", "test_tuned", *names])
    for trial in trials:
        about = [trial.path.name, *(trial.protocol[key] for key in ("name", "digest", "test_tuned"))]
        writer.writerow([*trial.values.values(), *about, *(trial.metrics.get(name) for name in names)])
    return target.getvalue()


def _groups(trials: Sequence[Trial]) -> Mapping[tuple[tuple[str, str], ...], list[Trial]]:
    groups: dict[tuple[tuple[str, str], ...], list[Trial]] = {}
    for trial in trials:
        groups.setdefault(tuple((k, v) for k, v in trial.values.items() if k != SEED), []).append(trial)
    return groups


def _chosen(family: Family | None, variants: Sequence[str]) -> list[str]:
    """The variants to run, in the order of the file."""
    if family is None:
        if variants:
            raise VadkitError("a mapping has no variants", where="variants", fix="write the recipe into a file")
        return []
    for name in variants:
        family.changes_of(name)
    return [name for name in family.variants if not variants or name in variants]


def _check_printed(paper: Paper, variant: str, recipe: Recipe) -> None:
    """Refuse a number of the paper that the variant does not measure."""
    metrics = [chosen.component.name for chosen in recipe.evaluate.metrics]
    problems, row = Problems(), f"'paper.rows.{variant}'"
    for key, printed in paper.rows.get(variant, {}).items():
        component, _, metric = key.rpartition(".")
        if metric not in metrics:
            what = f"{row} has {metric!r}, which is not in 'evaluate.metrics'"
            problems.report(printed.at, what, closest(metric, metrics))
        if component and component not in recipe.scores:
            what = f"{row} has the component {component!r}, which is not in 'scores'"
            problems.report(printed.at, what, closest(component, recipe.scores))
    problems.refuse()


def _name(values: Mapping[str, str]) -> str:
    """Name of a run folder, with the last parts of the keys unless two of them are equal."""
    last = [key.rpartition(".")[2] for key in values]
    short = last if len(set(last)) == len(last) else list(values)
    shown = [readable(value) for value in values.values()]
    name = ",".join(v if k == VARIANT else f"{k}={v}" for k, v in zip(short, shown, strict=True))
    safe = _UNSAFE.sub("_", name)
    return safe if safe == name and len(name) <= _LONGEST else f"{safe[:_LONGEST]}-{digest_of(name)[:8]}"


def readable(value: str) -> str:
    """A varied value in short: `{use: gaussian, covariance: diagonal}` -> `gaussian+covariance=diagonal`.

    A list of components is joined by "-then-". Any other value, and one with nested keys, stays unchanged.
    """
    try:
        given = yaml.safe_load(value)
    except yaml.YAMLError:
        return value
    parts = [_readable_component(each) for each in (given if isinstance(given, list) else [given])]
    if not parts or not all(parts) or isinstance(given, str):
        return value
    return "-then-".join(parts)


def _readable_component(given: Any) -> str:
    """Name and keys of a component; empty if it is none, or has keys that are not simple."""
    if isinstance(given, str):
        return given if _SIMPLE.fullmatch(given) else ""
    if not isinstance(given, Mapping) or "use" not in given:
        return ""
    keys = {str(key): str(value) for key, value in given.items()}
    simple = all(not isinstance(value, (Mapping, list)) for value in given.values())
    if not simple or not all(_SIMPLE.fullmatch(text) for pair in keys.items() for text in pair):
        return ""
    return "+".join([keys.pop("use"), *(f"{key}={value}" for key, value in keys.items())])


def _refuse_taken(folder: Path, names: Collection[str]) -> None:
    """Refuse a folder that holds anything but runs of these names."""
    fix = "choose another folder with --out"
    if folder.exists() and not folder.is_dir():
        raise RunFolderError("is a file, not a folder", where=str(folder), fix=fix)
    if RunFolder(folder).is_run:
        raise RunFolderError("is a run, not a folder of runs", where=str(folder), fix=fix)
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name == TABLE or path.name.startswith("."):
            continue
        place = RunFolder(path)
        if not (place.is_run or place.is_free):
            raise RunFolderError(f"holds {path.name!r}, which is not a run", where=str(folder), fix=fix)
        other = place.read_manifest().name
        if other and other not in names:
            raise RunFolderError(f"holds runs of another recipe, {other!r}", where=str(folder), fix=fix)


def _build_each(recipes: Sequence[Recipe]) -> None:
    """Build what differs between them, so that a value that a component refuses is an error before the first run."""
    built: list[Mapping[str, Any]] = []
    for recipe in recipes:
        tree = {key: value for key, value in recipe.tree.items() if key not in (*RESCORABLE, SEED, "name")}
        if tree not in built:
            without_videos(recipe, RunFolder(Path()))
            built.append(tree)


def _finished(place: RunFolder, recipe: Recipe) -> bool:
    """Whether it ended as a run of this recipe."""
    if not (place.is_run and place.read_manifest().finished):
        return False
    return place.recipe.read_text(encoding="utf-8") == run_recipe(recipe, records_of(recipe))
