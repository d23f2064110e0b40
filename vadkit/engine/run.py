"""The stages: train -> fit densities -> score -> evaluate -> report, and what they leave.

Importing this file does not import torch; running or loading models does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, VadkitError
from vadkit.core.progress import NoProgress, Progress
from vadkit.core.protocol import Protocol
from vadkit.core.values import Labels, RunResult
from vadkit.data.frame_reader import open_frame_reader, read_frames
from vadkit.data.opening import open_data
from vadkit.engine.session import begin, end, record_data
from vadkit.evaluation.build import (
    build_evaluation,
    check_held_out,
    compared,
    needs_of,
    protocol_of,
    refuse_test_tuning,
)
from vadkit.evaluation.run_scores import (
    evaluate_all_protocols,
    evaluate_run,
    open_run,
    refuse_run,
    shows_maps,
    write_calibration,
    write_reports,
)
from vadkit.plugin.registry import Registry
from vadkit.recipe import load, loads
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.loading import DEFAULT_REPORT
from vadkit.recipe.model import Recipe
from vadkit.store.reuse import donors_of, offers_of, take_over
from vadkit.store.run_folder import RunFolder, digest_of
from vadkit.store.scores import VideoScores, read_labels, read_scores

if TYPE_CHECKING:
    from vadkit.engine.experiment import Experiment
    from vadkit.model.pipeline import Pipeline
    from vadkit.video.cache import FrameCache


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run, as `run` gives it and `load_run` finds it.

    Attributes:
        path: the run folder.
        recipe: as it was run.
        metrics: what `metrics.json` holds: metrics, components, protocol, facts; empty for a run
            that is not evaluated yet, or whose recipe leaves out the reporter `json`.
    """

    path: Path
    recipe: Recipe
    metrics: Mapping[str, Any]

    def scores(self) -> list[VideoScores]:
        """Each test video's components and coverage, from the score files."""
        return read_scores(RunFolder(self.path).scores)

    def labels(self) -> dict[str, Labels]:
        """Video name -> frame labels."""
        return read_labels(RunFolder(self.path).labels)

    def pipeline(self) -> Pipeline:
        """The trained model: clips (B, C, T, H, W) float32 in [-1, 1] -> `ClipOutputs`. Imports torch.

        Raises:
            CheckpointError: a checkpoint is missing, damaged or foreign.
        """
        return load_experiment(self.path, self.recipe).pipeline()

    def evaluate(self, overrides: Sequence[str] = (), *, allow_test_tuning: bool = False) -> RunResult:
        """Judge the score files again, with changes such as `fuse.likelihood.weight=0.5`; writes nothing."""
        return evaluate(self.path, overrides, allow_test_tuning=allow_test_tuning)


