"""Passes clips through a built recipe, so that misfits are found before training."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from vadkit.core.errors import ShapeError, VadkitError, class_of, closest, join_names
from vadkit.core.values import BOXES, BottleneckOutput, ClipOutputs, FeatureSpec, LatentSpec, Samples
from vadkit.engine.building import build_losses
from vadkit.engine.experiment import Experiment
from vadkit.model.autoencoder import TrainingStep, check_loss, loss_place, target_frames
from vadkit.model.pipeline import extract_features, one_box
from vadkit.model.training.checkpoint import read_initial
from vadkit.model.training.precision import check_bfloat16_gradients, check_bfloat16_layers
from vadkit.plugin.sandbox import describe_error
from vadkit.recipe.build import build
from vadkit.recipe.model import Recipe
from vadkit.video.clips import Batch


class NeedsValuesError(Exception):
    """Shapes without values did not pass: a misfit, or a component that needs values.

    An empty clip with values decides which. It needs a fresh process: here, a component may have kept a tensor
    without values.
    """


@torch.no_grad()
def sanity_check(
    experiment: Experiment,
    *,
    compared: bool = False,
    shown: bool = False,
    pictured: bool = False,
    values: bool = True,
) -> str:
    """Build the remaining components and pass an empty clip through model and features.

    Losses and scorers get random values of the same shapes. Densities are left out: some take their scale
    from the first samples that they see.

    Args:
        experiment: the built recipe.
        compared: whether a metric compares anomaly maps with masks, so that a scorer must give maps.
        shown: whether a figure shows anomaly maps; a scorer must give maps too.
        pictured: whether previews show anomaly maps, if a scorer gives them.
        values: compute the model's outputs. False passes only shapes through model and features: fast at any size.

    Returns:
        The scorer that gives anomaly maps; empty if nothing reads them, or none gives them for previews.

    Raises:
        ShapeError: a component returns another shape than it declares, or values that are not finite.
        CheckpointError: the weights of another run, from which a stage starts, are damaged or do not fit.
        NeedsValuesError: `values` is False, and the shapes did not pass.
    """
    _build_rest(experiment.recipe)
    _check_initial(experiment)
    spec = experiment.clip
    passed = _passed(experiment, torch.zeros(1, *spec.shape)) if values else _shapes_passed(experiment)
    _check_losses(experiment, _drawn(passed, 2))
    out = _drawn(passed, 1)
    if not values:
        _check_features(experiment, out)
    for name, scorer in experiment.scorers.items():
        with _named(f"scores.{name}"):
            given = scorer(out)
        _expect(f"scores.{name}", given, (1, spec.frames))
        what = f"the scorer {class_of(scorer)} gives"
        _refuse(f"scores.{name}", given.isinf().any(), f"{what} infinite scores for random values")
        _refuse(f"scores.{name}", given.isnan().all(), f"{what} no score (NaN) to any frame, for random values")
        _refuse_holes(f"scores.{name}", ~torch.isnan(given[0]), spec.step, experiment.recipe.engine.score_stride)
    bottleneck = experiment.autoencoder.bottleneck if experiment.autoencoder is not None else None
    if bottleneck is not None and bottleneck.stateful:
        with _named("model.bottleneck"):
            bottleneck.update(out)
            bottleneck.reset()
    if compared and spec.resize != "stretch":
        what = "a metric compares anomaly maps with masks, but only letterboxed frames have bars"
        fix = "set data.clip.resize: stretch, or remove such metrics from evaluate.metrics"
        raise ShapeError(what, where="data.clip", fix=fix)
    if experiment.autoencoder is not None and experiment.compute.bfloat16:
        check_bfloat16_layers(experiment.autoencoder, spec.shape, experiment.compute.device)
        _check_runs_in_bfloat16(experiment)
    return _with_maps(experiment, out, needed=compared or shown) if compared or shown or pictured else ""


def _passed(experiment: Experiment, clips: torch.Tensor) -> ClipOutputs:
    """Outputs of model and features for clips (1, C, T, H, W), with their declared shapes."""
    spec, model = experiment.clip, experiment.autoencoder
    latents: Mapping[str, torch.Tensor] = {}
    passed, output = BottleneckOutput({}), None
    if model is not None:
        trained = check_bfloat16_gradients(model, experiment.compute)
        with _named("model"), trained if model.decoder is not None else contextlib.nullcontext():
            latents, passed, output = model.eval()(clips)
        _expect_latents("model.encoder", latents, model.encoder.latents)
        if model.bottleneck is not None:
            declared = model.bottleneck.latents
            handed_on = model.encoder.latents if declared is None else declared
            _expect_latents("model.bottleneck", passed.latents, handed_on)
        parts = [("model.encoder", model.encoder, latents), ("model.bottleneck", model.bottleneck, passed.latents)]
        parts += [("model.decoder", model.decoder, {} if output is None else {"": output})]
        for where, part, tensors in parts:
            for tensor in tensors.values():
                if not isinstance(tensor, FakeTensor):
                    _refuse_not_finite(where, part, tensor, "an empty clip")
    if (boxes := experiment.recipe.data.boxes) is not None:
        latents = {**latents, BOXES: one_box(spec, boxes.most, 1)}
    nll: dict[str, torch.Tensor] = {}
    nll_maps: dict[str, torch.Tensor] = {}
    for name, head in experiment.heads.items():
        assert isinstance(head.feature, nn.Module)
        where, feature = f"densities.{name}.feature", head.feature.spec
        with _named(where):
            samples = extract_features(head.feature.eval(), clips, latents, spec)  # pyright: ignore
        if isinstance(samples, Samples):
            _expect(f"{where}, present", samples.present, (1, *feature.axes))
            samples = samples.values
        _expect(where, samples, (1, *feature.axes, *feature.shape))
        if not isinstance(samples, FakeTensor):
            _refuse_not_finite(where, head.feature, samples, "an empty clip")
        _check_frames(where, feature, spec.input_frames)
        nll[name] = samples.new_zeros(1, *feature.axes)
        if head.gives_maps:
            nll_maps[name] = samples.new_zeros(1, *feature.axes, *feature.shape[1:])
    features = {name: head.feature.spec for name, head in experiment.heads.items()}
    return ClipOutputs(
        spec, clips, target_frames(clips, spec), output, latents, nll, passed.scores, nll_maps, features=features
    )


def _check_runs_in_bfloat16(experiment: Experiment) -> None:
    """Pass a clip through the model and its losses as the training does, without gradients."""
    model, plan = experiment.autoencoder, experiment.recipe.model
    assert model is not None
    assert plan is not None
    if plan.fit is None:
        return
    device = experiment.compute.device
    step = TrainingStep(model, build_losses(experiment.recipe, plan)).to(device).eval()
    clips = torch.rand(2, *experiment.clip.shape, generator=torch.Generator().manual_seed(0)).to(device) * 2 - 1
    tags = {name: clips.new_zeros(2) for name in experiment.datamodule.augmenter.tags}
    try:
        with experiment.compute.autocast():
            step(Batch(clips, tags)).losses()
    except Exception as error:
        what = f"the model or a loss does not run in bfloat16: {describe_error(error)}"
        raise ShapeError(what, where="engine.precision", fix="set engine.precision: fp32") from error
    finally:
        step.cpu()


def _check_frames(where: str, feature: FeatureSpec, frames: int) -> None:
    """Check that every step of a feature describes input frames."""
    ranges = feature.frames
    if ranges is None and frames % feature.samples:
        what = f"declares {feature.samples} steps, which do not divide the {frames} input frames of a clip"
        raise ShapeError(what, where=where, fix="set FeatureSpec.frames in the component")
    if ranges is not None and (len(ranges) != feature.samples or not all(0 <= a < b <= frames for a, b in ranges)):
        what = f"declares the frames {ranges} for {feature.samples} steps of a clip with {frames} input frames"
        raise ShapeError(what, where=where, fix="correct FeatureSpec.frames in the component")


def _shapes_passed(experiment: Experiment) -> ClipOutputs:
    """Outputs without values; nothing is computed."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")  # logs a traceback for every misfit
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            return _passed(experiment, torch.zeros(1, *experiment.clip.shape))
    except Exception as error:
        raise NeedsValuesError from error
    finally:
        logger.setLevel(level)


