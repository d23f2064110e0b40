"""One recipe, built: its data, model, densities and scorers, and the stages that train and score them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import nn

from vadkit.contracts import Dataset, DensityModel, Feature, Scorer
from vadkit.errors import DataError, ShapeError, closest
from vadkit.folder import RunFolder, stage_digests
from vadkit.model.autoencoder import Autoencoder, TrainingStep
from vadkit.model.pipeline import Pipeline
from vadkit.monitor import Monitor
from vadkit.recipe.build import build
from vadkit.recipe.model import Recipe
from vadkit.score.collect import score_video
from vadkit.score.store import read_score, score_file, write_labels, write_scores
from vadkit.train.checkpoint import Checkpoints
from vadkit.train.device import derive, start
from vadkit.train.fitting import EncodedClips, Fitting, steps_of
from vadkit.train.log import Log
from vadkit.train.loop import Schooling, Trainer
from vadkit.values import Labels, Split, VideoRef
from vadkit.video.cache import FrameCache, fingerprint
from vadkit.video.clips import Clips, window_starts

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
        self.recipe, self.dataset, self.folder, self.cache, self.monitor = recipe, dataset, folder, cache, monitor
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

    @cached_property
    def trainer(self) -> Trainer:
        """The one training loop, in this run's folder."""
        return Trainer(self.fabric, self.checkpoints, Log(self.folder.log), self.monitor, self.recipe.seed)

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """Videos of a split.

        Raises:
            DataError: there are none, or two have one name.
        """
        videos = self.dataset.videos(split)
        if not videos:
            raise DataError(f"has no {split} videos", where=self.recipe.data.dataset.component.name)
        names = [video.name for video in videos]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"has two {split} videos named {twice!r}", where=self.recipe.data.dataset.component.name)
        return videos

    def frames(self, video: VideoRef) -> NDArray[Any]:
        """Decoded, resized frames (F, H, W, C) uint8, memory-mapped from the cache."""
        return self.cache.frames(video, self.clip)

    @cached_property
    def training_clips(self) -> Clips:
        """Clips of the training videos."""
        videos = self.videos("train")
        self.monitor.begin("decode train", len(videos), unit="videos")
        loaded = []
        for number, video in enumerate(videos, 1):
            loaded.append((video.name, self.frames(video)))
            self.monitor.advance(number, amount=1)
        self.monitor.end()
        self.folder.update_manifest(
            data={"train": {"videos": len(videos), "frames": sum(len(frames) for _, frames in loaded)}}
            | {"train_fingerprint": fingerprint(videos)}
        )
        return Clips(loaded, self.clip, self.recipe.data.stride)

    def train_model(self) -> None:
        """Step one: the autoencoder on normal clips."""
        model, plan = self.autoencoder, self.recipe.model
        if model is None or plan is None or self._load("model", model):
            return
        losses = [(entry.loss.component.name, entry.weight, build(entry.loss, self.clip)) for entry in plan.losses]
        step = TrainingStep(model, losses)
        clips = self.training_clips
        per_epoch = -(-len(clips) // plan.fit.batch_size)
        began = time.monotonic()
        self.trainer.minimise(
            Schooling(
                stage="model",
                digest=self.digests["model"],
                module=step,
                critics=tuple(step.losses.parameters()),
                batches=lambda epoch, position: clips.batches(
                    plan.fit.batch_size, seed=derive(self.recipe.seed, "clips"), epoch=epoch, start=position
                ),
                per_epoch=per_epoch,
                steps=steps_of(plan.fit, per_epoch),
                optimizer=build(plan.fit.optimizer),
                schedule=build(plan.fit.schedule) if plan.fit.schedule else None,
                warmup=plan.fit.warmup,
                clip_gradients=plan.fit.clip_gradients,
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
            fit = self.recipe.densities[name].fit
            features = EncodedClips(
                self.training_clips, head.feature, self.autoencoder, self.fabric, derive(self.recipe.seed, stage)
            )
            torch.manual_seed(derive(self.recipe.seed, f"fit/{stage}"))
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

    def score(self, split: Split = "test") -> None:
        """Score every video of a split that has no score file of this recipe yet."""
        folder = self.folder.scores if split == "test" else self.folder.normal_scores
        videos = self.videos(split)
        labels = {video.name: self.dataset.labels(video) for video in videos} if split == "test" else {}
        given = {name: label for name, label in labels.items() if label is not None}
        pipeline = self.pipeline()
        stride = self.recipe.engine.score_stride
        frames = {video.name: self.frames(video) for video in videos}
        if split == "test":
            _check_lengths(given, frames)
            write_labels(self.folder.labels, given)
            self.folder.update_manifest(
                data={"test": {"videos": len(videos), "frames": sum(map(len, frames.values()))}}
                | {"test_fingerprint": fingerprint(videos)}
            )
        windows = {name: len(window_starts(len(f), self.clip, stride, video=name)) for name, f in frames.items()}
        began, done = time.monotonic(), 0
        self.monitor.begin(f"score {split}", sum(windows.values()), unit="windows")
        for video in videos:
            if not self._scored(folder, video.name, len(frames[video.name])):
                scores = score_video(
                    video.name, video.scene, frames[video.name], pipeline, self.scorers, self.fabric,
                    batch=self.recipe.engine.score_batch, stride=stride, monitor=self.monitor, done=done,
                )  # fmt: skip
                write_scores(folder, scores)
            done += windows[video.name]
            self.monitor.advance(done)
        self.monitor.end()
        seconds = time.monotonic() - began
        self.folder.update_manifest(seconds={f"score {split}": round(seconds, 2)})

    def pipeline(self) -> Pipeline:
        """Everything that scoring runs, frozen, on the device."""
        heads = {name: (head.feature, head.density) for name, head in self.heads.items()}
        decode = any(scorer.uses_output for scorer in self.scorers.values())
        return Pipeline(self.clip, self.autoencoder, heads, decode=decode).to(self.fabric.device)

    def load_weights(self) -> None:
        """Load every finished stage.

        Raises:
            DataError: a stage is not finished.
        """
        modules: dict[str, Any] = {"model": self.autoencoder} if self.autoencoder else {}
        modules |= {DENSITY + name: head.density for name, head in self.heads.items()}
        for stage, module in modules.items():
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
        parameters = sum(parameter.numel() for parameter in module.parameters())
        seconds = round(time.monotonic() - began, 2)
        self.folder.update_manifest(seconds={stage: seconds}, parameters={stage: parameters})

    def _scored(self, folder: Path, name: str, frames: int) -> bool:
        path = score_file(folder, name)
        if not path.exists():
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
    decoder = build(recipe.model.decoder, encoder.latents, clip)
    for entry in recipe.model.losses:
        build(entry.loss, clip)  # so that one that does not fit is named before any training
    return Autoencoder(clip, encoder, decoder, bottleneck)


def _check_lengths(labels: Mapping[str, Labels], frames: Mapping[str, NDArray[Any]]) -> None:
    for name, label in labels.items():
        if len(label.frames) != len(frames[name]):
            raise DataError(
                f"has {len(frames[name])} frames, but {len(label.frames)} labels ({label.source})",
                where=f"video {name}",
                fix="get the video and the labels from the same release of the data set",
            )
