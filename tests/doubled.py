"""Runs a recipe in float64, so that runs in several processes can be compared closely with a run in one.

    torchrun --nproc-per-node 2 tests/doubled.py RECIPE RUN [killed STEP]

With "killed", the last process kills itself at this step of the stage `model`; with "failing", it raises an error.
Otherwise an existing run is continued.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

import vadkit
from vadkit.core.progress import NoProgress
from vadkit.model.inference import sliding_window
from vadkit.model.training import trainer
from vadkit.video import clips


def compute_in_float64(patch: Any = setattr) -> None:
    """Let all modules of vadkit compute in float64."""
    plain = clips.to_clips
    patch(torch.Tensor, "float", torch.Tensor.double)
    for module in (clips, sliding_window):
        patch(module, "to_clips", lambda windows, spec: plain(windows, spec).double())
    torch.set_default_dtype(torch.float64)


def end_at(step: int, how: str) -> None:
    """Let the last process end in the middle of a step."""
    plain, steps = trainer.Trainer._step, iter(range(step))

    def last(*args: Any) -> Any:
        if int(os.environ["RANK"]) == int(os.environ["WORLD_SIZE"]) - 1 and next(steps, None) is None:
            if how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError("the last process failed")
        return plain(*args)

    setattr(trainer.Trainer, "_step", last)  # noqa: B010


if __name__ == "__main__":
    recipe, out, *ending = sys.argv[1:]
    trainer.SAVE_EVERY = 0.0
    compute_in_float64()
    if ending:
        end_at(int(ending[1]), ending[0])
    vadkit.run(recipe, out=out, resume=Path(out).exists(), progress=NoProgress())
