"""A run: train, fit densities, score, evaluate, report.

Importing this file does not import torch; `run` and the methods that need a model do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.core.errors import DataError, ShapeError, VadkitError
from vadkit.core.progress import Forecast, NoProgress, Progress
from vadkit.core.values import Labels, RunResult
from vadkit.data.frame_reader import read_frames
from vadkit.data.opening import open_data
from vadkit.data.plan import plan_of, shorter
from vadkit.engine.launch import reported_once
from vadkit.evaluation.build import evaluation_of, refuse_test_tuning
from vadkit.evaluation.reporting import evaluate, figures_of, save_events, shows_maps, shows_previews, write_reports
from vadkit.evaluation.run_scores import evaluate_run, write_calibration
from vadkit.evaluation.thumbnails import write_thumbnails
from vadkit.evaluation.video_files import write_annotated, write_frame_scores
from vadkit.plugin.registry import Registry
from vadkit.recipe import load
from vadkit.recipe.loading import read_recipe
from vadkit.recipe.model import Recipe
from vadkit.store.frame_scores import check_format
from vadkit.store.input_files import kept_files, run_recipe
from vadkit.store.reuse import copy_stages, open_sources, reusable_stages
from vadkit.store.reuse import warm_start as start_from
from vadkit.store.run_folder import RunFolder
from vadkit.store.scores import VideoScores, read_labels, read_scores

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from vadkit.data.datamodule import DataModule
    from vadkit.engine.outputs import VideoOutputs
    from vadkit.evaluation.config import EvaluationConfig
    from vadkit.model.pipeline import Pipeline


BFLOAT16 = "engine.precision=bf16"  # as `--set`


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run, as `run` and `load_run` return it.

    Attributes:
        path: the run folder.
        recipe: the recipe that was run.
        metrics: the content of `metrics.json`: metrics, components, protocol, summary. Empty if the run is not
            evaluated yet, or if its recipe has no reporter `json`.

    Example:
        >>> from vadkit import load_run
        >>> run = load_run("runs/quickstart")  # doctest: +SKIP
        >>> run.metrics["metrics"]["micro_auc"]  # doctest: +SKIP
        0.93
        >>> result = run.evaluate(["evaluate.protocol.missing_scores=drop"])  # doctest: +SKIP
    """

    path: Path
    recipe: Recipe
    metrics: Mapping[str, Any]

    def scores(self) -> list[VideoScores]:
        """Components and coverage of each test video, from the score files."""
        return [video.spread() for video in read_scores(RunFolder(self.path).scores)]

    def labels(self) -> dict[str, Labels]:
        """Video name -> frame labels."""
        return read_labels(RunFolder(self.path).labels)

    def pipeline(self) -> Pipeline:
        """The trained model: clips (B, C, T, H, W) float32 in [-1, 1] -> `ClipOutputs`. Imports torch.

        Raises:
            CheckpointError: a checkpoint is missing, damaged or belongs to another recipe.
        """
        from vadkit.engine.experiment import load_experiment

        return load_experiment(self.path, self.recipe).pipeline()

    def outputs(
        self,
        video: str | NDArray[np.uint8],
        *,
        frames: tuple[int, int] | None = None,
        stride: int | None = None,
        data_root: str | Path | None = None,
    ) -> VideoOutputs:
        """What the model makes of a video, as NumPy arrays: latents, likelihoods, scores, anomaly maps. Imports torch.

        Args:
            video: the name of a test or training video; or frames (F, H, W, C) uint8 of the clip's size.
            frames: only windows within this range of frames, such as (0, 100); default, the complete video.
            stride: frames between the starts of neighbouring windows; default, that of the recipe.
            data_root: the folder of the data set, or the folder that contains it; default `$VADKIT_DATA`.

        Raises:
            VadkitError: the video or the range does not exist, or a checkpoint is missing or damaged.
        """
        from vadkit.engine.outputs import video_outputs

        return video_outputs(self.path, self.recipe, video, frames=frames, stride=stride, data_root=data_root)

    def figures(self, *names: str, data_root: str | Path | None = None) -> dict[str, Figure]:
        """The figures of reporters such as "histograms", as matplotlib figures: file name -> figure.

        Without names, those of the recipe's reporters that draw. Only figures that show frames need the videos.

        Raises:
            VadkitError: a reporter does not exist or draws nothing, or the data that it shows is missing.
        """
        return figures_of(self.path, names, data_root=data_root)

    def evaluate(self, overrides: Sequence[str] = (), *, allow_test_tuning: bool = False) -> RunResult:
        """Evaluate the score files again, with changes such as `fuse.likelihood.weight=0.5`. Writes nothing."""
        return evaluate(self.path, overrides, allow_test_tuning=allow_test_tuning)


