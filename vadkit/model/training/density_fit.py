"""Step two of training: fits densities to the features of training clips; the encoder is frozen."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from vadkit.core.contracts import Feature, FeatureSource, FitContext, LRScheduler, Optimizer
from vadkit.core.errors import VadkitError
from vadkit.model.autoencoder import Autoencoder, StepLosses
from vadkit.model.pipeline import check_nll, extract_features
from vadkit.model.training.trainer import Trainer, TrainingJob
from vadkit.recipe.model import Fit
from vadkit.video.clips import Clips

GROUP = 8  # clips that are encoded together; their samples are shuffled together


class FeatureLoader(FeatureSource):
    """Batches of features of training clips, computed when they are read.

    A pass is cut into groups of clips, and the samples of a group are shuffled together. So a pass can start
    at any batch without encoding the earlier clips.

    Args:
        clips: training clips.
        feature: maps clips and latents to the density's samples.
        autoencoder: set to eval mode and frozen here; None for features of raw frames.
        fabric: device and precision.
        seed: seed of the order.
    """

    def __init__(
        self, clips: Clips, feature: Feature, autoencoder: Autoencoder | None, fabric: Fabric, seed: int
    ) -> None:
        self.spec = feature.spec
        self.samples = len(clips) * feature.spec.samples
        self._clips, self._feature, self._autoencoder = clips, feature, autoencoder
        self._fabric, self._seed = fabric, seed
        if autoencoder is not None:
            autoencoder.requires_grad_(False).eval()

    def batches(self, batch_size: int, *, epoch: int = 0, start: int = 0) -> Iterator[Tensor]:
        """Give the batches (N, *shape) of one pass, from batch `start` on.

        A smaller last batch is left out, unless it is the only batch.
        """
        order = self._clips.order(self._seed, epoch)
        per_group = GROUP * self.spec.samples
        group, skip = divmod(start * batch_size, per_group)
        remaining = max(self.samples // batch_size, 1) - start
        buffer: Tensor | None = None
        for first in range(group * GROUP, len(order), GROUP):
            samples = self._read_group(order[first : first + GROUP], epoch, first)[skip:]
            skip = 0
            buffer = samples if buffer is None else torch.cat([buffer, samples])
            while remaining and len(buffer) >= min(batch_size, self.samples):
                yield buffer[:batch_size]
                buffer = buffer[batch_size:]
                remaining -= 1

    @torch.no_grad()
    def _read_group(self, indices: np.ndarray, epoch: int, first: int) -> Tensor:
        clips = self._clips.read_augmented(indices, seed=self._seed, epoch=epoch).to(self._fabric.device)
        latents: Mapping[str, Tensor] = {}
        with self._fabric.autocast():  # the same precision as in scoring
            if self._autoencoder is not None:
                latents = self._autoencoder.encode(clips)
            samples = extract_features(self._feature, clips, latents, self._clips.spec)  # pyright: ignore
        samples = samples.flatten(0, 1).float()
        random = np.random.default_rng([self._seed, epoch, first])
        return samples[torch.from_numpy(random.permutation(len(samples)))]


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
        return StepLosses(lambda: {"nll": nll}, {})


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
        per_epoch = max(features.samples // fit.batch_size, 1)
        self.trainer.fit(
            TrainingJob(
                stage=self.stage,
                digest=self.digest,
                module=_LikelihoodStep(density, dimensions, self.stage),
                critics=(),
                batches=lambda epoch, start: features.batches(fit.batch_size, epoch=epoch, start=start),
                per_epoch=per_epoch,
                steps=total_steps(fit, per_epoch),
                optimizer=self.optimizer,
                lr_scheduler=self.lr_scheduler,
                warmup=fit.warmup,
                clip_gradients=fit.clip_gradients,
                bits=True,
                unit="samples",
            )
        )


def total_steps(fit: Fit, per_epoch: int) -> int:
    """Number of optimiser steps that `fit:` sets."""
    return fit.steps if fit.steps is not None else max(math.ceil((fit.epochs or 0) * per_epoch), 1)