def _drawn(out: ClipOutputs, batch: int) -> ClipOutputs:
    """Random values with the shapes of the outputs of one clip, for a batch of clips."""
    drawn = torch.Generator().manual_seed(0)

    def drawn_like(given: torch.Tensor) -> torch.Tensor:
        return torch.rand((batch, *given.shape[1:]), generator=drawn).to(given.dtype)

    def each(given: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: drawn_like(tensor) for name, tensor in given.items()}

    output = drawn_like(out.output) if out.output is not None else None
    clips, target = drawn_like(out.clips), drawn_like(out.target)
    latents, scores, nll, maps = each(out.latents), each(out.scores), each(out.nll), each(out.nll_maps)
    return ClipOutputs(out.spec, clips, target, output, latents, nll, scores, maps, features=out.features)


def _check_losses(experiment: Experiment, out: ClipOutputs) -> None:
    """Check that each loss of a trained model is one finite number from which the model can learn."""
    plan = experiment.recipe.model
    if plan is None or out.output is None:
        return
    tags = {name: torch.tensor([1.0, 0.0]) for name in experiment.datamodule.augmenter.tags}
    for number, (name, _, loss) in enumerate(build_losses(experiment.recipe, plan)):
        where, given = loss_place(number, name), replace(_learnable(out), tags=tags)
        with _named(where, "random clips do not pass"), torch.enable_grad():
            value = check_loss(where, loss(given))  # pyright: ignore[reportCallIssue]
            critic = loss.critic(replace(out, tags=tags))  # pyright: ignore[reportCallIssue]
        if critic is not None:
            check_loss(f"{where}, 'critic'", critic)
        if not loss.tags and not value.requires_grad:
            what = f"the loss {class_of(loss)} has no gradient, so that the model cannot learn from it"
            raise ShapeError(what, where=where, fix="do not detach what it computes from the model's outputs")
        _refuse_not_finite(where, loss, value, "random clips")
        if value.requires_grad:
            value.backward()
            assert given.output is not None
            if given.output.grad is not None:
                _refuse_not_finite(where, loss, given.output.grad, "random clips: the gradient for the model's output")


