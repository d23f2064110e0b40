"""One recipe with some of its values varied: a run each, which takes over what the others have done already."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import yaml

from vadkit.core.errors import RunFolderError, VadkitError
from vadkit.core.files import atomic_write_text
from vadkit.core.progress import NoProgress, Progress
from vadkit.engine.run import read_recipe, run, without_videos
from vadkit.evaluation.build import build_evaluation, check_held_out, needs_of, protocol_of, refuse_test_tuning
from vadkit.evaluation.run_scores import RESCORABLE, evaluate_run
from vadkit.plugin.registry import Registry
from vadkit.recipe.model import Recipe
from vadkit.recipe.show import dump
from vadkit.store.provenance import changes as changed_code
from vadkit.store.provenance import code_of
from vadkit.store.run_folder import RunFolder, digest_of

SEED = "seed"
TABLE = "sweep.csv"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.=+-]+")
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Trial:
    """One combination of values and what came of it.

    Attributes:
        values: key -> value, as it stands in `--vary`.
        path: its run folder.
        metrics: metric -> value of the fused score.
        protocol: as it is printed with them.
    """

    values: Mapping[str, str]
    path: Path
    metrics: Mapping[str, float]
    protocol: Mapping[str, Any]


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


def parse(varied: Sequence[str]) -> dict[str, list[str]]:
    """`key=a,b,c` of each `--vary` -> key -> values, as YAML text.

    Raises:
        VadkitError: malformed, a key twice, or no value.
    """
    found: dict[str, list[str]] = {}
    for text in varied:
        key, equals, values = text.partition("=")
        try:
            # A flow list, so that commas inside of brackets and braces do not part values.
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
    varied: Mapping[str, Sequence[str]],
    *,
    out: str | Path | None = None,
    data_root: str | Path | None = None,
    overrides: Sequence[str] = (),
    reuse: Sequence[str | Path] = (),
    allow_test_tuning: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> list[Trial]:
    """Run every combination, each in its own folder; those that are finished are kept as they are.

    A run takes over the trained stages and scores of another one of the sweep wherever they depend on the same
    part of the recipe: a sweep over fusion weights trains and scores once.

    Args:
        recipe: a recipe file, or its content as a mapping.
        varied: key -> values, as YAML text.
        out: folder of the run folders and `sweep.csv`; default `runs/NAME-sweep`.
        data_root: as of `vadkit.run`.
        overrides: for all runs.
        reuse: other runs to take over from as well, as of `vadkit.run`.
        allow_test_tuning: as of `vadkit.run`.
        progress: is told of progress.
        registry: default, all installed plugins.

    Raises:
        VadkitError: anything that the user can mend; every combination is checked before the first one runs.
    """
    registry = registry or Registry.discover()
    progress = progress or NoProgress()
    if not varied:
        raise VadkitError("nothing is varied", where="vadkit sweep", fix="for example --vary seed=0,1,2")
    changes = list(_combinations(varied))
    checked = [read_recipe(recipe, [*overrides, *_settings(values)], registry) for values in changes]
    for one in checked:
        protocol = one.evaluate.protocol
        refuse_test_tuning(protocol, allowed=allow_test_tuning)
        check_held_out(needs_of(build_evaluation(one, protocol_of(one), registry, one.seed)), one.data.held_out)
    for donor in reuse:
        RunFolder(Path(donor)).require_run()
    folder = Path(out) if out is not None else Path("runs") / f"{checked[0].name}-sweep"
    _refuse_taken(folder, {one.name for one in checked})
    places = [RunFolder(folder / _name(values)) for values in changes]
    _build_each([one for place, one in zip(places, checked, strict=True) if not _finished(place, one)])
    trials: list[Trial] = []
    for number, (values, one, place) in enumerate(zip(changes, checked, places, strict=True), 1):
        progress.message(f"sweep {number} of {len(changes)}: {', '.join(_settings(values))}")
        if _finished(place, one):
            for told in changed_code(place.read_manifest().get("code", {}), code_of(one)):
                progress.message(f"{told}: --out with another folder makes all of it again")
        else:
            others = [Path(donor) for donor in reuse if Path(donor).resolve() != place.path.resolve()]
            run(
                recipe, out=place.path, data_root=data_root, overrides=[*overrides, *_settings(values)],
                resume=place.is_run, reuse=[*others, *(trial.path for trial in trials)],
                allow_test_tuning=allow_test_tuning, progress=progress, registry=registry,
            )  # fmt: skip
        result = evaluate_run(place, one, place.path, registry, rounds=0)
        trials.append(Trial(values, place.path, result.metrics, result.protocol))
        atomic_write_text(folder / TABLE, to_csv(trials))
    return trials


def summarize_seeds(trials: Sequence[Trial]) -> list[SeedSummary]:
    """Mean and deviation over trials that differ in their seed alone, in the order of the trials."""
    groups: dict[tuple[tuple[str, str], ...], list[Trial]] = {}
    for trial in trials:
        groups.setdefault(tuple((k, v) for k, v in trial.values.items() if k != SEED), []).append(trial)
    spreads: list[SeedSummary] = []
    for values, some in groups.items():
        names = [name for name in some[0].metrics if all(name in trial.metrics for trial in some)]
        columns = {name: [trial.metrics[name] for trial in some] for name in names}
        deviations = {name: stdev(column) if len(column) > 1 else 0.0 for name, column in columns.items()}
        means = {name: mean(column) for name, column in columns.items()}
        spreads.append(SeedSummary(dict(values), len(some), means, deviations))
    return spreads


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


def _combinations(varied: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    for values in itertools.product(*varied.values()):
        yield dict(zip(varied, values, strict=True))


def _settings(values: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in values.items()]


def _name(values: Mapping[str, str]) -> str:
    """A folder's name; the keys' last parts do, unless two are the same."""
    last = [key.rpartition(".")[2] for key in values]
    short = last if len(set(last)) == len(last) else list(values)
    name = ",".join(f"{k}={v}" for k, v in zip(short, values.values(), strict=True))
    safe = _UNSAFE.sub("_", name)
    return safe if safe == name and len(name) <= _LONGEST else f"{safe[:_LONGEST]}-{digest_of(name)[:8]}"


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
            raise RunFolderError(f"holds {path.name!r}, which is no run", where=str(folder), fix=fix)
        other = place.read_manifest().get("name")
        if other is not None and other not in names:
            raise RunFolderError(f"holds runs of another recipe, {other!r}", where=str(folder), fix=fix)


def _build_each(recipes: Sequence[Recipe]) -> None:
    """Build what differs between them: a value that a component refuses is said before the first run."""
    built: list[Mapping[str, Any]] = []
    for recipe in recipes:
        tree = {key: value for key, value in recipe.tree.items() if key not in (*RESCORABLE, SEED)}
        if tree not in built:
            without_videos(recipe, RunFolder(Path()))
            built.append(tree)


def _finished(place: RunFolder, recipe: Recipe) -> bool:
    """Whether it ran to its end as this recipe."""
    if not (place.is_run and place.read_manifest().get("finished")):
        return False
    return place.recipe.read_text(encoding="utf-8") == dump(recipe.tree)
