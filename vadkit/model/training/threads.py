"""Chooses the number of CPU threads of each stage, by measurement."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import torch

from vadkit.core.progress import Progress
from vadkit.store.measurements import Measurement

_PAIRS = 3  # timed steps with each number of threads; two steps before them are not timed
_GAIN = 1.1  # several threads must be this much faster than one


class StageThreads:
    """The number of CPU threads of one stage: `most`, or one if more are not faster.

    The first eight steps use `most` threads and one thread in turn. Six of them are timed. Small operations are often
    as fast with one thread, and the other cores are then free. The number of threads changes the rounding of
    gradients, so the eight steps keep this order even if the choice is known.

    Args:
        most: number of threads that the stage may use; 1 changes nothing.
        chosen: an earlier choice; None measures.
        done: steps that an earlier session completed.
        decided: receives the choice and the reason for it after a measurement.
        clock: gives seconds.
    """

    def __init__(
        self,
        most: int,
        *,
        chosen: int | None = None,
        done: int = 0,
        decided: Callable[[int, str], None] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.most, self.chosen = most, chosen
        self._next, self._decided, self._clock = done, decided, clock
        self._seconds: dict[int, list[float]] = {most: [], 1: []}

    @contextmanager
    def step(self) -> Iterator[None]:
        """Run the next step with its number of threads."""
        number, self._next = self._next, self._next + 1
        first = self.most > 1 and number < 2 + 2 * _PAIRS
        threads = (1 if number % 2 else self.most) if first else self.chosen or self.most
        if self.most == 1 or (threads == self.most and not first):
            yield
            return
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        began = self._clock()
        try:
            yield
        finally:
            torch.set_num_threads(before)
        if first and number >= 2 and self.chosen is None:
            self._seconds[threads].append(self._clock() - began)
        if number == 1 + 2 * _PAIRS and self.chosen is None:
            self._choose()

    def _choose(self) -> None:
        several, one = self._seconds[self.most], self._seconds[1]
        if len(several) < _PAIRS or len(one) < _PAIRS:  # a resumed run
            return
        gain = median(one) / median(several)
        self.chosen = self.most if gain >= _GAIN else 1
        if self._decided is not None:
            self._decided(self.chosen, f"{self.most} threads are {gain:.2g} times as fast as one")


class Threads:
    """The threads of all stages of a run.

    Args:
        measure: whether to measure; otherwise every stage uses the threads that torch has.
        known: stage -> the earlier choice of this run.
        keep: receives stage and choice, so that a resumed run uses the same number.
        progress: receives the choices as messages.
    """

    def __init__(
        self,
        *,
        measure: bool,
        known: Callable[[str], int | None],
        keep: Callable[[str, int], None],
        progress: Progress,
    ) -> None:
        self._measure, self._known, self._keep, self._progress = measure, known, keep, progress

    def unkept(self) -> StageThreads:
        """The threads of scoring outside a run, where the number of threads changes no result."""
        return StageThreads(torch.get_num_threads() if self._measure else 1)

    def of(self, stage: str, *key: object, done: int = 0) -> StageThreads:
        """The threads of a stage.

        Args:
            stage: its name.
            key: everything that its speed depends on, besides the machine and the number of threads.
            done: steps that an earlier session completed.
        """
        most = torch.get_num_threads() if self._measure else 1
        if most == 1:
            return StageThreads(1)
        kept = Measurement("threads", torch.__version__, most, stage, *key)
        chosen = self._known(stage)
        if chosen is None and (values := kept.read()) is not None and isinstance(values.get("threads"), int):
            chosen = values["threads"]
            self._keep(stage, chosen)

        def decided(threads: int, reason: str) -> None:
            kept.write({"threads": threads, "reason": reason})
            self._keep(stage, threads)
            if threads == 1:
                self._progress.message(f"{stage}: uses one thread, because {reason}")

        return StageThreads(most, chosen=chosen, done=done, decided=decided)
