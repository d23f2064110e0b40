"""One recipe, built: its data, model, densities and scorers, and the stages that train them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import nn

from vadkit.core.contracts import Dataset, DensityModel, Feature, Loss, Scorer
from vadkit.core.errors import DataError, ShapeError, VadkitError, closest
from vadkit.core.progress import Progress
from vadkit.core.seeds import derive
from vadkit.data.datamodule import DataModule
from vadkit.model.autoencoder import Autoencoder, TrainingStep
from vadkit.model.pipeline import Pipeline
from vadkit.model.training.checkpoint import Checkpoints
from vadkit.model.training.density_fit import FeatureLoader, GradientFit, total_steps
from vadkit.model.training.device import build_fabric
from vadkit.model.training.log import Log
from vadkit.model.training.trainer import Trainer, TrainingJob
from vadkit.recipe.build import build
from vadkit.recipe.model import Model, Recipe
from vadkit.store.run_folder import RunFolder, stage_digests
from vadkit.video.cache import FrameCache

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
        progress: is told of progress.

    Raises:
        ShapeError: two components do not fit together.
    """

    def __init__(
        self, recipe: Recipe, dataset: Dataset, folder: RunFolder, cache: FrameCache, progress: Progress
    ) -> None:
        self.recipe, self.folder, self.progress = recipe, folder, progress
        self.datamodule = DataModule(recipe.data, recipe.seed, dataset, cache, progress)
        self.clip = recipe.data.clip
        self.digests = stage_digests(recipe.tree)
        self.checkpoints = Checkpoints(folder.checkpoints, recipe.name)
        self.fabric: Fabric = build_fabric(recipe.engine)
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
    def stateful(self) -> str:
        """Why scores depend on the order of a video's frames; empty if they do not."""
        bottleneck = self.autoencoder.bottleneck if self.autoencoder is not None else None
        return bottleneck.stateful if bottleneck is not None else ""

    @cached_property
    def trainer(self) -> Trainer:
        """The one training loop, in this run's folder."""
        return Trainer(self.fabric, self.checkpoints, Log(self.folder.log), self.progress, self.recipe.seed)

    def train_model(self) -> None:
        """Step one: the autoencoder on normal clips."""
        model, plan = self.autoencoder, self.recipe.model
        if model is None or plan is None or self._load("model", model):
            return
        step = TrainingStep(model, _build_losses(self.recipe, plan))
        clips = self.datamodule.training_clips
        per_epoch = -(-len(clips) // plan.fit.batch_size)
        began = time.monotonic()
        self.trainer.fit(
            TrainingJob(
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
                steps=total_steps(plan.fit, per_epoch),
                optimizer=build(plan.fit.optimizer),
                lr_scheduler=build(plan.fit.lr_scheduler) if plan.fit.lr_scheduler else None,
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
            clips, seed = self.datamodule.training_clips, derive(self.recipe.seed, stage)
            features = FeatureLoader(clips, head.feature, self.autoencoder, self.fabric, seed)
            torch.manual_seed(derive(self.recipe.seed, f"fit/{stage}"))
            self.progress.message(f"{stage}: reads the features of {len(clips)} training clips")
            began = time.monotonic()
            head.density.fit(
                features,
                GradientFit(
                    trainer=self.trainer,
                    stage=stage,
                    digest=self.digests[stage],
                    settings=fit,
                    optimizer=build(fit.optimizer) if fit else None,
                    lr_scheduler=build(fit.lr_scheduler) if fit and fit.lr_scheduler else None,
                    seed=derive(self.recipe.seed, f"fit/{stage}"),
                ),
            )
            self._finish(stage, module, began)

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
            self.progress.message(f"{stage}: already trained")
        return loaded

    def _finish(self, stage: str, module: nn.Module, began: float) -> None:
        self.checkpoints.save(stage, module, self.digests[stage])
        seconds = round(time.monotonic() - began, 2)
        self.folder.update_manifest(seconds={stage: seconds}, parameters={stage: self.parameters()[stage]})


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
