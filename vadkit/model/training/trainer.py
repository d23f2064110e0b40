"""The one training loop: model and densities go through it alike.

Everything that decides the next step (weights, optimiser, random state, position in the
data) is in the resume state, so that a run that was killed ends as the unbroken one does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer as TorchOptimizer

from vadkit.core.contracts import LRScheduler, Optimizer
from vadkit.core.errors import DivergedError
from vadkit.core.progress import Progress
from vadkit.core.seeds import derive
from vadkit.model.autoencoder import Terms
from vadkit.model.training.checkpoint import Checkpoints
from vadkit.model.training.log import Log

SAVE_EVERY = 60.0  # seconds between resume states
MOST_SKIPPED = 20  # steps in a row that may be non-finite before training is given up


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """What is trained, on what, and for how long.

    Attributes:
        stage: name of the stage, of its checkpoint and of its lines in the log.
        digest: of the recipe's part that the weights depend on.
        module: a batch -> `Terms`; its parameters that need gradients are trained.
        critics: parameters that only the critics' losses train, each step before the others.
        batches: (epoch, first batch) -> the rest of that pass, always in the same order.
        per_epoch: batches of one pass.
        steps: optimiser steps in all.
        warmup: steps over which the learning rate first rises.
        clip_gradients: largest norm of all gradients.
        optimizer: builds the optimiser.
        critic_optimizer: builds the critics'; None takes `optimizer`.
        lr_scheduler: learning rate over the steps after the warm-up.
        bits: the loss is in nats a dimension; log it in bits too.
        unit: what a batch holds, for the progress display.
    """

    stage: str
    digest: str
    module: nn.Module
    critics: tuple[nn.Parameter, ...]
    batches: Callable[[int, int], Iterator[Tensor]]
    per_epoch: int
    steps: int
    optimizer: Optimizer
    lr_scheduler: LRScheduler | None = None
    warmup: int = 0
    clip_gradients: float | None = None
    bits: bool = False
    unit: str = "clips"
    critic_optimizer: Optimizer | None = None


class Trainer:
    """Runs schoolings, one after another, in one run folder.

    Args:
        fabric: device and precision.
        checkpoints: where state and weights go.
        log: log.jsonl.
        progress: is told of progress.
        seed: the recipe's.
    """

    def __init__(self, fabric: Fabric, checkpoints: Checkpoints, log: Log, progress: Progress, seed: int) -> None:
        self.fabric = fabric
        self.checkpoints = checkpoints
        self.log = log
        self.progress = progress
        self.seed = seed

    def fit(self, job: TrainingJob) -> None:
        """Train to the last step, going on from the resume state where there is one.

        Raises:
            DivergedError: the loss stays non-finite.
        """
        torch.manual_seed(derive(self.seed, f"train/{job.stage}"))
        own = {id(parameter) for parameter in job.critics}
        main = [p for p in job.module.parameters() if p.requires_grad and id(p) not in own]
        optimizers = [job.optimizer.build(main)]
        if job.critics:
            optimizers.append((job.critic_optimizer or job.optimizer).build(job.critics))
        base = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
        module, *wrapped = self.fabric.setup(job.module, *optimizers)
        step, skipped = self._resume(job, optimizers)
        module.train()
        self.progress.begin(job.stage, job.steps, done=step, unit=job.unit)
        saved = time.monotonic()
        in_a_row = 0
        for batch in self._stream(job, step):
            rate = _rate(job, step)
            for optimizer, rates in zip(optimizers, base, strict=True):
                for group, lr in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = lr * rate
            values = self._step(module, wrapped, batch, job)
            step += 1
            in_a_row = 0 if values["finite"] else in_a_row + 1
            skipped += not values.pop("finite")
            if in_a_row > MOST_SKIPPED:
                raise DivergedError(
                    f"the loss was not finite for {in_a_row} steps in a row",
                    where=f"{job.stage}, step {step}",
                    fix="lower the learning rate, or set fit.warmup or fit.clip_gradients",
                )
            self.log.write({"stage": job.stage, "step": step, "lr": base[0][0] * rate, **values, "skipped": skipped})
            self.progress.advance(step, amount=len(batch), values=values)
            if step < job.steps and time.monotonic() - saved > SAVE_EVERY:
                self._save(job, optimizers, step, skipped)
                saved = time.monotonic()
        self.progress.end(f"{skipped} non-finite steps skipped" if skipped else "")
        job.module.eval()

    def _stream(self, job: TrainingJob, step: int) -> Iterator[Tensor]:
        while step < job.steps:
            epoch, position = divmod(step, job.per_epoch)
            for batch in job.batches(epoch, position):
                yield batch.to(self.fabric.device)
                step += 1
                if step >= job.steps:
                    return

    def _step(self, module: Any, optimizers: list[Any], batch: Tensor, job: TrainingJob) -> dict[str, float]:
        """The critics' step, then the others', each left out where its own loss or gradient is not finite.

        A step counts as skipped where either was left out: critics that have moved by a finite loss stay moved.
        """
        main, *critic = optimizers
        running = [(buffer, buffer.clone()) for buffer in job.module.buffers()]
        terms: Terms = module(batch)
        able = True
        if critic and terms.critics:
            able = self._descend(critic[0], torch.stack(list(terms.critics.values())).sum(), None)[1]
        for parameter in job.critics:  # the losses pass through critics, and leave them as they are
            parameter.requires_grad_(False)
        losses = terms.losses()
        loss = torch.stack(list(losses.values())).sum()
        norm, finite = self._descend(main, loss, job.clip_gradients)
        for parameter in job.critics:
            parameter.requires_grad_(True)
        if not finite:
            for buffer, before in running:  # batch norm has taken the step's statistics already
                buffer.copy_(before)
        parts = {name: term.item() for name, term in losses.items()} if len(losses) > 1 else {}
        parts |= {f"critic/{name}": term.item() for name, term in terms.critics.items()}
        if job.bits:
            parts["bits_per_dim"] = loss.item() / math.log(2)
        return {"loss": loss.item(), **parts, "norm": norm, "finite": finite and able}

    def _descend(self, optimizer: Any, loss: Tensor, largest: float | None) -> tuple[float, bool]:
        """One step of one optimiser, left out where loss or gradient is not finite: the gradient's norm, whether."""
        optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        trained = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = torch.nn.utils.clip_grad_norm_(trained, largest or math.inf).item()
        finite = math.isfinite(loss.item()) and math.isfinite(norm)
        if finite:
            optimizer.step()
        return norm, finite

    def _save(self, job: TrainingJob, optimizers: list[TorchOptimizer], step: int, skipped: int) -> None:
        cuda = torch.cuda.get_rng_state() if self.fabric.device.type == "cuda" else None
        self.checkpoints.save_state(
            {
                "stage": job.stage,
                "digest": job.digest,
                "step": step,
                "skipped": skipped,
                "module": job.module.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                "random": torch.get_rng_state(),
                "random_cuda": cuda,
            }
        )

    def _resume(self, job: TrainingJob, optimizers: list[TorchOptimizer]) -> tuple[int, int]:
        state = self.checkpoints.load_state(job.stage, job.digest)
        self.log.rewind(job.stage, state["step"] if state else 0)
        if state is None:
            return 0, 0
        job.module.load_state_dict(state["module"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        torch.set_rng_state(state["random"])
        if state["random_cuda"] is not None and self.fabric.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"])
        self.progress.message(f"{job.stage}: going on after step {state['step']}")
        return state["step"], state["skipped"]


def _rate(job: TrainingJob, step: int) -> float:
    """Factor on the base learning rate at a step: warm-up, then the schedule."""
    if step < job.warmup:
        return (step + 1) / job.warmup
    if job.lr_scheduler is None:
        return 1.0
    return job.lr_scheduler.factor((step - job.warmup) / max(job.steps - job.warmup, 1))
