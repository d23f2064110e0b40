"""A built recipe: data, model, densities and scorers, and the stages that train them."""

from __future__ import annotations

import time
from collections.abc import Collection
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, ShapeError
from vadkit.core.progress import NoProgress, Progress
from vadkit.core.seeds import derive
from vadkit.data.datamodule import DataModule
from vadkit.engine.building import DENSITY, build_autoencoder, build_heads, build_losses, build_scorers
from vadkit.engine.feature_key import feature_key, reads_all
from vadkit.model.autoencoder import TrainingStep
from vadkit.model.compute import compute_of
from vadkit.model.pipeline import Head, Pipeline
from vadkit.model.training.activations import checkpointed_activations, sequences_of
from vadkit.model.training.checkpoint import Checkpoints, load_initial
from vadkit.model.training.density_fit import FeatureLoader, GradientFit, check_fitted, total_steps
from vadkit.model.training.job import TrainingJob
from vadkit.model.training.log import Log
from vadkit.model.training.processes import Processes
from vadkit.model.training.threads import Threads
from vadkit.model.training.trainer import Trainer
from vadkit.recipe.build import build
from vadkit.recipe.model import Fit, Model, Recipe
from vadkit.store.external.boxes import box_reader
from vadkit.store.features import FeatureFiles
from vadkit.store.input_files import records_of
from vadkit.store.run_folder import RunFolder, stage_digests
from vadkit.video.cache import FrameCache

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Experiment:
    """A built recipe. The constructor builds, and so checks, every component; it reads no video.

    Args:
        recipe: the recipe.
        dataset: its data set.
        folder: the run folder.
        cache: cache of decoded frames.
        progress: receives progress and messages.
        fabric: device, precision and processes of the training; default, one process on the recipe's accelerator.

    Raises:
        ShapeError: two components do not fit together.
    """

    def __init__(
        self,
        recipe: Recipe,
        dataset: Dataset,
        folder: RunFolder,
        cache: FrameCache,
        progress: Progress,
        fabric: Fabric | None = None,
    ) -> None:
        self.recipe, self.folder, self.progress = recipe, folder, progress
        reader = box_reader(recipe.data.boxes)
        self.datamodule = DataModule(recipe.data, recipe.seed, dataset, cache, progress, reader)
        self._feature_files = FeatureFiles(cache, progress)
        self.clip = recipe.data.clip
        self.files = records_of(recipe)
        self.digests = stage_digests(recipe.tree, self.files)
        self.checkpoints = Checkpoints(folder.checkpoints, recipe.name)
        self._fabric = fabric
        self.compute = compute_of(recipe.engine, fabric.device if fabric is not None else None)
        self.processes = Processes(fabric)
        self.autoencoder = build_autoencoder(recipe, self.datamodule.augmenter.tags)
        self.heads = build_heads(recipe, self.autoencoder)
        self.scorers = build_scorers(recipe, self.heads, self.autoencoder)
        self._check_batches()
        if recipe.engine.checkpoint_activations and self.autoencoder is not None and self.autoencoder.decoder:
            sequences_of(self.autoencoder)

    def _check_batches(self) -> None:
        plans = {"model": self.recipe.model, **{f"densities.{name}": it for name, it in self.recipe.densities.items()}}
        for where, plan in plans.items():
            if plan is not None and plan.fit is not None and plan.fit.batch_size < self.processes.count:
                what = f"a batch of {plan.fit.batch_size} cannot be divided among {self.processes.count} processes"
                raise ShapeError(what, where=f"{where}.fit.batch_size", fix="raise it, or start fewer processes")

    @property
    def stateful(self) -> str:
        """Why scores depend on the order of a video's frames; empty if they do not."""
        bottleneck = self.autoencoder.bottleneck if self.autoencoder is not None else None
        return bottleneck.stateful if bottleneck is not None else ""

    @cached_property
    def trainer(self) -> Trainer:
        """The training loop of this run."""
        from vadkit.model.training.device import build_fabric  # here, because its import takes more than a second

        log, fabric = Log(self.folder.log), self._fabric or build_fabric(self.recipe.engine)
        return Trainer(fabric, self.checkpoints, log, self.progress, self.recipe.seed, self.threads)

    @cached_property
    def threads(self) -> Threads:
        """The CPU threads of the stages. They are measured, unless the recipe sets them."""

        def keep(stage: str, threads: int) -> None:
            self.folder.update_manifest(lambda it: it.with_stage(stage, threads=threads))

        return Threads(
            measure=self.recipe.engine.threads is None
            and self.compute.device.type == "cpu"
            and self.processes.count == 1,
            known=lambda stage: self.folder.read_manifest().stage(stage).threads,
            keep=keep,
            progress=self.progress,
        )

    def train_model(self) -> None:
        """Stage one: train the autoencoder on normal clips. An encoder without `fit` is only saved."""
        model, plan = self.autoencoder, self.recipe.model
        if model is None or plan is None or self._load("model", model):
            return
        began = time.monotonic()
        if plan.fit is not None:
            if plan.fit.init is not None:
                load_initial(plan.fit.init, model, where="model.fit.init")
            self._descend(TrainingStep(model, build_losses(self.recipe, plan)), plan, plan.fit)
        self._finish("model", model, began)

    def _descend(self, step: TrainingStep, plan: Model, fit: Fit) -> None:
        clips = self.datamodule.training_clips
        per_epoch = -(-len(clips) // fit.step_size)
        job = TrainingJob(
            stage="model",
            digest=self.digests["model"],
            module=step,
            critics=tuple(p for p in step.losses.parameters() if p.requires_grad),
            batches=lambda epoch, position: clips.batches(
                fit.batch_size,
                seed=derive(self.recipe.seed, "clips"),
                epoch=epoch,
                start=position,
                ahead=self.compute.device.type != "cpu",  # the GPU leaves this thread idle
                share=self.processes.share,
            ),
            per_epoch=per_epoch,
            batch_size=fit.batch_size,
            accumulate=fit.accumulate_grad_batches,
            items=len(clips),
            steps=total_steps(fit, per_epoch),
            optimizer=build(fit.optimizer),
            lr_scheduler=build(fit.lr_scheduler) if fit.lr_scheduler else None,
            warmup=fit.warmup,
            clip_gradients=fit.clip_gradients,
            critic_optimizer=build(plan.critic) if plan.critic else None,
            sync_batch_norm=self.recipe.engine.sync_batch_norm,
        )
        lean = self.recipe.engine.checkpoint_activations
        with checkpointed_activations(step.autoencoder) if lean else nullcontext():
            self.trainer.fit(job)

    def fit_densities(self) -> None:
        """Stage two: fit each density to the features of normal clips; the encoder is frozen."""
        for name, head in self.heads.items():
            if not self._load(DENSITY + name, head):
                self._fit_density(name, head)

    def _fit_density(self, name: str, head: Head) -> None:
        stage, fit = DENSITY + name, self.recipe.densities[name].fit
        if self.autoencoder is not None:
            self.autoencoder.to(self.compute.device)
        head.to(self.compute.device)
        assert isinstance(head.feature, nn.Module)
        assert isinstance(head.density, nn.Module)
        head.feature.requires_grad_(False).eval()
        self.progress.message(f"{stage}: computing features of {len(self.datamodule.training_clips)} training clips")
        began = time.monotonic()
        features = self._features(name, head)
        features.check_varied()
        if fit is not None and fit.init is not None:
            load_initial(fit.init, head, where=f"densities.{name}.fit.init")
        seed = derive(self.recipe.seed, f"fit/{stage}")
        torch.manual_seed(seed)
        head.density.fit(
            features,
            GradientFit(
                trainer=self.trainer,
                stage=stage,
                digest=self.digests[stage],
                settings=fit,
                optimizer=build(fit.optimizer) if fit else None,
                lr_scheduler=build(fit.lr_scheduler) if fit and fit.lr_scheduler else None,
                seed=seed,
            ),
        )
        check_fitted(f"densities.{name}", head.density.eval(), features)
        if features.absent:
            head.quiet.fill_(features.quiet(head.density.eval()))
        self._finish(stage, head, began)

    def _features(self, name: str, head: Head) -> FeatureLoader:
        """The features of the training clips, from the cache if they are there."""
        stage, where, spec = DENSITY + name, f"densities.{name}.feature", head.feature.spec
        clips, seed = self.datamodule.training_clips, derive(self.recipe.seed, stage)
        stored = None
        if self.processes.count == 1 and reads_all(self.recipe.densities[name], spec, clips):
            key = feature_key(self.recipe, name, head, self.autoencoder, self.datamodule, self.files)
            stored = self._feature_files, key
        features = FeatureLoader(
            clips,
            head.feature,
            self.autoencoder,
            self.compute,
            seed,
            self.progress,
            where,
            stored,
            self.processes,
        )
        if (grid := spec.grid) is not None:
            if not features.samples:
                what = f"no place has a sample in any of the {len(clips)} training clips"
                fix = "check the training videos, or lower the threshold from which a place has a sample"
                raise DataError(what, where=where, fix=fix)
            places = f"up to {grid.columns} objects" if spec.objects else f"{grid.rows} x {grid.columns} places"
            self.progress.message(f"{stage}: {features.samples:,} samples at {places} of {len(clips)} clips")
        return features

    def pipeline(self, *, anomaly_maps: Collection[str] = (), folded: bool = False, exported: bool = False) -> Pipeline:
        """Everything that scores a clip, frozen, on the device.

        Args:
            anomaly_maps: names of the scorers that give anomaly maps.
            folded: copies for scoring, see `Pipeline`.
            exported: for another runtime, so without what is faster on this machine only.
        """
        readers = [each for name, each in self.scorers.items() if each.needs_nll_maps or name in anomaly_maps]
        maps = {name for scorer in readers for name in scorer.densities()}
        decode = any(scorer.uses_output for scorer in self.scorers.values())
        mask = None if self.datamodule.mask is None else torch.from_numpy(self.datamodule.mask)
        objects = self.recipe.data.boxes.most if self.recipe.data.boxes is not None else 0
        pipeline = Pipeline(
            self.clip,
            self.autoencoder,
            self.heads,
            decode=decode,
            maps=maps,
            mask=mask,
            objects=objects,
            folded=folded,
            fast=not exported and self.compute.device.type == "cpu" and not self.compute.bfloat16,
        )
        return pipeline.to(self.compute.device)

    def dimensions(self) -> dict[str, int]:
        """Score -> number of dimensions of its likelihoods: the divisor of bits per dimension."""
        return {
            name: sum(self._dimensions(density) for density in scorer.densities())
            for name, scorer in self.scorers.items()
            if scorer.nats
        }

    def _dimensions(self, density: str) -> int:
        spec = self.heads[density].feature.spec
        return spec.dimensions * spec.places

    def parameters(self) -> dict[str, int]:
        """Stage -> number of parameters. Those of a feature that several densities share count once."""
        counts: dict[str, int] = {}
        known: set[nn.Parameter] = set()
        for stage, module in self._modules().items():
            new = [parameter for parameter in module.parameters() if parameter not in known]
            counts[stage] = sum(parameter.numel() for parameter in new)
            known.update(new)
        return counts

    def _modules(self) -> dict[str, Any]:
        """Stage -> the module that its checkpoint holds."""
        modules: dict[str, Any] = {"model": self.autoencoder} if self.autoencoder else {}
        return modules | {DENSITY + name: head for name, head in self.heads.items()}

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
                    fix="continue with 'vadkit run --resume'",
                )

    def _load(self, stage: str, module: nn.Module) -> bool:
        loaded = self.checkpoints.load(stage, module, self.digests[stage])
        if loaded:
            self.progress.message(f"{stage}: already trained")
        return loaded

    def _finish(self, stage: str, module: nn.Module, began: float) -> None:
        self.processes.copy_first(module.state_dict().values())
        if not self.processes.first:
            return
        self.checkpoints.save(stage, module, self.digests[stage])
        seconds = round(time.monotonic() - began, 2)
        parameters = self.parameters()[stage]
        self.folder.update_manifest(lambda it: it.with_stage(stage, seconds=seconds, parameters=parameters))


def load_experiment(folder: Path, recipe: Recipe) -> Experiment:
    """The experiment of a finished run, with its trained weights and without its videos.

    Raises:
        CheckpointError: a checkpoint is missing, damaged or belongs to another recipe.
    """
    experiment = without_videos(recipe, RunFolder(folder))
    experiment.load_weights()
    return experiment


def without_videos(recipe: Recipe, folder: RunFolder) -> Experiment:
    """The built recipe for work that reads no video: model, densities and scorers.

    Raises:
        ShapeError: two components do not fit together.
    """
    return Experiment(recipe, _NoVideos(), folder, FrameCache(None), NoProgress())


class _NoVideos(Dataset):
    """A data set without videos."""

    def videos(self, split: Any) -> list[Any]:
        del split
        return []

    def labels(self, video: Any) -> None:
        del video
