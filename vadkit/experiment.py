"""One recipe, built: its data, model, densities and scorers, and the stages that train and score them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from vadkit.contracts import Dataset, DensityModel, Feature, Loss, Scorer
from vadkit.errors import DataError, ShapeError, VadkitError, closest, listed
from vadkit.folder import RunFolder, stage_digests
from vadkit.footage import Footage
from vadkit.model.autoencoder import Autoencoder, TrainingStep, target_of
from vadkit.model.cost import count_flops
from vadkit.model.pipeline import Pipeline, features_of
from vadkit.monitor import Monitor
from vadkit.recipe.build import build
from vadkit.recipe.model import Model, Recipe
from vadkit.score.collect import calibrate, score_video
from vadkit.score.store import (
    Places,
    map_file,
    read_places,
    read_score,
    score_file,
    write_labels,
    write_places,
    write_scores,
)
from vadkit.score.synthetic import synthesize
from vadkit.train.checkpoint import Checkpoints
from vadkit.train.device import derive, refusing_noise, start
from vadkit.train.fitting import EncodedClips, Fitting, steps_of
from vadkit.train.log import Log
from vadkit.train.loop import Schooling, Trainer
from vadkit.values import BottleneckOutput, ClipOutputs, Labels, LatentSpec, VideoRef
from vadkit.video.cache import FrameCache, Frames
from vadkit.video.clips import window_count

DENSITY = "density."  # stage names: model, density.NAME, scores


@dataclass(frozen=True, slots=True)
class Head:
    """A density and the feature that it sees."""

    feature: Feature
    density: DensityModel


class Experiment:
    """The built recipe. Constructing it builds and so checks everything but reads no video.

    Args:
        recipe: checked.
        dataset: built with its root.
        folder: where the run lives.
        cache: decoded frames.
        monitor: is told of progress.

    Raises:
        ShapeError: two components do not fit together.
    """

    def __init__(
        self, recipe: Recipe, dataset: Dataset, folder: RunFolder, cache: FrameCache, monitor: Monitor
    ) -> None:
        self.recipe, self.folder, self.monitor = recipe, folder, monitor
        self.footage = Footage(recipe.data, recipe.seed, dataset, cache, monitor)
        self.clip = recipe.data.clip
        self.digests = stage_digests(recipe.tree)
        self.checkpoints = Checkpoints(folder.checkpoints, recipe.name)
        self.fabric: Fabric = start(recipe.engine)
        self.autoencoder = _build_autoencoder(recipe)
        latents = self.autoencoder.encoder.latents if self.autoencoder else {}
        self.heads: dict[str, Head] = {}
        for name, entry in recipe.densities.items():
            torch.manual_seed(derive(recipe.seed, DENSITY + name))
            feature: Feature = build(entry.feature, self.clip, latents)
            self.heads[name] = Head(feature, build(entry.density, feature.spec))
            if entry.fit is None and self.heads[name].density.needs_fit:
                raise VadkitError(
                    "this density is trained by gradients, and nothing says how",
                    where=f"densities.{name}",
                    fix="add to it, for example, fit: {epochs: 20, batch_size: 8, optimizer: {use: adam, lr: 1e-4}}",
                )
        self.scorers: dict[str, Scorer] = {name: build(chosen) for name, chosen in recipe.scores.items()}
        self.map_scorer = ""
        self._check_scorers()

    def _check_scorers(self) -> None:
        for name, scorer in self.scorers.items():
            for wanted in scorer.densities():
                if wanted not in self.heads:
                    raise ShapeError(
                        f"there is no density {wanted!r}", where=f"scores.{name}", fix=closest(wanted, self.heads)
                    )
            if scorer.uses_output and self.autoencoder is None:
                raise ShapeError("needs an autoencoder", where=f"scores.{name}", fix="add 'model:' to the recipe")

    @property
    def order_dependent(self) -> str:
        """Why scores depend on the order of a video's frames; empty if they do not."""
        bottleneck = self.autoencoder.bottleneck if self.autoencoder is not None else None
        return bottleneck.order_dependent if bottleneck is not None else ""

    @cached_property
    def trainer(self) -> Trainer:
        """The one training loop, in this run's folder."""
        return Trainer(self.fabric, self.checkpoints, Log(self.folder.log), self.monitor, self.recipe.seed)

    @torch.no_grad()
    def rehearse(self, *, compared: bool = False, shown: bool = False) -> None:
        """Build the rest and pass an empty clip through: what does not fit is said before any training.

        Densities are left out, for some take their scale from the first samples that they see.

        Args:
            compared: a metric compares maps with masks, so that a scorer must give them; `map_scorer` says which then.
            shown: a figure shows maps; the same.

        Raises:
            ShapeError: a component gives another shape than it declares.
        """
        _build_rest(self.recipe)
        spec = self.clip
        clips = torch.zeros(1, spec.channels, spec.frames, spec.height, spec.width)
        latents: Mapping[str, torch.Tensor] = {}
        passed, output = BottleneckOutput({}), None
        if self.autoencoder is not None:
            noise = refusing_noise(self.autoencoder, self.fabric, self.recipe.engine.precision)
            with _placed("model"), noise:
                latents, passed, output = self.autoencoder.eval()(clips)
            _expect_latents("model.encoder", latents, self.autoencoder.encoder.latents)
            if self.autoencoder.bottleneck is not None:
                _expect_latents("model.bottleneck", passed.latents, _handed_on(self.autoencoder))
        nll: dict[str, torch.Tensor] = {}
        for name, head in self.heads.items():
            assert isinstance(head.feature, nn.Module)
            with _placed(f"densities.{name}.feature"):
                samples = features_of(head.feature.eval(), clips, latents, spec)
            _expect(f"densities.{name}.feature", samples, (1, head.feature.spec.samples, *head.feature.spec.shape))
            nll[name] = samples.new_zeros(samples.shape[:2])
        out = ClipOutputs(spec, clips, target_of(clips, spec), output, latents, nll, passed.scores)
        for name, scorer in self.scorers.items():
            with _placed(f"scores.{name}"):
                given = scorer(out)
            _expect(f"scores.{name}", given, (1, spec.frames))
            _refuse_holes(f"scores.{name}", ~torch.isnan(given[0]), spec.step, self.recipe.engine.score_stride)
        if self.order_dependent:
            assert self.autoencoder is not None
            assert self.autoencoder.bottleneck is not None
            with _placed("model.bottleneck"):
                self.autoencoder.bottleneck.observe(out)
                self.autoencoder.bottleneck.reset()
        if compared and spec.resize != "stretch":
            fix = "set data.clip.resize: stretch, or leave such metrics out of evaluate.metrics"
            raise ShapeError("a metric compares maps with masks, which have no bars", where="data.clip", fix=fix)
        if compared or shown:
            self.map_scorer = self._with_maps(out)

    def _with_maps(self, out: ClipOutputs) -> str:
        wanted = self.recipe.evaluate.maps
        given = [name for name, scorer in self.scorers.items() if scorer.maps(out) is not None]
        if wanted in given:
            return wanted
        if wanted is None and given:
            return given[0]
        what = "no entry of 'scores' gives maps" if wanted is None else f"{wanted!r} is no entry of 'scores' with maps"
        what = f"a metric or a figure reads maps, and {what}"
        raise ShapeError(what, where="evaluate.maps", fix=closest(wanted or "", given))

    def train_model(self) -> None:
        """Step one: the autoencoder on normal clips."""
        model, plan = self.autoencoder, self.recipe.model
        if model is None or plan is None or self._load("model", model):
            return
        step = TrainingStep(model, _build_losses(self.recipe, plan))
        clips = self.footage.training_clips
        per_epoch = -(-len(clips) // plan.fit.batch_size)
        began = time.monotonic()
        self.trainer.minimise(
            Schooling(
                stage="model",
                digest=self.digests["model"],
                module=step,
                critics=tuple(p for p in step.losses.parameters() if p.requires_grad),
                batches=lambda epoch, position: clips.batches(
                    plan.fit.batch_size,
                    seed=derive(self.recipe.seed, "clips"),
                    epoch=epoch,
                    start=position,
                    ahead=self.fabric.device.type != "cpu",  # there this thread has nothing else to do
                ),
                per_epoch=per_epoch,
                steps=steps_of(plan.fit, per_epoch),
                optimizer=build(plan.fit.optimizer),
                schedule=build(plan.fit.schedule) if plan.fit.schedule else None,
                warmup=plan.fit.warmup,
                clip_gradients=plan.fit.clip_gradients,
                critic_optimizer=build(plan.critic) if plan.critic else None,
            )
        )
        self._finish("model", model, began)

    def fit_densities(self) -> None:
        """Step two: each density on what the frozen encoder gives of normal clips."""
        for name, head in self.heads.items():
            stage, module = DENSITY + name, head.density
            assert isinstance(module, nn.Module)
            if self._load(stage, module):
                continue
            if self.autoencoder is not None:
                self.autoencoder.to(self.fabric.device)
            module.to(self.fabric.device)
            assert isinstance(head.feature, nn.Module)
            head.feature.to(self.fabric.device).requires_grad_(False).eval()
            fit = self.recipe.densities[name].fit
            clips, seed = self.footage.training_clips, derive(self.recipe.seed, stage)
            features = EncodedClips(clips, head.feature, self.autoencoder, self.fabric, seed)
            torch.manual_seed(derive(self.recipe.seed, f"fit/{stage}"))
            self.monitor.message(f"{stage}: reads the features of {len(clips)} training clips")
            began = time.monotonic()
            head.density.fit(
                features,
                Fitting(
                    trainer=self.trainer,
                    stage=stage,
                    digest=self.digests[stage],
                    fit=fit,
                    optimizer=build(fit.optimizer) if fit else None,
                    schedule=build(fit.schedule) if fit and fit.schedule else None,
                    seed=derive(self.recipe.seed, f"fit/{stage}"),
                ),
            )
            self._finish(stage, module, began)

    def score(self) -> None:
        """Score every test video that has no score file of this recipe yet."""
        videos, frames = self.footage.videos("test"), self.footage.frames
        self._score_videos("score test", self.folder.scores, videos, frames, maps=self.map_scorer)
        self.folder.update_manifest(flops=count_flops(self.pipeline(), self.scorers))

    def score_held_out(self, *, synthetic: bool) -> None:
        """Score the normal videos that were held out, and, if wanted, the same with anomalies put in.

        Test videos are not touched: what these scores set, scale and threshold and weights, knows
        nothing of them.
        """
        held_out = self.footage.held_out
        if not held_out:
            return
        self._score_videos("score held out", self.folder.held_out, held_out, self.footage.frames)
        self.folder.update_manifest(data={"held out": [video.name for video in held_out]})
        if not synthetic:
            return
        random = np.random.default_rng(derive(self.recipe.seed, "synthetic"))
        donors = [self.footage.frames(video) for video in held_out]
        truth: dict[str, Labels] = {}

        def altered(video: VideoRef) -> Frames:
            frames, labels = synthesize(
                np.asarray(self.footage.frames(video)), donors, length=2 * self.clip.span, random=random
            )
            truth[video.name] = Labels(labels, source="synthetic anomalies")
            return frames

        self._score_videos("score synthetic", self.folder.synthetic, held_out, altered)
        write_labels(self.folder.synthetic / "labels" / "labels.npz", truth)

    def _score_videos(
        self,
        stage: str,
        folder: Path,
        videos: Sequence[VideoRef],
        frames_of: Callable[[VideoRef], Frames],
        *,
        maps: str = "",
    ) -> None:
        """Score videos, one in memory at a time; `frames_of` is asked for each, once and in order."""
        pipeline, engine, short = self.pipeline(), self.recipe.engine, self.recipe.data.short
        lengths = {video.name: len(self.footage.frames(video)) for video in videos}
        windows = {
            name: window_count(frames, self.clip, engine.score_stride, video=name, short=short)
            for name, frames in lengths.items()
        }
        missing = {name for name, frames in lengths.items() if not self._scored(folder, name, frames, maps)}
        places = self._places(pipeline) if missing else None
        began, done = time.monotonic(), 0  # what was calibrated is not scoring: vadkit compare gives frames a second
        self.monitor.begin(stage, sum(windows.values()), unit="windows")
        for video in videos:
            frames = frames_of(video)
            if video.name in missing:
                scores = score_video(
                    video, frames, pipeline, self.scorers, self.fabric,
                    batch=engine.score_batch, stride=engine.score_stride, monitor=self.monitor, done=done,
                    places=places, maps=maps, short=short,
                )  # fmt: skip
                write_scores(folder, scores, maps=maps)
            done += windows[video.name]
            self.monitor.advance(done)
        self.monitor.end()
        if len(missing) == len(videos):  # else it would say how long a part took
            self.folder.update_manifest(seconds={stage: round(time.monotonic() - began, 2)})

    def _places(self, pipeline: Pipeline) -> Mapping[str, Places] | None:
        """What calibrated windows are standardised with; measured once, and kept with the weights."""
        if self.recipe.engine.score_overlap != "calibrated":
            return None
        kept = read_places(self.folder.places, self.digests["scores"])
        if kept is not None:
            return kept
        places = calibrate(
            self.footage.training_clips, pipeline, self.scorers, self.fabric,
            batch=self.recipe.engine.score_batch, monitor=self.monitor,
        )  # fmt: skip
        write_places(self.folder.places, self.digests["scores"], places)
        return places

    def stored_places(self) -> Mapping[str, Places] | None:
        """What calibrated windows were standardised with when the run was scored; None where the recipe does not ask.

        Raises:
            DataError: it is missing.
        """
        if self.recipe.engine.score_overlap != "calibrated":
            return None
        kept = read_places(self.folder.places, self.digests["scores"])
        if kept is None:
            where, fix = str(self.folder.places), "score the run again with 'vadkit run --resume'"
            raise DataError("is missing, or of another recipe", where=where, fix=fix)
        return kept

    def pipeline(self) -> Pipeline:
        """Everything that scoring runs, frozen, on the device."""
        heads = {name: (head.feature, head.density) for name, head in self.heads.items()}
        decode = any(scorer.uses_output for scorer in self.scorers.values())
        return Pipeline(self.clip, self.autoencoder, heads, decode=decode).to(self.fabric.device)

    def dimensions(self) -> dict[str, int]:
        """Score -> numbers in what its likelihoods are of: what bits per dimension divide by."""
        return {
            name: sum(self.heads[density].feature.spec.dimensions for density in scorer.densities())
            for name, scorer in self.scorers.items()
            if scorer.nats
        }

    def parameters(self) -> dict[str, int]:
        """Stage -> parameters of what it trains."""
        return {
            stage: sum(parameter.numel() for parameter in module.parameters())
            for stage, module in self._modules().items()
        }

    def _modules(self) -> dict[str, Any]:
        """Stage -> what it trains."""
        modules: dict[str, Any] = {"model": self.autoencoder} if self.autoencoder else {}
        return modules | {DENSITY + name: head.density for name, head in self.heads.items()}

    def load_weights(self) -> None:
        """Load every finished stage.

        Raises:
            DataError: a stage is not finished.
        """
        for stage, module in self._modules().items():
            if not self.checkpoints.load(stage, module, self.digests[stage]):
                raise DataError(
                    f"stage {stage} is not finished",
                    where=str(self.folder.path),
                    fix="go on with 'vadkit run --resume'",
                )

    def _load(self, stage: str, module: nn.Module) -> bool:
        loaded = self.checkpoints.load(stage, module, self.digests[stage])
        if loaded:
            self.monitor.message(f"{stage}: already trained")
        return loaded

    def _finish(self, stage: str, module: nn.Module, began: float) -> None:
        self.checkpoints.save(stage, module, self.digests[stage])
        seconds = round(time.monotonic() - began, 2)
        self.folder.update_manifest(seconds={stage: seconds}, parameters={stage: self.parameters()[stage]})

    def _scored(self, folder: Path, name: str, frames: int, maps: str) -> bool:
        path = score_file(folder, name)
        if not path.exists() or (maps and not map_file(folder, maps, name).exists()):
            return False
        try:
            found = read_score(path)
        except DataError:
            return False  # cut short by a kill of an older version; score it again
        return set(found.components) == set(self.scorers) and len(found.coverage) == frames


def _build_autoencoder(recipe: Recipe) -> Autoencoder | None:
    if recipe.model is None:
        return None
    torch.manual_seed(derive(recipe.seed, "model"))
    clip = recipe.data.clip
    encoder = build(recipe.model.encoder, clip)
    bottleneck = build(recipe.model.bottleneck, encoder.latents) if recipe.model.bottleneck else None
    declared = bottleneck.latents if bottleneck is not None else None
    decoder = build(recipe.model.decoder, encoder.latents if declared is None else declared, clip)
    losses = _build_losses(recipe, recipe.model)  # so that one that does not fit is named before any training
    if recipe.model.critic is not None and not any(_owns_parameters(loss) for _, _, loss in losses):
        what = "no loss has parameters of its own, which this would be the optimiser of"
        raise ShapeError(what, where="model.critic", fix="remove it, or add a loss such as adversarial")
    return Autoencoder(clip, encoder, decoder, bottleneck)


def _owns_parameters(loss: Loss) -> bool:
    assert isinstance(loss, nn.Module)
    return any(parameter.requires_grad for parameter in loss.parameters())


def _handed_on(autoencoder: Autoencoder) -> Mapping[str, LatentSpec]:
    """What the decoder is to get."""
    declared = autoencoder.bottleneck.latents if autoencoder.bottleneck is not None else None
    return autoencoder.encoder.latents if declared is None else declared


def _build_rest(recipe: Recipe) -> None:
    """Whatever is built only once it is needed, perhaps after hours."""
    plans = (recipe.model, *recipe.densities.values())
    fits = [plan.fit for plan in plans if plan is not None and plan.fit is not None]
    schedules = [fit.schedule for fit in fits if fit.schedule]
    critics = [recipe.model.critic] if recipe.model is not None and recipe.model.critic else []
    for chosen in (*(fit.optimizer for fit in fits), *critics, *schedules, *recipe.report):
        build(chosen)


def _build_losses(recipe: Recipe, plan: Model) -> list[tuple[str, float, Loss]]:
    """Name, weight and loss of each term; a second one of the same kind is `l2.2`."""
    torch.manual_seed(derive(recipe.seed, "losses"))
    losses: list[tuple[str, float, Loss]] = []
    for entry in plan.losses:
        kind = entry.loss.component.name
        before = sum(other.loss.component.name == kind for other in plan.losses[: len(losses)])
        name = f"{kind}.{before + 1}" if before else kind
        losses.append((name, entry.weight, build(entry.loss, recipe.data.clip)))
    return losses


@contextlib.contextmanager
def _placed(where: str) -> Iterator[None]:
    """Say which part of the recipe cannot take what it is given."""
    try:
        yield
    except VadkitError as error:
        error.where = error.where or where
        raise
    except (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError) as error:
        raise ShapeError(
            f"an empty clip does not pass: {type(error).__name__}: {error}",
            where=where,
            fix="mend its keys in the recipe, or data.clip; else it is a fault of the component",
        ) from error


def _refuse_holes(where: str, scored: torch.Tensor, step: int, stride: int) -> None:
    """Refuse a stride that leaves out frames between windows; `scored`: (T,) bool, which of a window's have a score."""
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
        what = f"gives the latents {listed(sorted(given))}, but declares {listed(sorted(declared))}"
        raise ShapeError(what, where=where, fix="a fault of the component")
    for name, latent in declared.items():
        _expect(f"{where}, latent {name}", given[name], (1, *latent.shape))


def _expect(where: str, given: torch.Tensor, shape: Sequence[int]) -> None:
    if tuple(given.shape) != tuple(shape):
        raise ShapeError(
            f"gives {tuple(given.shape)}, but declares {tuple(shape)}", where=where, fix="a fault of the component"
        )
