"""Size and speed of a recipe or a run, part by part: section 5.6 of the paper, for any system."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import nn

from vadkit.core.errors import VadkitError
from vadkit.core.progress import NoProgress, Progress
from vadkit.core.values import ClipSpec
from vadkit.engine.bench.flops import SCORES, count_flops, watched
from vadkit.engine.bench.memory import Peak
from vadkit.engine.bench.noise import fit_on_noise
from vadkit.engine.experiment import Experiment, without_videos
from vadkit.engine.export.clip_scorer import random_frames
from vadkit.engine.export.formats import Form, Runtime, form_of
from vadkit.engine.export.graph import capture
from vadkit.engine.parts import component_names, parts_of
from vadkit.engine.session import kept_precision, precision_for
from vadkit.model.inference.sliding_window import run_pipeline, score_outputs, update_state
from vadkit.model.pipeline import Pipeline
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.recipe.model import Recipe
from vadkit.store import environment as facts
from vadkit.store.run_folder import RunFolder, stage_digests
from vadkit.video.clips import to_clips

_SAMPLES, _NUMBERS = 16384, 2**26  # of noise that a density without gradients is fitted on, at most
_WHOLE = "in all"


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds a clip, over the passes."""

    least: float
    median: float
    most: float


@dataclass(frozen=True, slots=True)
class PartCost:
    """One part of the pipeline, or all of it.

    Attributes:
        name: "encoder", "features.static", "densities.static", "scores" (all of them), "in all".
        what: the components, as the recipe names them.
        parameters: weights.
        flops: floating-point operations of one clip; None if they cannot be counted.
        milliseconds: a clip; None if nothing was timed or the part does not run when scoring.
    """

    name: str
    what: str
    parameters: int
    flops: int | None
    milliseconds: Timing | None


@dataclass(frozen=True, slots=True)
class Bench:
    """What was measured, and the conditions of the measurement.

    Attributes:
        name: of the recipe.
        weights: the run folder that they are of; empty if untrained.
        clip: what one pass sees.
        stride: new frames of a video that a clip stands for, `engine.score_stride`.
        batch: clips of one pass.
        warmup: passes that were not timed.
        repeat: passes that were timed; 0 if parts were only counted.
        precision: fp32 or bf16.
        threads: of the CPU.
        device: cpu, or the GPU's name.
        host: the machine, without its name.
        commit: of vadkit; None if unknown.
        versions: of what the numbers depend on.
        noise: density that was fitted on noise -> samples that it was offered.
        parts: in the order in which they run.
        whole: the complete pass, with the time between the parts.
        exported: the complete pass in other runtimes, with the same clips and threads.
        peak_memory: bytes; None if nothing was timed or the system does not state it.
    """

    name: str
    weights: str
    clip: ClipSpec
    stride: int
    batch: int
    warmup: int
    repeat: int
    precision: str
    threads: int
    device: str
    host: dict[str, Any]
    commit: str | None
    versions: dict[str, str]
    noise: dict[str, int]
    parts: Sequence[PartCost]
    whole: PartCost
    exported: Sequence[PartCost]
    peak_memory: int | None

    def per_frame(self, part: PartCost) -> float | None:
        """Milliseconds a new frame, the median: a clip's, divided by the frames that it stands for."""
        return None if part.milliseconds is None else part.milliseconds.median / self.stride

    @property
    def frames_per_second(self) -> float | None:
        """New frames a second of the complete pass."""
        taken = self.per_frame(self.whole)
        return 1000 / taken if taken else None


def bench(
    target: str | Path,
    overrides: Sequence[str] = (),
    *,
    batch: int = 1,
    warmup: int = 2,
    repeat: int = 10,
    export: Sequence[str] = (),
    progress: Progress | None = None,
    registry: Registry | None = None,
) -> Bench:
    """Measure a recipe, untrained, or a run with its weights, on random clips; needs no data.

    Args:
        target: a recipe, by file or name, or a run folder.
        overrides: as `--set` takes them.
        batch: clips of one pass; 1 is a live stream, where the next window is not there yet.
        warmup: passes before the clock starts.
        repeat: passes that are timed; 0 times nothing.
        export: formats of `vadkit export`. The model is exported to each of them, and timed in turn with PyTorch.
        progress: receives progress.
        registry: default, all installed plugins.

    Raises:
        VadkitError: the recipe is wrong, the run is not finished, or the memory does not suffice.
    """
    path = Path(target)
    folder = RunFolder(path)
    registry = registry or Registry.discover()
    named = folder.recipe if folder.is_run else path
    recipe = read_recipe(named, overrides, registry)
    known = kept_precision(recipe, [folder])
    if precision := precision_for(recipe, known, progress or NoProgress()):
        recipe = read_recipe(named, [*overrides, *precision], registry)
    forms = {name: form_of(name, where="--export") for name in export}
    with _enough_memory():
        experiment = without_videos(recipe, folder if folder.is_run else RunFolder(Path()))
        noise: dict[str, int] = {}
        if folder.is_run:
            _load(experiment, folder, recipe, registry)
        else:
            noise = _fit_on_noise(experiment, timed=repeat > 0)
        pipeline = experiment.pipeline(folded=True)
        if pipeline.stateful and batch > 1:
            what = "scores depend on the order of frames, so that windows are scored one at a time"
            raise VadkitError(what, where="--batch", fix="leave it out")
        times: dict[str, list[float]] = {}
        device = experiment.compute.device
        runtimes = _exported(experiment, forms) if forms else {}
        peak = Peak(device)
        if repeat:
            times = _time(experiment, pipeline, runtimes, batch, warmup, repeat, progress or NoProgress())
    timings = {part: Timing(*(f(taken) / batch for f in (min, median, max))) for part, taken in times.items()}
    parts, whole = _parts(experiment, timings)
    exported = [PartCost(_run_by(form), "", 0, None, timings[name]) for name, form in forms.items() if name in timings]
    return Bench(
        name=recipe.name,
        weights=str(path) if folder.is_run else "",
        clip=recipe.data.clip,
        stride=recipe.engine.score_stride,
        batch=batch,
        warmup=warmup,
        repeat=repeat,
        precision=recipe.engine.precision,
        threads=torch.get_num_threads(),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        host=facts.host(),
        commit=facts.commit(),
        versions=facts.versions(),
        noise=noise,
        parts=parts,
        whole=whole,
        exported=exported,
        peak_memory=peak.read() if repeat else None,
    )


