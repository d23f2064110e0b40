"""An empty clip passes through a built recipe: what does not fit is said before an hour is spent."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from vadkit.core.errors import ShapeError, VadkitError, closest, join_names
from vadkit.core.values import BottleneckOutput, ClipOutputs, LatentSpec
from vadkit.engine.experiment import Experiment
from vadkit.model.autoencoder import target_frames
from vadkit.model.pipeline import extract_features
from vadkit.model.training.device import check_bfloat16_gradients
from vadkit.plugin.sandbox import describe_error
from vadkit.recipe.build import build
from vadkit.recipe.model import Recipe


class NeedsValuesError(Exception):
    """Shapes alone do not pass: a misfit, or a component that works on numbers only.

    Which of them, an empty clip tells, in a process in which no component has kept a tensor without values.
    """


@torch.no_grad()
def dry_run(experiment: Experiment, *, compared: bool = False, shown: bool = False, values: bool = True) -> str:
    """Build the rest and pass an empty clip through: what does not fit is said before any training.

    Densities are left out, for some take their scale from the first samples that they see.

    Args:
        experiment: the built recipe.
        compared: a metric compares maps with masks, so that a scorer must give them.
        shown: a figure shows maps; the same.
        values: compute what the model gives. Without, shapes alone pass through model and features, which
            costs nothing at any size and finds what shapes can tell.

    Returns:
        The entry of `scores` whose maps are kept; empty if nothing reads them.

    Raises:
        ShapeError: a component gives another shape than it declares.
        NeedsValuesError: without `values`, shapes did not pass.
    """
    _build_rest(experiment.recipe)
    spec = experiment.clip
    out = _passed(experiment, torch.zeros(1, *spec.shape)) if values else _shapes_passed(experiment)
    for name, scorer in experiment.scorers.items():
        with _placed(f"scores.{name}"):
            given = scorer(out)
        _expect(f"scores.{name}", given, (1, spec.frames))
        _refuse_holes(f"scores.{name}", ~torch.isnan(given[0]), spec.step, experiment.recipe.engine.score_stride)
    bottleneck = experiment.autoencoder.bottleneck if experiment.autoencoder is not None else None
    if bottleneck is not None and bottleneck.stateful:
        with _placed("model.bottleneck"):
            bottleneck.update(out)
            bottleneck.reset()
    if compared and spec.resize != "stretch":
        fix = "set data.clip.resize: stretch, or leave such metrics out of evaluate.metrics"
        raise ShapeError("a metric compares maps with masks, which have no bars", where="data.clip", fix=fix)
    return _with_maps(experiment, out) if compared or shown else ""


def _passed(experiment: Experiment, clips: torch.Tensor) -> ClipOutputs:
    """What model and features give of clips (1, C, T, H, W), each as it declares."""
    spec, model = experiment.clip, experiment.autoencoder
    latents: Mapping[str, torch.Tensor] = {}
    passed, output = BottleneckOutput({}), None
    if model is not None:
        noise = check_bfloat16_gradients(model, experiment.fabric, experiment.recipe.engine.precision)
        with _placed("model"), noise:
            latents, passed, output = model.eval()(clips)
        _expect_latents("model.encoder", latents, model.encoder.latents)
        if model.bottleneck is not None:
            declared = model.bottleneck.latents
            handed_on = model.encoder.latents if declared is None else declared
            _expect_latents("model.bottleneck", passed.latents, handed_on)
    nll: dict[str, torch.Tensor] = {}
    for name, head in experiment.heads.items():
        assert isinstance(head.feature, nn.Module)
        with _placed(f"densities.{name}.feature"):
            samples = extract_features(head.feature.eval(), clips, latents, spec)
        _expect(f"densities.{name}.feature", samples, (1, head.feature.spec.samples, *head.feature.spec.shape))
        nll[name] = samples.new_zeros(samples.shape[:2])
    return ClipOutputs(spec, clips, target_frames(clips, spec), output, latents, nll, passed.scores)


def _shapes_passed(experiment: Experiment) -> ClipOutputs:
    """The same with random values: nothing is computed."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")  # tells of every misfit by a traceback of its own
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            out = _passed(experiment, torch.zeros(1, *experiment.clip.shape))
    except Exception as error:
        raise NeedsValuesError from error
    finally:
        logger.setLevel(level)
    drawn = torch.Generator().manual_seed(0)

    def drawn_like(given: torch.Tensor) -> torch.Tensor:
        return torch.rand(given.shape, generator=drawn).to(given.dtype)

    def each(given: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: drawn_like(tensor) for name, tensor in given.items()}

    output = drawn_like(out.output) if out.output is not None else None
    clips, target = drawn_like(out.clips), drawn_like(out.target)
    return ClipOutputs(out.spec, clips, target, output, each(out.latents), each(out.nll), each(out.scores))