def _learnable(out: ClipOutputs) -> ClipOutputs:
    """The same outputs with gradients, as from a model in training."""

    def each(given: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: one.requires_grad_() if one.is_floating_point() else one for name, one in given.items()}

    assert out.output is not None
    return replace(out, output=out.output.requires_grad_(), latents=each(out.latents), scores=each(out.scores))


def _check_features(experiment: Experiment, out: ClipOutputs) -> None:
    """Check that the features of random clips and latents are finite."""
    for name, head in experiment.heads.items():
        where = f"densities.{name}.feature"
        try:
            samples = extract_features(head.feature, out.clips, out.latents, experiment.clip)
        except Exception as error:  # it may have kept a tensor without values
            raise NeedsValuesError from error
        found = samples.values[samples.present] if isinstance(samples, Samples) else samples
        _refuse_not_finite(where, head.feature, found, "a random clip")


def _refuse_not_finite(where: str, part: object, values: torch.Tensor, given: str) -> None:
    what = f"{class_of(part)} gives values that are not finite, for {given}"
    _refuse(where, torch.isfinite(values).all().logical_not(), what)


def _refuse(where: str, wrong: torch.Tensor, what: str) -> None:
    if bool(wrong):
        fix = "correct the component: keep logarithms, roots and divisions away from 0"
        raise ShapeError(what, where=where, fix=fix)