@reported_once
def run(
    recipe: str | Path | Mapping[str, Any],
    *,
    out: str | Path | None = None,
    data_root: str | Path | None = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    overwrite: bool = False,
    reuse: Sequence[str | Path] = (),
    warm_start: str | Path | None = None,
    allow_test_tuning: bool = False,
    keep_cache: bool = True,
    cache_limit: str | int | None = None,
    form: str = "csv",
    annotate: bool = False,
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Run:
    """Train, fit densities, score, evaluate and report.

    `frame_scores/` has the scores of the frames of each test video. With held-out videos, `events.csv` and
    `events.jsonl` list the events of the test videos, and `thumbnails/` shows them.

    With several processes, all of them call this function, and return when the run is finished.

    Args:
        recipe: a recipe file, the name of a shipped recipe, or the content of a recipe as a mapping.
        out: the run folder; default `runs/NAME`.
        data_root: the folder of the data set, or the folder that contains it; default `$VADKIT_DATA`.
        overrides: changes as `--set` takes them, such as `model.fit.epochs=3`.
        resume: continue a run that was interrupted.
        overwrite: replace an earlier run.
        reuse: folders of other runs. Their finished stages are copied where this recipe would produce the same.
        warm_start: folder of another run. Training starts from its weights, of the stages that both recipes train by
            gradients.
        allow_test_tuning: allow a recipe in which something was chosen with test labels.
        keep_cache: keep decoded frames for later runs; otherwise they go to a temporary folder.
        cache_limit: largest size of all cached frames, such as "50GB"; default `$VADKIT_CACHE_LIMIT`, else no limit.
        form: format of the files in `frame_scores/`: "csv", "jsonl", "parquet" or "npz".
        annotate: also write annotated videos of the test videos, into `annotated/`. Needs held-out videos.
        progress: receives progress and messages.
        registry: where components are looked up; default, all installed plugins.

    Raises:
        VadkitError: anything that the user can fix; the message says how.
    """
    from vadkit.engine.bench.durations import time_needed
    from vadkit.engine.experiment import Experiment
    from vadkit.engine.sanity_check import sanity_check
    from vadkit.engine.scoring import Scoring
    from vadkit.engine.session import begin, end, kept_precision, precision_for, record_data
    from vadkit.model.training.processes import Processes, join
    from vadkit.video.cache import open_cache

    started = time.monotonic()
    registry, progress = registry or Registry.discover(), progress or NoProgress()
    place = partial(_run_folder, out)

    def kept(name: str) -> Mapping[str, Path]:
        return kept_files([*([place(name)] if resume else []), *(RunFolder(Path(path)) for path in reuse)])

    checked = read_recipe(recipe, overrides, registry, kept)
    changes = start_from(warm_start, checked, progress.message) if warm_start is not None else []
    refuse_test_tuning(checked.evaluate.protocol, allowed=allow_test_tuning)
    check_format(form)
    if annotate and not checked.data.held_out:
        what = "an annotated video shows the alarm threshold, but no normal video is held out"
        raise VadkitError(what, where="--annotate", fix="set data.held_out=0.2")
    evaluation = evaluation_of(checked, registry)
    needs = evaluation.needs
    needs.check_held_out(checked.data.held_out)
    dataset = open_data(checked.data, data_root)
    processes = Processes(join(checked.engine))
    progress = Forecast(progress, shorter(checked)) if processes.first else NoProgress()
    folder = place(checked.name)
    sources = open_sources(reuse, folder)
    known = kept_precision(checked, [*([folder] if resume else []), *sources])
    chosen = processes.of_first(precision_for(checked, known, progress))
    measured = not known and chosen == [BFLOAT16]
    changes += chosen
    if changes:
        checked = read_recipe(recipe, [*overrides, *changes], registry, kept)
    with open_cache(keep=keep_cache, limit=cache_limit) as cache:
        # Everything that can fail early fails here, before anything is written.
        shown, previews = shows_maps(checked.report), shows_previews(checked.report)

        def built(recipe: Recipe, *, measured: bool) -> tuple[Experiment, str, str]:
            """The experiment, its scorer with anomaly maps, and why a measured bfloat16 is not safe for it."""
            experiment = Experiment(recipe, dataset, folder, cache, progress, join(recipe.engine))
            experiment.datamodule.fingerprints()
            if processes.first:
                folder.check(resume=resume, overwrite=overwrite)
            pictured = previews or annotate
            try:
                maps = sanity_check(experiment, compared=needs.anomaly_maps, shown=shown, pictured=pictured)
            except ShapeError as error:
                if not measured or error.where != "engine.precision":
                    raise
                return experiment, "", error.what
            return experiment, maps, ""

        experiment, map_scorer, unsafe = built(checked, measured=measured)
        if measured and processes.any(bool(unsafe)):
            progress.message(f"precision: fp32, because {unsafe or 'another process cannot compute in bfloat16'}")
            changes = [*(change for change in changes if change != BFLOAT16), "engine.precision=fp32"]
            checked = read_recipe(recipe, [*overrides, *changes], registry, kept)
            experiment, map_scorer, _ = built(checked, measured=False)
        data = experiment.datamodule
        fingerprints = data.fingerprints()
        plan = plan_of(checked, dataset, cache)
        for line in (*plan.lines(checked), *(time_needed(checked, plan) if processes.count == 1 else ())):
            progress.message(line)
        with processes.in_turn():  # the first process decodes, and the others find the frames in the cache
            data.check(metrics=checked.evaluate.metrics, fps=needs.fps)
        reusable = reusable_stages(experiment.digests, fingerprints, sources)
        with folder.locked() if processes.first else nullcontext():
            if processes.first:
                folder.prepare(resume=resume, overwrite=overwrite)
                if sources and not folder.is_run:
                    copied = copy_stages(folder, run_recipe(checked, experiment.files), reusable)
                    progress.message(f"reused stages: {', '.join(copied) or 'none, for no stage would be the same'}")
                begin(folder, experiment, evaluation.protocol)
                record_data(folder, data, regions=needs.anomaly_maps)
            processes.wait([folder.recipe])
            experiment.train_model()
            experiment.fit_densities()
            keep = needs.anomaly_maps or shown or annotate
            scoring = Scoring(experiment, anomaly_maps=map_scorer, keep_maps=keep, previews=previews)
            scoring.held_out(synthetic=needs.synthetic)
            if processes.first:
                write_calibration(folder, evaluation)
            scoring.test_videos()
            if processes.first:
                end(folder, time.monotonic() - started)
                _evaluate_and_report(folder, checked, evaluation, data, form, annotate, progress)
            processes.wait()
    if experiment.files:
        return load_run(folder.path, registry)  # its recipe names the copies of the files
    return Run(folder.path, checked, _read_metrics(folder.path))


def _evaluate_and_report(
    folder: RunFolder,
    recipe: Recipe,
    evaluation: EvaluationConfig,
    data: DataModule,
    form: str,
    annotate: bool,
    progress: Progress,
) -> None:
    """Evaluate the score files, and write everything that a person reads."""
    result, clip = evaluate_run(folder, recipe, evaluation).result, recipe.data.clip
    folder.update_manifest(lambda manifest: replace(manifest, protocol=dict(result.protocol)))
    result = replace(result, read_frames=partial(read_frames, data.videos, data.file_frames))
    write_thumbnails(result, data.videos("test"), clip, folder.path)
    save_events(result, folder.path)
    write_frame_scores(result, folder.path, form)
    if annotate:
        write_annotated(result, data.videos("test"), clip, folder.path, progress)
    write_reports(result, recipe.report, folder.path, unseen=progress.message)


def clips(
    run: Run,
    video: str | NDArray[np.uint8],
    *,
    frames: tuple[int, int] | None = None,
    stride: int | None = None,
    data_root: str | Path | None = None,
) -> NDArray[np.float32]:
    """The windows of a video as a run's model sees them, (N, C, T, H, W) in [-1, 1].

    Args:
        run: a finished run.
        video: the name of a test or training video; or frames (F, H, W, C) uint8 of the clip's size.
        frames: only windows within this range of frames, such as (0, 100); default, the complete video.
        stride: frames between the starts of neighbouring windows; default, that of the recipe.
        data_root: the folder of the data set, or the folder that contains it; default `$VADKIT_DATA`.

    Raises:
        DataError: the video or the range does not exist.
    """
    from vadkit.engine.outputs import read_clips

    return read_clips(run.recipe, video, frames=frames, stride=stride, data_root=data_root)[1]


def _run_folder(out: str | Path | None, name: str) -> RunFolder:
    return RunFolder(Path(out) if out is not None else Path("runs") / name)


def load_run(folder: str | Path, registry: Registry | None = None) -> Run:
    """Open a finished run.

    Raises:
        DataError: the folder is not a run, or its metrics.json is damaged.
    """
    place = RunFolder(Path(folder))
    place.require_run()
    recipe = load(place.recipe, registry=registry or Registry.discover())
    return Run(place.path, recipe, _read_metrics(place.path))


def _read_metrics(folder: Path) -> dict[str, Any]:
    path = folder / "metrics.json"
    if not path.exists():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        fix = "write it again with 'vadkit eval'"
        raise DataError(f"is damaged: {error}", where=str(path), fix=fix) from error
