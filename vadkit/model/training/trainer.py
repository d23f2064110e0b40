"""The training loop of the model and of the densities.

Everything that determines the next step (weights, optimiser, random state, position in the
data) is in the resume state. So a killed and resumed run ends with the same weights as an
uninterrupted run.
"""

from __future__ import annotations

import itertools
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer as TorchOptimizer

from vadkit.core.errors import DivergedError, ShapeError
from vadkit.core.interrupts import delayed_interrupt
from vadkit.core.progress import Progress
from vadkit.core.seeds import derive
from vadkit.model.autoencoder import StepLosses
from vadkit.model.training.batch_norm import synchronize
from vadkit.model.training.checkpoint import Checkpoints
from vadkit.model.training.job import TrainingJob
from vadkit.model.training.log import Log
from vadkit.model.training.processes import Processes
from vadkit.model.training.threads import StageThreads, Threads
from vadkit.video.clips import Batch

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SAVE_EVERY = 60.0  # seconds between resume states
MAX_SKIPPED = 20  # non-finite steps in a row; one more stops the training


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
        self._size = 0  # items of the batch in all processes

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
        if job.sync_batch_norm and self.processes.count > 1:
            synchronize(job.module, lambda: self._size >= self.processes.count)
        module.train()
        threads = self.threads.of(job.stage, job.digest, done=step) if self.threads is not None else StageThreads(1)
        self.progress.begin(job.stage, job.steps, done=step, unit=job.unit)
        last_save = time.monotonic()
        in_a_row = 0
        with delayed_interrupt() as interrupted:
            for batches, size in self._stream(job, step):
                factor = job.rate_factor(step)
                for optimizer, rates in zip(optimizers, base_rates, strict=True):
                    for group, lr in zip(optimizer.param_groups, rates, strict=True):
                        group["lr"] = lr * factor
                with threads.step():
                    values, fault = self._step(module, wrapped, batches, size, job)
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

    def _stream(self, job: TrainingJob, step: int) -> Iterator[tuple[Iterator[tuple[Tensor | Batch, int]], int]]:
        """For each of the remaining steps, its batches and their numbers of items, and its number of items.

        The numbers count the items in all processes.
        """
        while step < job.steps:
            epoch, done = divmod(step, job.per_epoch)
            positions = itertools.count(done * job.accumulate)
            batches = (
                (batch.to(self.fabric.device), job.size(next(positions), 1))
                for batch in job.batches(epoch, done * job.accumulate)
            )
            for number in range(done, min(job.per_epoch, done + job.steps - step)):
                size = job.size(number * job.accumulate, job.accumulate)
                yield itertools.islice(batches, -(-size // job.batch_size)), size
                step += 1

    def _step(
        self,
        module: Any,
        optimizers: list[Any],
        batches: Iterator[tuple[Tensor | Batch, int]],
        size: int,
        job: TrainingJob,
    ) -> tuple[dict[str, float], str]:
        """Run the critics' step, then the main step. Each is skipped if its own loss or gradient is not finite.

        The losses and the gradient are means over the `size` items of all batches.

        The step counts as skipped if one of the two was skipped. A critics' step with a finite loss is kept even
        if the main step is skipped.

        Returns:
            The values for the log, and what was not finite if the step was skipped.
        """
        main, *critic = optimizers
        buffers = [(buffer, buffer.clone()) for buffer in job.module.buffers()]
        main.zero_grad(set_to_none=True)
        total = torch.zeros((), device=self.fabric.device)
        losses: dict[str, Tensor] = {}
        step_losses, values = StepLosses(losses.copy, {}), dict[str, float]()
        critic_finite, fault = True, ""
        for batch, self._size in batches:
            weight = self.processes.weight(_items(batch), self._size) * (self._size / size)
            step_losses = module(batch)
            if critic and step_losses.critics:
                critic[0].zero_grad(set_to_none=True)
                *_, critic_finite = self._update(critic[0], self._backward(step_losses.critics, weight), None)
            for parameter in job.critics:  # gradients of the main losses pass through the critics without changing them
                parameter.requires_grad_(False)
            losses = step_losses.losses()
            if not any(loss.requires_grad for loss in losses.values()):
                fix = "correct the component: do not detach what it computes from the model's outputs"
                raise ShapeError(f"no gradient reaches the model from {', '.join(losses)}", where=job.stage, fix=fix)
            total = total + self._backward(losses, weight)
            for parameter in job.critics:
                parameter.requires_grad_(True)
            terms = dict(losses) if len(losses) > 1 else {}
            terms |= {f"critic/{name}": term for name, term in step_losses.critics.items()}
            for name, term in terms.items():
                values[name] = values.get(name, 0.0) + weight * term.item()
            if job.accumulate > 1 and not fault and not bool(torch.isfinite(total)):
                fault = _fault(step_losses, losses, job.module)  # the next batch replaces these values
        value, norm, finite = self._update(main, total, job.clip_gradients)
        if not finite:
            for buffer, before in buffers:  # batch norm already holds the statistics of the skipped step
                buffer.copy_(before)
        self.processes.copy_first(buffer for buffer, _ in buffers)
        values = self.processes.sums(values)
        if job.bits:
            values["bits_per_dim"] = value / math.log(2)
        if finite and critic_finite:
            return {"loss": value, **values, "norm": norm}, ""
        found = self.processes.gather([fault or _fault(step_losses, losses, job.module)])  # one may have the cause
        return {"loss": value, **values, "norm": norm}, min(found, key=lambda it: it.startswith("the gradient"))

    def _backward(self, losses: Mapping[str, Tensor], weight: float) -> Tensor:
        """Add the gradient of the weighted sum of some losses to the gradients, and return the sum ()."""
        loss = torch.stack(list(losses.values())).sum() * weight
        self.fabric.backward(loss)
        return loss.detach()

    def _update(self, optimizer: Any, loss: Tensor, max_norm: float | None) -> tuple[float, float, bool]:
        """Take one optimiser step with the gradients, unless the loss or the gradient is not finite.

        The loss and the gradients become the sums over all processes.

        Returns:
            The loss, the gradient's norm, and whether the step was taken.
        """
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