def _with_maps(experiment: Experiment, out: ClipOutputs, *, needed: bool) -> str:
    wanted = experiment.recipe.evaluate.anomaly_maps
    given = [name for name, scorer in experiment.scorers.items() if scorer.anomaly_maps(out) is not None]
    if wanted in given:
        return wanted
    if wanted is None and given:
        return given[0]
    if not needed:
        return ""
    what = "no scorer gives maps" if wanted is None else f"the scorer {wanted!r} gives none"
    what = f"a metric or a figure reads anomaly maps, but {what}"
    raise ShapeError(what, where="evaluate.anomaly_maps", fix=closest(wanted or "", given))


def _build_rest(recipe: Recipe) -> None:
    """Build the components that a run builds late, perhaps after hours."""
    plans = (recipe.model, *recipe.densities.values())
    fits = [plan.fit for plan in plans if plan is not None and plan.fit is not None]
    schedules = [fit.lr_scheduler for fit in fits if fit.lr_scheduler]
    critics = [recipe.model.critic] if recipe.model is not None and recipe.model.critic else []
    for chosen in (*(fit.optimizer for fit in fits), *critics, *schedules, *recipe.report):
        build(chosen)


def _check_initial(experiment: Experiment) -> None:
    """Read the weights of other runs, from which stages start."""
    stages = [("model", experiment.autoencoder, experiment.recipe.model)]
    stages += [
        (f"densities.{name}", head, experiment.recipe.densities[name]) for name, head in experiment.heads.items()
    ]
    for where, module, plan in stages:
        if module is not None and plan is not None and plan.fit is not None and plan.fit.init is not None:
            read_initial(plan.fit.init, module, where=f"{where}.fit.init")


@contextlib.contextmanager
def _named(where: str, what: str = "an empty clip does not pass") -> Iterator[None]:
    """Name the part of the recipe in errors."""
    try:
        yield
    except VadkitError as error:
        error.where = error.where or where
        raise
    except Exception as error:  # a component may raise anything
        raise ShapeError(
            f"{what}: {describe_error(error)}",
            where=where,
            fix="correct its keys in the recipe, or data.clip; otherwise the component has a fault",
        ) from error


def _refuse_holes(where: str, scored: torch.Tensor, step: int, stride: int) -> None:
    """Refuse a stride that leaves frames without a score; `scored` (T,) bool: frames of a window with a score."""
    if not bool(scored.any()):
        return  # other clips may have scores
    reached = {int(place) * step % stride for place in scored.nonzero()}
    if len(reached) < stride:
        raise ShapeError(
            f"scores {int(scored.sum())} of the {len(scored)} frames of a window: with windows {stride} frames apart, "
            "some frames have no score",
            where=where,
            fix="set engine.score_stride: 1",
        )


def _expect_latents(where: str, given: Mapping[str, torch.Tensor], declared: Mapping[str, LatentSpec]) -> None:
    if set(given) != set(declared):
        what = f"returns the latents {join_names(sorted(given))}, but declares {join_names(sorted(declared))}"
        raise ShapeError(what, where=where, fix="correct the component")
    for name, latent in declared.items():
        _expect(f"{where}, latent {name}", given[name], (1, *latent.shape))


def _expect(where: str, given: object, shape: Sequence[int]) -> None:
    if not isinstance(given, torch.Tensor):
        what = f"returns {type(given).__name__}, not a tensor"
        raise ShapeError(what, where=where, fix="correct the component: it must return a tensor")
    if tuple(given.shape) != tuple(shape):
        raise ShapeError(
            f"returns {tuple(given.shape)}, but declares {tuple(shape)}", where=where, fix="correct the component"
        )