def _with_maps(experiment: Experiment, out: ClipOutputs) -> str:
    wanted = experiment.recipe.evaluate.anomaly_maps
    given = [name for name, scorer in experiment.scorers.items() if scorer.anomaly_maps(out) is not None]
    if wanted in given:
        return wanted
    if wanted is None and given:
        return given[0]
    what = "no entry of 'scores' gives maps" if wanted is None else f"{wanted!r} is no entry of 'scores' with maps"
    what = f"a metric or a figure reads maps, and {what}"
    raise ShapeError(what, where="evaluate.anomaly_maps", fix=closest(wanted or "", given))


def _build_rest(recipe: Recipe) -> None:
    """Whatever is built only once it is needed, perhaps after hours."""
    plans = (recipe.model, *recipe.densities.values())
    fits = [plan.fit for plan in plans if plan is not None and plan.fit is not None]
    schedules = [fit.lr_scheduler for fit in fits if fit.lr_scheduler]
    critics = [recipe.model.critic] if recipe.model is not None and recipe.model.critic else []
    for chosen in (*(fit.optimizer for fit in fits), *critics, *schedules, *recipe.report):
        build(chosen)


@contextlib.contextmanager
def _placed(where: str) -> Iterator[None]:
    """Say which part of the recipe cannot take what it is given."""
    try:
        yield
    except VadkitError as error:
        error.where = error.where or where
        raise
    except Exception as error:  # a component may raise anything
        raise ShapeError(
            f"an empty clip does not pass: {describe_error(error)}",
            where=where,
            fix="mend its keys in the recipe, or data.clip; else it is a fault of the component",
        ) from error


def _refuse_holes(where: str, scored: torch.Tensor, step: int, stride: int) -> None:
    """Refuse a stride that leaves out frames between windows; `scored`: (T,) bool, which of a window's have a score."""
    if not bool(scored.any()):
        return  # an empty clip may have no score where others have
    reached = {int(place) * step % stride for place in scored.nonzero()}
    if len(reached) < stride:
        raise ShapeError(
            f"scores {int(scored.sum())} of a window's {len(scored)} frames: windows {stride} frames apart leave frames"
            " between them without a score",
            where=where,
            fix="set engine.score_stride: 1",
        )


def _expect_latents(where: str, given: Mapping[str, torch.Tensor], declared: Mapping[str, LatentSpec]) -> None:
    if set(given) != set(declared):
        what = f"gives the latents {join_names(sorted(given))}, but declares {join_names(sorted(declared))}"
        raise ShapeError(what, where=where, fix="a fault of the component")
    for name, latent in declared.items():
        _expect(f"{where}, latent {name}", given[name], (1, *latent.shape))


def _expect(where: str, given: object, shape: Sequence[int]) -> None:
    if not isinstance(given, torch.Tensor):
        what = f"gives {type(given).__name__}, not a tensor"
        raise ShapeError(what, where=where, fix="a fault of the component, which should return one")
    if tuple(given.shape) != tuple(shape):
        raise ShapeError(
            f"gives {tuple(given.shape)}, but declares {tuple(shape)}", where=where, fix="a fault of the component"
        )
