"""The training loop of the model and of the densities.

Everything that determines the next step (weights, optimiser, random state, position in the
data) is in the resume state. So a killed and resumed run ends with the same weights as an
uninterrupted run.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer as TorchOptimizer

from vadkit.core.contracts import LRScheduler, Optimizer
from vadkit.core.errors import DivergedError, ShapeError
from vadkit.core.interrupts import delayed_interrupt
from vadkit.core.progress import Progress
from vadkit.core.seeds import derive
from vadkit.model.autoencoder import StepLosses
from vadkit.model.training.batch_norm import synchronize
from vadkit.model.training.checkpoint import Checkpoints
from vadkit.model.training.log import Log
from vadkit.model.training.processes import Processes
from vadkit.model.training.threads import StageThreads, Threads
from vadkit.video.clips import Batch

SAVE_EVERY = 60.0  # seconds between resume states
MAX_SKIPPED = 20  # non-finite steps in a row; one more stops the training


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
        per_epoch: batches of one pass.
        steps: total number of optimiser steps.
        warmup: steps over which the learning rate rises at the start.
        clip_gradients: largest allowed norm of all gradients; None does not clip.
        optimizer: builds the optimiser.
        critic_optimizer: builds the critics' optimiser; None uses `optimizer`.
        lr_scheduler: learning rate over the steps after the warm-up; None keeps it constant.
        bits: whether the loss is in nats per dimension, so that the log also has it in bits.
        unit: name of a batch's items in the progress display.
        sync_batch_norm: whether several processes train batch norm with the statistics of the complete batch.
        batch_size: number of clips or samples in a complete batch. The last batch of a pass may have fewer.
        items: number of clips or samples in one pass.
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
    items: int = field(kw_only=True)


class Trainer:
    """Runs training jobs one after another in one run folder.

    Args:
        fabric: device, precision and processes.
        checkpoints: stores the resume state and the weights.
        log: the training log.
        progress: receives the progress.
        seed: the recipe's seed.
        threads: chooses the CPU threads of each job; None uses those of torch.
    """

    def __init__(
        self,
        fabric: Fabric,
        checkpoints: Checkpoints,
        log: Log,
        progress: Progress,
        seed: int,
        threads: Threads | None = None,
    ) -> None:
        self.fabric = fabric
        self.processes = Processes(fabric)
        self.checkpoints = checkpoints
        self.log = log
        self.progress = progress
        self.seed = seed
        self.threads = threads

    def fit(self, job: TrainingJob) -> None:
        """Train to the last step. If there is a resume state, continue from it.

        Raises:
            DivergedError: the loss stays non-finite, or was not finite in more than half of the steps.
            ShapeError: a loss is not one number, or no loss has a gradient.
            KeyboardInterrupt: Ctrl-C was pressed. The step in progress is finished, and the state is saved.
        """
        torch.manual_seed(derive(self.seed, f"train/{job.stage}"))
        critics = {id(parameter) for parameter in job.critics}
        main = [p for p in job.module.parameters() if p.requires_grad and id(p) not in critics]
        optimizers = [job.optimizer.build(main)]
        if job.critics:
            optimizers.append((job.critic_optimizer or job.optimizer).build(job.critics))
        base_rates = [[group["lr"] for group in optimizer.param_groups] for optimizer in optimizers]
        module, *wrapped = self.fabric.setup(job.module, *optimizers)
        step, faults = self._resume(job, optimizers)
        self.processes.copy_first([*job.module.parameters(), *job.module.buffers()])
        size = job.batch_size
        if job.sync_batch_norm and self.processes.count > 1:
            synchronize(job.module, lambda: size >= self.processes.count)
        module.train()
        threads = self.threads.of(job.stage, job.digest, done=step) if self.threads is not None else StageThreads(1)
        self.progress.begin(job.stage, job.steps, done=step, unit=job.unit)
        last_save = time.monotonic()
        in_a_row = 0
        with delayed_interrupt() as interrupted:
            for batch, size in self._stream(job, step):
                factor = _rate_factor(job, step)
                for optimizer, rates in zip(optimizers, base_rates, strict=True):
                    for group, lr in zip(optimizer.param_groups, rates, strict=True):
                        group["lr"] = lr * factor
                with threads.step():
                    weight = self.processes.weight(_items(batch), size)
                    values, fault = self._step(module, wrapped, batch, weight, job)
                step += 1
                in_a_row = in_a_row + 1 if fault else 0
                faults.update([fault] if fault else [])
                skipped, rate = faults.total(), base_rates[0][0] * factor
                cause = {"not_finite": fault} if fault else {}
                if self.processes.first:
                    self.log.write(
                        {"stage": job.stage, "step": step, "lr": rate, **values, "skipped": skipped, **cause}
                    )
                if in_a_row > MAX_SKIPPED or 2 * skipped > job.steps:
                    raise self._diverged(job, step, in_a_row, faults)
                self.progress.advance(step, amount=size, values=values)
                stopped = self.processes.any(interrupted())
                if stopped or (step < job.steps and time.monotonic() - last_save > SAVE_EVERY):
                    self._save(job, optimizers, step, faults)
                    last_save = time.monotonic()
                if stopped:
                    raise KeyboardInterrupt
        skipped = faults.total()
        self.progress.end(f"{skipped} non-finite steps skipped" if skipped else "")
        job.module.eval()

    def _diverged(self, job: TrainingJob, step: int, in_a_row: int, faults: Counter[str]) -> DivergedError:
        skipped, (cause, _) = faults.total(), faults.most_common(1)[0]
        count = f"{in_a_row} steps in a row" if in_a_row > MAX_SKIPPED else f"{skipped} of {step} steps"
        if skipped == step:  # then no learning rate helps
            fix = f"correct that component; {self.log.path} has the values of each step"
        else:
            fix = f"lower the learning rate, or set fit.warmup or fit.clip_gradients; see {self.log.path}"
        what = f"skipped {count}, because {cause} was not finite"
        return DivergedError(what, where=f"{job.stage}, step {step} of {job.steps}", fix=fix)

    def _stream(self, job: TrainingJob, step: int) -> Iterator[tuple[Tensor | Batch, int]]:
        """The batches of the remaining steps, and how many items each has in all processes."""
        while step < job.steps:
            epoch, position = divmod(step, job.per_epoch)
            for batch in job.batches(epoch, position):
                size = min(job.batch_size, job.items - step % job.per_epoch * job.batch_size)
                yield batch.to(self.fabric.device), size
                step += 1
                if step >= job.steps:
                    return

    def _step(
        self, module: Any, optimizers: list[Any], batch: Tensor | Batch, weight: float, job: TrainingJob
    ) -> tuple[dict[str, float], str]:
        """Run the critics' step, then the main step. Each is skipped if its own loss or gradient is not finite.

        The step counts as skipped if one of the two was skipped. A critics' step with a finite loss is kept even
        if the main step is skipped.

        Returns:
            The values for the log, and what was not finite if the step was skipped.
        """
        main, *critic = optimizers
        buffers = [(buffer, buffer.clone()) for buffer in job.module.buffers()]
        step_losses: StepLosses = module(batch)
        critic_finite = True
        if critic and step_losses.critics:
            critic_loss = torch.stack(list(step_losses.critics.values())).sum()
            *_, critic_finite = self._descend(critic[0], critic_loss, weight, None)
        for parameter in job.critics:  # gradients of the main losses pass through the critics without changing them
            parameter.requires_grad_(False)
        losses = step_losses.losses()
        loss = torch.stack(list(losses.values())).sum()
        if not loss.requires_grad:
            fix = "correct the component: do not detach what it computes from the model's outputs"
            raise ShapeError(f"no gradient reaches the model from {', '.join(losses)}", where=job.stage, fix=fix)
        value, norm, finite = self._descend(main, loss, weight, job.clip_gradients)
        for parameter in job.critics:
            parameter.requires_grad_(True)
        if not finite:
            for buffer, before in buffers:  # batch norm already holds the statistics of the skipped step
                buffer.copy_(before)
        self.processes.copy_first(buffer for buffer, _ in buffers)
        values = {name: term.item() for name, term in losses.items()} if len(losses) > 1 else {}
        values |= {f"critic/{name}": term.item() for name, term in step_losses.critics.items()}
        values = self.processes.means(values, weight)
        if job.bits:
            values["bits_per_dim"] = value / math.log(2)
        fault = ""
        if not (finite and critic_finite):  # in all processes, but one of them may have the cause
            found = self.processes.gather([_fault(step_losses, losses, job.module)])
            fault = min(found, key=lambda cause: cause.startswith("the gradient"))
        return {"loss": value, **values, "norm": norm}, fault

    def _descend(
        self, optimizer: Any, loss: Tensor, weight: float, max_norm: float | None
    ) -> tuple[float, float, bool]:
        """Take one optimiser step, unless the loss or the gradient is not finite.

        The loss and the gradient are the means over all processes; `weight` is that of this process.

        Returns:
            The loss, the gradient's norm, and whether the step was taken.
        """
        optimizer.zero_grad(set_to_none=True)
        loss = loss * weight
        self.fabric.backward(loss)
        trained = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        value = self.processes.add(loss, trained).item()
        norm = torch.nn.utils.clip_grad_norm_(trained, max_norm or math.inf).item()
        finite = math.isfinite(value) and math.isfinite(norm)
        if finite:
            optimizer.step()
        return value, norm, finite

    def _save(self, job: TrainingJob, optimizers: list[TorchOptimizer], step: int, faults: Counter[str]) -> None:
        if not self.processes.first:
            return
        cuda = torch.cuda.get_rng_state() if self.fabric.device.type == "cuda" else None
        self.checkpoints.save_state(
            {
                "stage": job.stage,
                "digest": job.digest,
                "step": step,
                "faults": dict(faults),
                "module": job.module.state_dict(),
                "optimizers": [optimizer.state_dict() for optimizer in optimizers],
                "random": torch.get_rng_state(),
                "random_cuda": cuda,
            }
        )

    def _resume(self, job: TrainingJob, optimizers: list[TorchOptimizer]) -> tuple[int, Counter[str]]:
        state = self.checkpoints.load_state(job.stage, job.digest)
        if self.processes.first:
            self.log.rewind(job.stage, state["step"] if state else 0)
        if state is None:
            return 0, Counter()
        job.module.load_state_dict(state["module"])
        for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        torch.set_rng_state(state["random"])
        if state["random_cuda"] is not None and self.fabric.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"])
        self.progress.message(f"{job.stage}: continues after step {state['step']}")
        return state["step"], Counter(state.get("faults", {}))


def _fault(step: StepLosses, losses: Mapping[str, Tensor], module: nn.Module) -> str:
    """The first values of a step that are not finite: of the model, of a loss, or of a gradient."""
    critics = {f"the critic's loss {name!r}": loss for name, loss in step.critics.items()}
    terms = {f"the loss {name!r}": loss for name, loss in losses.items()}
    named = f"of {', '.join(losses)}" if len(losses) > 1 else f"of the loss {next(iter(losses))!r}"
    parameters = [(name, parameter.grad) for name, parameter in module.named_parameters()]
    gradients = {f"the gradient {named} for {name!r}": each for name, each in parameters if each is not None}
    for name, values in {**step.inputs, **critics, **terms, **gradients}.items():
        if not bool(torch.isfinite(values).all()):
            return name
    return "the sum of the losses"


def _items(batch: Tensor | Batch) -> int:
    """Number of clips or samples in a batch."""
    return len(batch.clips if isinstance(batch, Batch) else batch)


def _rate_factor(job: TrainingJob, step: int) -> float:
    """Factor on the base learning rate at a step: the warm-up, then the learning-rate scheduler."""
    if step < job.warmup:
        return (step + 1) / job.warmup
    if job.lr_scheduler is None:
        return 1.0
    return job.lr_scheduler.factor((step - job.warmup) / max(job.steps - job.warmup, 1))
