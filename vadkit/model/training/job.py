"""A module to train, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from torch import Tensor, nn

from vadkit.core.contracts import LRScheduler, Optimizer
from vadkit.video.clips import Batch


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """A module to train, its data, and the settings of the training.

    Attributes:
        stage: name of the stage, of its checkpoint and of its lines in the log.
        digest: digest of the recipe sections that the weights depend on.
        module: maps a batch to `StepLosses`; all its parameters that need gradients are trained.
        critics: parameters that only the critics' losses train, in each step before the others.
        batches: (epoch, index of a batch) -> the batches of that pass from this one on, always in the same order. With
            several processes, the part of each batch that this process computes.
        per_epoch: optimiser steps of one pass.
        steps: total number of optimiser steps.
        warmup: steps over which the learning rate rises at the start.
        clip_gradients: largest allowed norm of all gradients; None does not clip.
        optimizer: builds the optimiser.
        critic_optimizer: builds the critics' optimiser; None uses `optimizer`.
        lr_scheduler: learning rate over the steps after the warm-up; None keeps it constant.
        bits: whether the loss is in nats per dimension, so that the log also has it in bits.
        unit: name of a batch's items in the progress display.
        sync_batch_norm: whether several processes train batch norm with the statistics of the complete batch.
        batch_size: number of clips or samples in a batch of all processes. The last batch of a pass may have fewer.
        accumulate: batches of one optimiser step. The last step of a pass may have fewer. It is 1 with critics: the
            model's losses of the first batch must see the critics after their step.
        items: number of clips or samples in the batches of one pass.
    """

    stage: str
    digest: str
    module: nn.Module
    critics: tuple[nn.Parameter, ...]
    batches: Callable[[int, int], Iterator[Tensor | Batch]]
    per_epoch: int
    steps: int
    optimizer: Optimizer
    lr_scheduler: LRScheduler | None = None
    warmup: int = 0
    clip_gradients: float | None = None
    bits: bool = False
    unit: str = "clips"
    critic_optimizer: Optimizer | None = None
    sync_batch_norm: bool = False
    batch_size: int = field(kw_only=True)
    accumulate: int = field(default=1, kw_only=True)
    items: int = field(kw_only=True)

    def size(self, position: int, batches: int) -> int:
        """Items in all processes of some batches of a pass, which start at a position in it."""
        return min(batches * self.batch_size, self.items - position * self.batch_size)

    def rate_factor(self, step: int) -> float:
        """Factor on the base learning rate at a step: the warm-up, then the learning-rate scheduler."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        if self.lr_scheduler is None:
            return 1.0
        return self.lr_scheduler.factor((step - self.warmup) / max(self.steps - self.warmup, 1))