def _load(experiment: Experiment, folder: RunFolder, recipe: Recipe, registry: Registry) -> None:
    """The run's weights, under another precision too: that changes what is computed, not what was learned."""
    trained = read_recipe(folder.recipe, (), registry).tree
    experiment.digests = stage_digests({**recipe.tree, "engine": trained.get("engine")}, experiment.files)
    experiment.load_weights()


def _fit_on_noise(experiment: Experiment, *, timed: bool) -> dict[str, int]:
    """Prepare untrained densities to run; returns the densities with a cost that depends on the fit -> its samples."""
    found: dict[str, int] = {}
    device = experiment.compute.device
    for name, head in experiment.heads.items():
        by_gradients = experiment.recipe.densities[name].fit is not None
        if by_gradients and not timed:
            continue  # its size does not depend on a fit
        spec = head.feature.spec
        samples = 64 if by_gradients else max(64, min(_SAMPLES, _NUMBERS // spec.dimensions))
        fit_on_noise(device, head, samples)
        if not by_gradients:
            found[name] = samples
    return found


def _exported(experiment: Experiment, forms: Mapping[str, Form]) -> dict[str, Runtime]:
    """Export the experiment, without anomaly maps, which no pass of PyTorch computes: format -> its runtime."""
    if experiment.compute.device.type != "cpu":
        what = "exported models are measured on the CPU, but this machine's GPU is in use"
        raise VadkitError(what, where="--export", fix="add --set engine.accelerator=cpu")
    graph, runtimes = capture(experiment, maps=False), dict[str, Runtime]()
    with tempfile.TemporaryDirectory(prefix="vadkit-export-", ignore_cleanup_errors=True) as folder:
        for name, form in forms.items():
            form.write(graph, Path(folder) / form.file)
            runtimes[name] = form.open(Path(folder) / form.file, torch.get_num_threads())
    return runtimes


def _run_by(form: Form) -> str:
    return f"{_WHOLE}, {form.runtime}"


def _time(
    experiment: Experiment,
    pipeline: Pipeline,
    runtimes: Mapping[str, Runtime],
    batch: int,
    warmup: int,
    repeat: int,
    progress: Progress,
) -> dict[str, list[float]]:
    """Part, or format -> milliseconds of each pass, as scoring makes it: from clips in memory to scores in memory."""
    read, milliseconds = _clock(experiment.compute.device)
    times: dict[str, list[float]] = defaultdict(list)
    pipeline.reset()
    progress.begin("bench", warmup + repeat, unit="passes")
    for number in range(warmup + repeat):
        frames = random_frames(pipeline.clip, batch, seed=number)  # new: a feature may remember clips
        clips = to_clips(list(frames), pipeline.clip)
        with watched(pipeline, read) as seen:
            begun = read()
            out = run_pipeline(clips, pipeline, experiment.compute, where="random clips")
            between = read()
            score_outputs(out, experiment.scorers)
            ended = read()
            update_state(out, pipeline)
            whole = read()
        others: dict[str, tuple[Any, Any]] = {}
        for name, runtime in runtimes.items():
            started = read()
            runtime(frames)
            others[name] = started, read()
        if number >= warmup:
            for part, (one, other) in {**seen, SCORES: (between, ended), _WHOLE: (begun, whole), **others}.items():
                times[part].append(milliseconds(one, other))
        progress.advance(number + 1, amount=1)
    progress.end()
    return times


def _parts(experiment: Experiment, times: dict[str, Timing]) -> tuple[list[PartCost], PartCost]:
    recipe, pipeline = experiment.recipe, experiment.pipeline()
    counted = count_flops(pipeline, experiment.scorers)
    flops, total = counted or {}, sum(counted.values()) if counted is not None else None
    names = component_names(recipe)
    parts = [
        PartCost(part, names[part], _parameters(module), flops.get(part), times.get(part))
        for part, module in parts_of(pipeline).items()
    ]
    scorers = ", ".join(dict.fromkeys(one.component.name for one in recipe.scores.values()))
    parts.append(PartCost(SCORES, scorers, 0, flops.get(SCORES), times.get(SCORES)))
    return parts, PartCost(_WHOLE, "", sum(part.parameters for part in parts), total, times.get(_WHOLE))


def _parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _clock(device: torch.device) -> tuple[Callable[[], Any], Callable[[Any, Any], float]]:
    """A function that reads the time, and one for the milliseconds between two readings."""
    if device.type != "cuda":
        return time.perf_counter, lambda one, other: 1000 * (other - one)

    def mark() -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def between(one: torch.cuda.Event, other: torch.cuda.Event) -> float:
        other.synchronize()  # events are recorded in the stream: nothing waits while the parts run
        return one.elapsed_time(other)

    return mark, between


@contextlib.contextmanager
def _enough_memory() -> Iterator[None]:
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, torch.OutOfMemoryError | MemoryError) and "allocate memory" not in str(error):
            raise
        fix = "use a smaller --batch or data.clip.size"
        raise VadkitError("the memory does not suffice for it", where="vadkit bench", fix=fix) from error
