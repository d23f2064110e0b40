"""Runs that are killed with SIGKILL at a random place, and the comparison of what they leave."""

from __future__ import annotations

import copy
import json
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from forked import SERVER
from tiny_runs import TINY

PHASES = ("half", "before", "after")
"""Kills inside the writing of a file: half of it is written; it is written, but not renamed; it is renamed."""


def recipes() -> dict[str, dict[str, Any]]:
    """Recipes with all stages, of seconds each: float32, bfloat16, and with a critic."""
    whole = copy.deepcopy(TINY)
    whole["data"] |= {"train_videos": 4, "held_out": 0.25}
    whole["evaluate"] = {
        "protocol": {"use": "deployable", "overlap": "calibrated"},
        "metrics": ["micro_auc", "alarms"],
    }
    whole["report"] = ["json", "html"]
    del whole["scores"]["static"]
    half = copy.deepcopy(whole)
    half["model"]["encoder"]["tau"] = 2
    half["engine"]["precision"] = "bf16"
    critic = copy.deepcopy(whole)
    critic["data"]["clip"] |= {"frames": 5, "input": "0:4", "target": "4:5"}
    critic["model"] = {
        "encoder": {"use": "unet", "channels": [4, 8, 8]},
        "decoder": {"use": "unet", "channels": [8, 4]},
        "losses": ["l2", {"use": "adversarial", "weight": 0.05, "channels": [4, 8]}],
        "critic": {"use": "adam", "lr": 2e-5},
        "fit": {"steps": 12, "batch_size": 4, "optimizer": {"use": "adam", "lr": 2e-4}},
    }
    critic["engine"]["score_stride"] = 1
    critic["densities"] = {}
    critic["scores"] = {"psnr": "psnr", "patch": {"use": "patch_error", "patch": 8, "step": 4}}
    critic["fuse"] = {"psnr": {"weight": 1.0, "transform": ["zscore"]}}
    return {"fp32": whole, "bf16": half, "critic": critic}


@dataclass(frozen=True, slots=True)
class Strike:
    """Where a run is killed.

    Attributes:
        stage: as the progress names it, or "evaluate" or "report"; empty for a kill inside a write.
        seconds: from the begin of the stage to the kill.
        at: the number of completed steps of the stage at which it kills itself, instead of `seconds`.
        write: the number of the file, from 0, as they are written.
        phase: of the writing, one of `PHASES`.
    """

    stage: str = ""
    seconds: float = 0.0
    at: int = 0
    write: int = -1
    phase: str = ""


@dataclass(slots=True)
class Trace:
    """What a process did: stage -> seconds, in order; files that it wrote; and its exit code."""

    stages: dict[str, float] = field(default_factory=dict)
    writes: int = 0
    code: int | None = None
    killed_in: str = ""


def live(recipe: Mapping[str, Any], out: Path, cache: Path, *, resume: bool, strike: Strike | None = None) -> Trace:
    """Run the recipe in a process of its own, until it ends or is struck."""
    here, there = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=_child, args=(there, dict(recipe), out, cache, resume, strike))
    process.start()
    there.close()
    trace, began, current = Trace(), time.monotonic(), ""
    try:
        while True:
            word = here.recv()
            if isinstance(word, int):
                trace.writes = word
                continue
            now = time.monotonic()
            if current:
                trace.stages[current] = trace.stages.get(current, 0.0) + now - began
            current, began = word, now
            if strike and strike.stage == current and strike.write < 0 and not strike.at:
                process.join(strike.seconds)
                process.kill()
    except EOFError:
        process.join()
    if current:
        trace.stages[current] = trace.stages.get(current, 0.0) + time.monotonic() - began
    trace.code, trace.killed_in = process.exitcode, current
    return trace


def _child(
    tell: Connection, recipe: dict[str, Any], out: Path, cache: Path, resume: bool, strike: Strike | None
) -> None:
    import torch

    import vadkit
    from vadkit.core.progress import NoProgress
    from vadkit.engine import run as running
    from vadkit.model.training import trainer

    os.environ["VADKIT_CACHE"] = str(cache)
    torch.set_num_threads(1)
    trainer.SAVE_EVERY = 0.0  # a state after every step

    class Telling(NoProgress):
        stage = ""

        def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
            self.stage = stage
            tell.send(stage)

        def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
            if strike and strike.stage == self.stage and 0 < strike.at <= done:
                os.kill(os.getpid(), signal.SIGKILL)

    for name, word in (("evaluate_run", "evaluate"), ("write_reports", "report")):
        _announce(running, name, word, tell)
    _Writes.count(tell, strike)
    tell.send("start")
    vadkit.run(recipe, out=out, resume=resume, progress=Telling())


def _announce(module: Any, name: str, word: str, tell: Connection) -> None:
    before = getattr(module, name)

    def announced(*args: Any, **options: Any) -> Any:
        tell.send(word)
        return before(*args, **options)

    setattr(module, name, announced)


class _Writes:
    """Counts the renames of `atomic_write`, and kills at one of them."""

    rename: ClassVar[Any] = Path.replace

    @classmethod
    def count(cls, tell: Connection, strike: Strike | None) -> None:
        done = 0

        def replace(path: Path, target: Any) -> Any:
            nonlocal done
            at = strike if strike and strike.write == done and ".part" in path.name else None
            if ".part" in path.name:
                done += 1
                tell.send(done)
            if at and at.phase == "half":
                os.truncate(path, path.stat().st_size // 2)
            if at and at.phase != "after":
                os.kill(os.getpid(), signal.SIGKILL)
            result = cls.rename(path, target)
            if at:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        Path.replace = replace  # type: ignore[method-assign]  # in the child process only


def results(folder: Path) -> dict[str, Any]:
    """Everything in a run folder that must not depend on kills: weights, scores, labels, metrics, events."""
    from safetensors.numpy import load_file

    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*.safetensors")):
        found |= {f"{path.relative_to(folder)}:{name}": array for name, array in load_file(path).items()}
    for path in sorted(folder.rglob("*.npz")):
        with np.load(path) as arrays:
            found |= {f"{path.relative_to(folder)}:{name}": arrays[name] for name in arrays.files}
    metrics = json.loads((folder / "metrics.json").read_text())
    found |= {
        f"metrics.json:{name}": metrics[name] for name in ("metrics", "components", "intervals") if name in metrics
    }
    for name in ("events.jsonl", "checkpoints/calibration.json"):
        if (folder / name).is_file():
            found[name] = (folder / name).read_text()
    return found


def differences(one: Path, other: Path) -> list[str]:
    """Names of results that differ in a single bit, and of files that only a killed process can have left."""
    first, second = results(one), results(other)
    differ = sorted(first.keys() ^ second.keys())
    for name in first.keys() & second.keys():
        a, b = first[name], second[name]
        same = a.tobytes() == b.tobytes() and a.shape == b.shape if isinstance(a, np.ndarray) else a == b
        differ += [] if same else [name]
    left = [path.name for path in other.rglob("*") if ".part" in path.name or path.name in ("state.pt", ".writer")]
    return differ + left