def run(
    recipe: str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    data_root: str | Path | None = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    overwrite: bool = False,
    reuse: Sequence[str | Path] = (),
    allow_test_tuning: bool = False,
    keep_cache: bool = True,
    cache_limit: str | int | None = None,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Run:
    """Train, fit densities, score, evaluate and report.

    Args:
        recipe: a recipe file, or its content as a mapping.
        out: the run folder; default `runs/NAME`.
        data_root: the data set's folder or the one that holds it; default `$VADKIT_DATA`.
        overrides: as `--set` takes them, such as `model.fit.epochs=3`.
        resume: go on in a run folder where an earlier run stopped.
        overwrite: replace an earlier run.
        reuse: folders of other runs, whose trained stages and scores are taken over where this recipe would make
            them alike.
        allow_test_tuning: run a recipe in which something was chosen with test labels.
        keep_cache: store decoded frames for later runs; otherwise in a temporary folder.
        cache_limit: largest size of all stored frames, such as "50GB"; default `$VADKIT_CACHE_LIMIT`, else none.
        progress: is told of progress.
        registry: default, all installed plugins.

    Raises:
        VadkitError: anything that the user can mend; see its message.
    """
    from vadkit.engine import sanity_check as rehearsal
    from vadkit.engine.scoring import Scoring
    from vadkit.video.cache import open_cache

    registry = registry or Registry.discover()
    progress = progress or NoProgress()
    checked = read_recipe(recipe, overrides, registry)
    refuse_test_tuning(checked.evaluate.protocol, allowed=allow_test_tuning)
    plan = build_evaluation(checked, protocol_of(checked), registry, checked.seed)
    needs = needs_of(plan)
    check_held_out(needs, checked.data.held_out)
    dataset = open_data(checked.data, data_root)
    folder = RunFolder(Path(out) if out is not None else Path("runs") / checked.name)
    donors = donors_of(reuse, folder)
    began = time.monotonic()
    with open_cache(keep=keep_cache, limit=cache_limit) as cache:
        experiment = _experiment(checked, dataset, folder, cache, progress)
        for split in ("train", "test"):
            experiment.datamodule.videos(split)  # what is missing is said before anything is written
        folder.check(resume=resume, overwrite=overwrite)
        anomaly_maps = rehearsal.dry_run(experiment, compared=needs.anomaly_maps, shown=shows_maps(checked.report))
        experiment.datamodule.check(anomaly_maps=needs.anomaly_maps, fps=needs.fps)
        offers = offers_of(checked.tree, experiment.datamodule.fingerprints(), donors)
        with folder.locked():
            folder.prepare(resume=resume, overwrite=overwrite)
            if donors and not folder.is_run:
                taken = take_over(folder, checked.tree, offers)
                progress.message(f"taken over: {', '.join(taken) or 'nothing, for no stage would be made alike'}")
            begin(folder, checked, experiment)
            record_data(folder, experiment.datamodule, regions=needs.anomaly_maps)
            experiment.train_model()
            experiment.fit_densities()
            scoring = Scoring(experiment, anomaly_maps=anomaly_maps)
            scoring.held_out(synthetic=needs.synthetic)
            write_calibration(folder, plan)
            scoring.test_videos()
            end(folder, began)
            result = evaluate_run(folder, checked, folder.path, registry)
            result = replace(
                result, read_frames=partial(read_frames, experiment.datamodule.videos, experiment.datamodule.frames)
            )
            folder.update_manifest(protocol=dict(result.protocol))  # with labels and weights, as it is printed
            write_reports(result, checked.report, folder.path, unseen=progress.message)
    return load_run(folder.path, registry)


def read_recipe(recipe: str | Path | Mapping[str, Any], overrides: Sequence[str], registry: Registry) -> Recipe:
    """A checked recipe, from a file or a mapping."""
    if isinstance(recipe, Mapping):
        return loads(recipe, overrides=overrides, registry=registry)
    return load(Path(recipe), overrides=overrides, registry=registry)


def load_run(folder: str | Path, registry: Registry | None = None) -> Run:
    """Open a finished run.

    Raises:
        DataError: there is no run, or its metrics.json is damaged.
    """
    path = Path(folder)
    place = RunFolder(path)
    metrics = path / "metrics.json"
    place.require_run()
    found: dict[str, Any] = {}
    if metrics.exists():
        try:
            found = json.loads(metrics.read_text(encoding="utf-8"))
        except ValueError as error:
            raise DataError(
                f"is damaged: {error}", where=str(metrics), fix="write it again with 'vadkit eval'"
            ) from error
    return Run(path, load(place.recipe, registry=registry or Registry.discover()), found)


def load_experiment(folder: Path, recipe: Recipe) -> Experiment:
    """A run's recipe, built, with its trained weights and without its videos. Imports torch.

    Raises:
        CheckpointError: a checkpoint is missing, damaged or foreign.
    """
    experiment = without_videos(recipe, RunFolder(folder))
    experiment.load_weights()
    return experiment


def evaluate(
    folder: str | Path,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    *,
    allow_test_tuning: bool = False,
) -> RunResult:
    """Judge a run from its score files alone. Does not import torch, writes nothing.

    Raises:
        RecipeError: an override changes what the score files depend on.
    """
    registry = registry or Registry.discover()
    place, recipe = open_run(folder, overrides, registry, allow_test_tuning=allow_test_tuning)
    return evaluate_run(place, recipe, place.path, registry)


def report(
    folder: str | Path,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    *,
    out: str | Path | None = None,
    allow_test_tuning: bool = False,
    progress: Progress | None = None,
) -> RunResult:
    """`evaluate`, then every reporter of the recipe.

    They write into the run folder; with overrides, under `evals/` there. With `out` they write into that
    folder, and the run's own, which may be read-only, is not touched.

    Reporters that look at frames find them under `$VADKIT_DATA`; where they are not, `monitor` is told.
    """
    registry = registry or Registry.discover()
    progress = progress or NoProgress()
    place, recipe = open_run(folder, overrides, registry, allow_test_tuning=allow_test_tuning)
    if out is not None:
        refuse_run(out)
        result = replace(
            evaluate_run(place, recipe, Path(out), registry), read_frames=open_frame_reader(recipe.data, None)
        )
        write_reports(result, recipe.report, result.folder, unseen=progress.message)
        return result
    with place.locked():
        result = replace(
            evaluate_run(place, recipe, place.path, registry), read_frames=open_frame_reader(recipe.data, None)
        )
        if overrides:
            name = (
                f"{result.protocol['digest']}-{digest_of(result.facts['measured'], recipe.evaluate.anomaly_maps)[:6]}"
            )
            result = replace(result, folder=place.path / "evals" / name)
        write_reports(result, recipe.report, result.folder, unseen=progress.message)
    return result


def draw(
    folder: str | Path,
    figures: Sequence[str],
    *,
    data_root: str | Path | None = None,
    registry: Registry | None = None,
) -> Path:
    """Draw figures of a finished run, under its own protocol, into its folder.

    Args:
        folder: of the run.
        figures: reporters, by name; none for those of the recipe that draw.
        data_root: the data set's folder or the one that holds it, for figures that show frames; default `$VADKIT_DATA`.
        registry: default, all installed plugins.

    Returns:
        The folder `figures/` of the run.

    Raises:
        VadkitError: there is no such figure, or what it shows is not there.
    """
    registry = registry or Registry.discover()
    place, recipe = open_run(folder, (), registry, allow_test_tuning=True)  # it was allowed when it was run
    written = {chosen.component.name: chosen for chosen in recipe.report}
    names = figures or [name for name in written if name not in DEFAULT_REPORT] or ["figures"]
    chosen = [written.get(name) or ComponentConfig(registry.get("reporter", name), {}, "--figure") for name in names]
    with place.locked():
        result = evaluate_run(place, recipe, place.path, registry, rounds=0)
        write_reports(replace(result, read_frames=open_frame_reader(recipe.data, data_root)), chosen, place.path)
    return place.path / "figures"


def dry_run(
    recipe: str | Path | Mapping[str, Any],
    *,
    overrides: Sequence[str] = (),
    values: bool = True,
    registry: Registry | None = None,
) -> dict[str, int]:
    """Build a recipe and pass an empty clip through it, without data: what does not fit is said. Imports torch.

    Args:
        recipe: a recipe file, or its content as a mapping.
        overrides: as `--set` takes them.
        values: pass numbers through, as a run does before it trains; else shapes alone, at any size in no time.
        registry: default, all installed plugins.

    Returns:
        Parameters of the model and of each density: stage -> count.

    Raises:
        VadkitError: the recipe is wrong, a component refuses its keys, or two do not fit together.
        NeedsValuesError: without `values`, shapes did not pass; see there.
    """
    from vadkit.engine import sanity_check as rehearsal

    registry = registry or Registry.discover()
    checked = read_recipe(recipe, overrides, registry)
    needs = needs_of(build_evaluation(checked, protocol_of(checked), registry, checked.seed))
    check_held_out(needs, checked.data.held_out)
    experiment = without_videos(checked, RunFolder(Path()))
    rehearsal.dry_run(experiment, compared=needs.anomaly_maps, shown=shows_maps(checked.report), values=values)
    return experiment.parameters()


def under_all(
    folder: str | Path,
    overrides: Sequence[str] = (),
    registry: Registry | None = None,
    *,
    allow_test_tuning: bool = False,
) -> dict[str, RunResult | VadkitError]:
    """A run's score files under every preset: preset -> result, or why there is none. Writes nothing."""
    registry = registry or Registry.discover()
    place, recipe = open_run(folder, overrides, registry, allow_test_tuning=allow_test_tuning)

    def under(protocol: Protocol) -> RunResult:
        other = replace(recipe, evaluate=compared(recipe.evaluate, protocol, registry))
        return evaluate_run(place, other, place.path, registry, rounds=0)

    return evaluate_all_protocols(under, test_tuned=recipe.evaluate.protocol.test_tuned)


def without_videos(recipe: Recipe, folder: RunFolder) -> Experiment:
    """The built recipe, where no video is read: model, densities and scorers. Imports torch.

    Raises:
        ShapeError: two components do not fit together.
    """
    from vadkit.video.cache import FrameCache

    return _experiment(recipe, _NoVideos(), folder, FrameCache(None), NoProgress())


def _experiment(
    recipe: Recipe, dataset: Dataset, folder: RunFolder, cache: FrameCache, progress: Progress
) -> Experiment:
    from vadkit.engine.experiment import Experiment

    return Experiment(recipe, dataset, folder, cache, progress)


class _NoVideos(Dataset):
    """Stands in where a trained model is loaded and no video is read."""

    def videos(self, split: Any) -> list[Any]:
        """None."""
        del split
        return []

    def labels(self, video: Any) -> None:
        """None."""
