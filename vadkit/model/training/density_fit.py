"""Step two: densities on what the frozen encoder gives of training clips."""

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
from vadkit.model.autoencoder import Autoencoder, Terms
from vadkit.model.pipeline import expect_nll, features_of
from vadkit.model.training.trainer import Trainer, TrainingJob
from vadkit.recipe.model import Fit
from vadkit.video.clips import Clips

GROUP = 8  # clips encoded at once; their samples are shuffled together


class EncodedClips(FeatureSource):
    """Features of training clips, computed as they are read.

    A pass is cut into groups of clips; the samples of a group are shuffled among each
    other. So any batch can be reached without encoding what comes before it.

    Args:
        clips: training clips.
        feature: what the density sees.
        autoencoder: frozen and in eval mode; None for features of raw frames.
        fabric: device and precision.
        seed: fixes the order.
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
        """One pass, from batch `start` on: (N, *shape); a smaller last batch is left out if it is not the only one."""
        order = self._clips.order(self._seed, epoch)
        per_group = GROUP * self.spec.samples
        group, skip = divmod(start * batch_size, per_group)
        left = max(self.samples // batch_size, 1) - start
        rest: Tensor | None = None
        for first in range(group * GROUP, len(order), GROUP):
            mixed = self._group(order[first : first + GROUP], epoch, first)[skip:]
            skip = 0
            rest = mixed if rest is None else torch.cat([rest, mixed])
            while left and len(rest) >= min(batch_size, self.samples):
                yield rest[:batch_size]
                rest = rest[batch_size:]
                left -= 1

    @torch.no_grad()
    def _group(self, numbers: np.ndarray, epoch: int, first: int) -> Tensor:
        clips = self._clips.read_augmented(numbers, seed=self._seed, epoch=epoch).to(self._fabric.device)
        latents: Mapping[str, Tensor] = {}
        with self._fabric.autocast():  # as in scoring
            if self._autoencoder is not None:
                latents = self._autoencoder.encode(clips)
            samples = features_of(self._feature, clips, latents, self._clips.spec)  # pyright: ignore
        samples = samples.flatten(0, 1).float()
        random = np.random.default_rng([self._seed, epoch, first])
        return samples[torch.from_numpy(random.permutation(len(samples)))]


class _Likelihood(nn.Module):
    """A density as a training step: features in, mean NLL a dimension out.

    The division by the dimensions keeps gradients of one size whatever the map's.
    """

    def __init__(self, density: nn.Module, dimensions: int, stage: str) -> None:
        super().__init__()
        self.density = density
        self.dimensions = dimensions
        self.stage = stage

    def forward(self, features: Tensor) -> Terms:
        given = self.density(features)
        expect_nll(self.stage, given, len(features))
        nll = given.mean() / self.dimensions
        return Terms(lambda: {"nll": nll}, {})


@dataclass(frozen=True)
class GradientFit(FitContext):
    """Trains a density by gradients in the training loop.

    Attributes:
        trainer: runs the loop.
        stage: name of the stage.
        digest: of the recipe's part that the density depends on.
        settings: the recipe's `fit:`; None if the density has none.
        optimizer: built from `fit:`.
        lr_scheduler: built from `fit:`.
        seed: for whatever is random.
    """

    trainer: Trainer
    stage: str
    digest: str
    settings: Fit | None
    optimizer: Optimizer | None
    lr_scheduler: LRScheduler | None
    seed: int

    def fit(self, density: nn.Module, features: FeatureSource) -> None:
        """Minimise the mean NLL as `fit:` says.

        Raises:
            VadkitError: the recipe gives this density no `fit:`.
        """
        if self.settings is None or self.optimizer is None:
            raise VadkitError("this density is trained by gradients", where=self.stage, fix="add a 'fit:' to it")
        fit, dimensions = self.settings, features.spec.dimensions
        per_epoch = max(features.samples // fit.batch_size, 1)
        self.trainer.fit(
            TrainingJob(
                stage=self.stage,
                digest=self.digest,
                module=_Likelihood(density, dimensions, self.stage),
                critics=(),
                batches=lambda epoch, start: features.batches(fit.batch_size, epoch=epoch, start=start),
                per_epoch=per_epoch,
                steps=steps_of(fit, per_epoch),
                optimizer=self.optimizer,
                lr_scheduler=self.lr_scheduler,
                warmup=fit.warmup,
                clip_gradients=fit.clip_gradients,
                bits=True,
                unit="samples",
            )
        )


def steps_of(fit: Fit, per_epoch: int) -> int:
    """Optimiser steps that `fit:` asks for."""
    return fit.steps if fit.steps is not None else max(math.ceil((fit.epochs or 0) * per_epoch), 1)
