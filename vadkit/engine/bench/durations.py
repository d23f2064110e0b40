"""How long a recipe takes on this machine: a few steps on random clips, timed before the work starts."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from vadkit.core.progress import duration
from vadkit.core.values import BOXES
from vadkit.data.plan import Plan
from vadkit.engine.bench.noise import Noise, fit_on_noise
from vadkit.engine.building import DENSITY, build_losses
from vadkit.engine.experiment import Experiment, without_videos
from vadkit.engine.export.clip_scorer import random_frames
from vadkit.model.autoencoder import TrainingStep
from vadkit.model.inference.sliding_window import run_pipeline, score_outputs, update_state
from vadkit.model.pipeline import Head, extract_features, one_box
from vadkit.model.training.density_fit import GROUP, total_steps
from vadkit.recipe.model import Fit, Recipe
from vadkit.store.run_folder import RunFolder
from vadkit.video.clips import Batch, to_clips

SCORING = "scoring"
_SMALL = 500  # clips and windows; less work is not worth a measurement
_LONG = 1.0  # seconds; the time of a longer batch is estimated from one clip
_NOISE = 1024  # samples of noise that a density without gradients is fitted on
_WORTH_TELLING = 10.0  # seconds


def time_needed(recipe: Recipe, plan: Plan) -> list[str]:
    """How long the recipe will take on this machine, in lines for the user. None for short work.

    A component that fails here is not reported: the real step will fail in the same way, with its name.
    """
    with contextlib.suppress(Exception):
        return time_lines(durations(recipe, plan), recipe)
    return []


def durations(recipe: Recipe, plan: Plan) -> dict[str, float]:
    """Stage -> about how many seconds it will take on this machine: "model", "density.NAME", "scoring".

    A few steps with untrained weights on random clips are timed. The random state does not change. The time of a
    density includes its features, but not a fit without gradients. A small recipe is not measured: no entry.
    """
    fit = recipe.model.fit if recipe.model is not None else None
    trained = _steps(fit, plan.clips) * fit.step_size if fit is not None else 0
    if trained + plan.clips + plan.windows < _SMALL:
        return {}
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        experiment = without_videos(recipe, RunFolder(Path()))
        found = {"model": _training(experiment, fit, plan)} if fit is not None else {}
        for name, head in experiment.heads.items():
            found[DENSITY + name] = _density(experiment, head, recipe.densities[name].fit, plan)
        return found | {SCORING: _scoring(experiment, plan)}


def time_lines(seconds: Mapping[str, float], recipe: Recipe) -> list[str]:
    """The durations in words, and the keys that make them shorter; none if they are not worth a line."""
    total = sum(seconds.values())
    if total < _WORTH_TELLING:
        return []
    parts = ", ".join(f"{stage} {duration(each)}" for stage, each in seconds.items() if each >= total / 100)
    stride, hints = 2 * recipe.engine.score_stride, list[str]()
    fit = recipe.model.fit if recipe.model is not None else None
    if fit is not None and seconds["model"] >= total / 10:
        hints.append(f"a smaller model.fit.{'epochs' if fit.steps is None else 'steps'}")
    if stride <= recipe.data.clip.span and seconds[SCORING] >= total / 10:
        hints.append(f"engine.score_stride: {stride} (scoring {duration(seconds[SCORING] / 2)})")
    told = [f"time on this machine: about {duration(total)} ({parts})"]
    return [*told, f"this takes less time: {', '.join(hints)}"] if hints else told


def _steps(fit: Fit, items: int) -> int:
    return total_steps(fit, max(-(-items // fit.step_size), 1))


def _training(experiment: Experiment, fit: Fit, plan: Plan) -> float:
    recipe, model = experiment.recipe, experiment.autoencoder
    assert model is not None
    assert recipe.model is not None
    step = TrainingStep(model, build_losses(recipe, recipe.model)).to(experiment.compute.device).train()

    def once(count: int) -> None:
        clips = _clips(experiment, count)
        tags = {name: clips.new_zeros(count) for name in experiment.datamodule.augmenter.tags}
        with experiment.compute.autocast():
            losses = step(Batch(clips, tags))
        torch.stack([*losses.critics.values(), *losses.losses().values()]).sum().backward()
        step.zero_grad()

    seconds = _seconds(once, fit.batch_size) * fit.accumulate_grad_batches * _steps(fit, plan.clips)
    model.requires_grad_(False).eval()
    return seconds


def _density(experiment: Experiment, head: Head, fit: Fit | None, plan: Plan) -> float:
    """Seconds of the features of all training clips, and of the fit by gradients if there is one."""
    device, spec = experiment.compute.device, head.feature.spec
    assert isinstance(head.feature, nn.Module)
    head.to(device)
    head.feature.eval()

    @torch.no_grad()
    def read(count: int) -> None:
        clips, latents = _clips(experiment, count), {}
        with experiment.compute.autocast():
            if experiment.autoencoder is not None:
                latents = experiment.autoencoder.to(device).encode(clips)
            if (boxes := experiment.recipe.data.boxes) is not None:
                latents = {**latents, BOXES: one_box(experiment.clip, boxes.most, count).to(device)}
            extract_features(head.feature, clips, latents, experiment.clip)

    seconds = _seconds(read, GROUP) / GROUP * plan.clips
    fit_on_noise(experiment.compute.device, head, _NOISE if fit is None else 64)
    if fit is None:
        return seconds
    assert isinstance(head.density, nn.Module)
    density = head.density.train()

    def once(count: int) -> None:
        density(next(Noise(spec, count, device).batches(count))).mean().backward()
        density.zero_grad()

    samples = max(plan.clips * spec.samples * spec.places, 1)
    steps = total_steps(fit, max(samples // fit.step_size, 1))
    seconds += _seconds(once, min(fit.batch_size, samples)) * fit.accumulate_grad_batches * steps
    density.eval()
    return seconds


def _scoring(experiment: Experiment, plan: Plan) -> float:
    pipeline = experiment.pipeline(folded=True)
    boxes = experiment.recipe.data.boxes
    windows = plan.windows + plan.held_out_windows

    @torch.inference_mode()
    def once(count: int) -> None:
        given = None if boxes is None else one_box(experiment.clip, boxes.most, count)
        out = run_pipeline(_clips(experiment, count), pipeline, experiment.compute, where="random clips", boxes=given)
        score_outputs(out, experiment.scorers)
        update_state(out, pipeline)

    batch = 1 if pipeline.stateful else max(min(experiment.recipe.engine.score_batch, windows), 1)
    return _seconds(once, batch) / batch * windows


def _clips(experiment: Experiment, count: int) -> torch.Tensor:
    return to_clips(list(random_frames(experiment.clip, count)), experiment.clip).to(experiment.compute.device)


def _seconds(work: Callable[[int], None], size: int) -> float:
    """Seconds of a batch. If it would take long, the time of one clip is scaled."""
    try:
        few, seconds = 1, _clock(work, 1)
    except ValueError:  # batch norm over vectors needs two
        few, seconds = min(size, 2), _clock(work, min(size, 2))
    if seconds > _LONG:
        return seconds / few * size
    seconds = min(_clock(work, few) for _ in range(2))  # the first call prepares kernels
    if few == size or seconds / few * size > _LONG:
        return seconds / few * size
    work(size)
    return min(_clock(work, size) for _ in range(2))


def _clock(work: Callable[[int], None], size: int) -> float:
    began = time.perf_counter()
    work(size)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began
