"""Step two of training: fits densities to the features of training clips; the encoder is frozen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from vadkit.core.contracts import Feature, FeatureSource, FitContext, LRScheduler, Optimizer
from vadkit.core.errors import DataError, VadkitError, class_of
from vadkit.core.progress import NoProgress, Progress
from vadkit.core.values import BOXES, Samples
from vadkit.model.autoencoder import Autoencoder, StepLosses
from vadkit.model.compute import Compute
from vadkit.model.pipeline import QUIET, check_nll, extract_features
from vadkit.model.training.job import TrainingJob
from vadkit.model.training.processes import Processes
from vadkit.model.training.trainer import Trainer
from vadkit.recipe.model import Fit
from vadkit.store.features import FeatureFiles, StoredFeatures
from vadkit.video.clips import Clips

GROUP = 8  # clips that are encoded together; their samples are shuffled together
STORED = 2**30  # bytes of samples that a fit keeps in memory
CHECKED = 256  # samples on which a fitted density is checked
MEASURED = 50_000  # samples from which the quiet value is measured


class FeatureLoader(FeatureSource):
    """Batches of features of training clips, computed when they are first read.

    A pass is cut into groups of clips, and the samples of a group are shuffled together. So a pass can start
    at any batch without encoding the earlier clips. Augmentations that make a clip abnormal are not used.

    Without augmentation, each clip is encoded once: `stored` keeps the samples on disk. If it cannot, memory keeps
    them, if they fit into `STORED` bytes.

    With several processes, each encodes a part of a group of clips. All of them get all samples.

    Args:
        clips: training clips.
        feature: maps clips and latents to the density's samples.
        autoencoder: set to eval mode and frozen here; None for features of raw frames.
        compute: device and precision.
        seed: seed of the order.
        progress: receives the progress of the pass that counts the samples at places.
        where: the feature's place in the recipe, for messages.
        stored: where features are stored, and the key of these, if the fit reads all clips and they are not augmented.
            None does not store them on disk.
        processes: that share the work; default: only this one.

    Attributes:
        absent: True if some places do not have a sample.
    """

    def __init__(
        self,
        clips: Clips,
        feature: Feature,
        autoencoder: Autoencoder | None,
        compute: Compute,
        seed: int,
        progress: Progress | None = None,
        where: str = "feature",
        stored: tuple[FeatureFiles, str] | None = None,
        processes: Processes | None = None,
    ) -> None:
        self.spec, self._where = feature.spec, where
        self._clips, self._feature, self._autoencoder = clips, feature, autoencoder
        self._compute_on, self._seed, self._processes = compute, seed, processes or Processes()
        if autoencoder is not None:
            autoencoder.requires_grad_(False).eval()
        most = len(clips) * self.spec.samples * self.spec.places
        size, progress = most * self.spec.dimensions * torch.get_default_dtype().itemsize, progress or NoProgress()
        self._disk: StoredFeatures | None = None
        self._memory: dict[int, Tensor] | None = None
        if stored is not None:
            files, key = stored
            samples = ([each.cpu().numpy() for each in group] for group in self._groups(progress))
            self._disk = files.features(key, len(clips), self.spec.shape, size, samples)
        fits = self._disk is None and not clips.augmenter.of_normal and size <= STORED
        self._memory = {} if fits else None
        if self._disk is not None:
            self._counts = self._disk.counts
        elif self.spec.grid is not None or (fits and stored is not None):
            self._counts = np.array([len(each) for group in self._groups(progress) for each in group], np.int64)
        else:
            self._counts = np.full(len(clips), self.spec.samples)
        self.samples = int(self._counts.sum())
        self.absent = self.samples < most

    def batches(self, batch_size: int, *, epoch: int = 0, start: int = 0) -> Iterator[Tensor]:
        """Give the batches (N, *shape) of one pass, from batch `start` on.

        A smaller last batch is left out, unless it is the only batch.
        """
        order = self._clips.order(self._seed, epoch)
        ends = np.cumsum(self._counts[order])
        group = int(np.searchsorted(ends, start * batch_size, side="right")) // GROUP
        skip = start * batch_size - (int(ends[group * GROUP - 1]) if group else 0)
        size = min(batch_size, int(ends[-1]))
        remaining = max(int(ends[-1]) // batch_size, 1) - start
        buffer: Tensor | None = None
        for first in range(group * GROUP, len(order), GROUP):
            samples = torch.cat(self._read(order[first : first + GROUP], epoch))
            random = np.random.default_rng([self._seed, epoch, first])
            samples = samples[torch.from_numpy(random.permutation(len(samples)))][skip:]
            skip = 0
            buffer = samples if buffer is None else torch.cat([buffer, samples])
            used = 0
            while remaining and len(buffer) - used >= size > 0:
                yield buffer[used : used + batch_size]
                used += batch_size
                remaining -= 1
            buffer = buffer[used:]

    def check_varied(self) -> None:
        """Raise a DataError if all training samples are equal: they say nothing about what is normal."""
        first: Tensor | None = None
        for batch in self.batches(GROUP):
            first = batch[:1] if first is None else first
            if bool((batch != first).any()):
                return
        if first is not None:
            given = f"the same values for all {self.samples:,} training samples"
            fix = "choose a feature that shows what happens in a clip, or check the training videos"
            raise DataError(f"the feature {class_of(self._feature)} gives {given}", where=self._where, fix=fix)

    def quiet(self, density: nn.Module) -> float:
        """The value of a place without a sample: a low quantile of the likelihoods of training samples, nats."""
        found: list[Tensor] = []
        share = min(MEASURED / max(self.samples, 1), 1)
        with torch.no_grad():
            for batch in self.batches(1024):
                found.append(density(batch[: max(round(share * len(batch)), 1)]).double().cpu())
        return float(torch.cat(found).quantile(QUIET)) if found else 0.0

    def _groups(self, progress: Progress) -> Iterator[list[Tensor]]:
        """The samples of the clips in their own order, a group at a time."""
        progress.begin("features", len(self._clips), unit="clips")
        for first in range(0, len(self._clips), GROUP):
            numbers = np.arange(first, min(first + GROUP, len(self._clips)))
            yield self._read(numbers, 0)
            progress.advance(int(numbers[-1]) + 1, amount=len(numbers))
        progress.end()

    def _read(self, numbers: np.ndarray, epoch: int) -> list[Tensor]:
        """The samples (N, *shape) of each clip, from disk or memory if they are stored."""
        if self._disk is not None:
            return [torch.from_numpy(self._disk[int(number)]).to(self._compute_on.device) for number in numbers]
        stored = self._memory
        if stored is None:
            return self._compute(numbers, epoch)
        if any(int(number) not in stored for number in numbers):
            stored.update(zip(map(int, numbers), self._compute(numbers, epoch), strict=True))
        return [stored[int(number)] for number in numbers]

    def _compute(self, numbers: np.ndarray, epoch: int) -> list[Tensor]:
        if self._processes.count == 1 or len(numbers) < self._processes.count:
            return self._encode(numbers, epoch)
        samples = [some.cpu() for some in self._encode(self._processes.share(numbers), epoch)]
        return [some.to(self._compute_on.device) for some in self._processes.gather(samples)]

    @torch.no_grad()
    def _encode(self, numbers: np.ndarray, epoch: int) -> list[Tensor]:
        batch = self._clips.read_augmented(numbers, seed=self._seed, epoch=epoch, normal=True)
        clips = batch.clips.to(self._compute_on.device)
        latents: Mapping[str, Tensor] = {}
        with self._compute_on.autocast():  # the same precision as in scoring
            if self._autoencoder is not None:
                latents = self._autoencoder.encode(clips)
            if batch.boxes is not None:
                latents = {**latents, BOXES: batch.boxes.to(clips.device)}
            given = extract_features(self._feature, clips, latents, self._clips.spec)
        values, present = (given.values, given.present) if isinstance(given, Samples) else (given, None)
        if present is not None:
            samples = [value[mask].float() for value, mask in zip(values, present, strict=True)]
        else:
            samples = list(values.flatten(1, len(self.spec.axes)).float().clone(memory_format=torch.contiguous_format))
        if not bool(torch.isfinite(torch.cat(samples)).all()):
            raise self._not_finite(latents)
        return samples

    def _not_finite(self, latents: Mapping[str, Tensor]) -> DataError:
        for name, latent in latents.items():
            if not bool(torch.isfinite(latent).all()):
                assert self._autoencoder is not None
                what = f"the encoder {class_of(self._autoencoder.encoder)} gives a latent {name!r} that is not finite"
                fix = "train again with a lower learning rate, or in fp32; otherwise correct the component"
                return DataError(f"{what}, for a training clip", where="model.encoder", fix=fix)
        what = f"the feature {class_of(self._feature)} gives values that are not finite, for a training clip"
        fix = "correct the component: keep logarithms, roots and divisions away from 0"
        return DataError(what, where=self._where, fix=fix)


class _LikelihoodStep(nn.Module):
    """The training step of a density: maps features to the mean NLL per dimension.

    The division by the number of dimensions keeps the gradients' size independent of the size of the map.
    """

    def __init__(self, density: nn.Module, dimensions: int, stage: str) -> None:
        super().__init__()
        self.density = density
        self.dimensions = dimensions
        self.stage = stage

    def forward(self, features: Tensor) -> StepLosses:
        values = self.density(features)
        check_nll(self.stage, values, len(features))
        nll = values.mean() / self.dimensions
        return StepLosses(lambda: {"nll": nll}, {}, {f"the likelihood of {class_of(self.density)}": values})


@dataclass(frozen=True)
class GradientFit(FitContext):
    """Trains a density by gradients in the training loop.

    Attributes:
        trainer: runs the loop.
        stage: name of the stage.
        digest: digest of the recipe sections that the density depends on.
        settings: the recipe's `fit:`; None if the density has no `fit:`.
        optimizer: built from `fit:`.
        lr_scheduler: built from `fit:`.
        seed: seed of everything random in the fit.
    """

    trainer: Trainer
    stage: str
    digest: str
    settings: Fit | None
    optimizer: Optimizer | None
    lr_scheduler: LRScheduler | None
    seed: int

    def fit(self, density: nn.Module, features: FeatureSource) -> None:
        """Minimise the mean NLL with the settings of `fit:`.

        Raises:
            VadkitError: the density has no `fit:` in the recipe.
        """
        if self.settings is None or self.optimizer is None:
            raise VadkitError(
                "this density is trained by gradients, but has no 'fit:'", where=self.stage, fix="add 'fit:' to it"
            )
        fit, dimensions = self.settings, features.spec.dimensions
        per_epoch, processes = max(features.samples // fit.step_size, 1), self.trainer.processes

        def batches(epoch: int, start: int) -> Iterator[Tensor]:
            yield from map(processes.share, features.batches(fit.batch_size, epoch=epoch, start=start))

        self.trainer.fit(
            TrainingJob(
                stage=self.stage,
                digest=self.digest,
                module=_LikelihoodStep(density, dimensions, self.stage),
                critics=(),
                batches=batches,
                per_epoch=per_epoch,
                batch_size=fit.batch_size,
                accumulate=fit.accumulate_grad_batches,
                items=max(features.samples // fit.batch_size, 1) * min(fit.batch_size, features.samples),
                steps=total_steps(fit, per_epoch),
                optimizer=self.optimizer,
                lr_scheduler=self.lr_scheduler,
                warmup=fit.warmup,
                clip_gradients=fit.clip_gradients,
                bits=True,
                unit="samples",
            )
        )


@torch.no_grad()
def check_fitted(where: str, density: nn.Module, features: FeatureSource) -> None:
    """Check a fitted density, in eval mode, on training samples.

    Raises:
        ShapeError: it does not give one number for each sample.
        DataError: a likelihood is not finite.
    """
    samples = next(features.batches(CHECKED))
    nll = density(samples)
    check_nll(where, nll, len(samples))
    if not bool(torch.isfinite(nll).all()):
        what = f"the density {class_of(density)} gives likelihoods that are not finite, for samples of its training"
        fix = "correct the component; if gradients train it, lower the learning rate or set fit.clip_gradients"
        raise DataError(what, where=where, fix=fix)


def total_steps(fit: Fit, per_epoch: int) -> int:
    """Number of optimiser steps that `fit:` sets."""
    return fit.steps if fit.steps is not None else max(math.ceil((fit.epochs or 0) * per_epoch), 1)
