"""Trains and evaluates ITAE with its flows at the paper's size on UCSD Ped2, within a time limit, on a GPU.

    python benchmarks/full_size.py DATA_ROOT --minutes 9 --out full_size
    python benchmarks/full_size.py DATA_ROOT --device cpu --minutes 1 --set data.clip.size=[64,96] --set ...

A short probe measures how long the steps of each stage take. The rest of the time limit is then divided: half of it
trains the model, a fifth trains each flow, and the rest is for scoring. The number of steps follows from that, so a
slower machine trains less. The program writes `full_size.json`: machine, versions, commit, steps, milliseconds of a
step and of each part of scoring, and the metrics with their protocol. The run folder holds everything else. The weight
of the flows is the paper's, which was chosen on this test set, so the result is marked test-tuned.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

import vadkit
from vadkit.core.progress import NoProgress
from vadkit.engine.bench.bench import bench
from vadkit.store import environment

SHARES = {"model": 0.5, "density.static": 0.2, "density.dynamic": 0.2}
PROBE = 30  # steps of each stage
KEYS = {"model": "model.fit", "density.static": "densities.static.fit", "density.dynamic": "densities.dynamic.fit"}


class MeasuredError(Exception):
    """The probe has measured all stages."""


class Probe(NoProgress):
    """Measures the seconds of a step in each stage, without its first ten steps, and stops before scoring."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._began = "", 0.0

    def begin(self, stage: str, total: int, *, done: int = 0, unit: str = "clips") -> None:
        """Stop before the scoring; else note the stage."""
        del total, done, unit
        if stage.startswith("score"):
            raise MeasuredError
        self._stage = stage

    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        """Measure the time from the tenth step to this one."""
        del amount, values
        if self._stage in SHARES and done == 10:
            self._began = time.perf_counter()
        elif self._stage in SHARES and done > 10:
            self.seconds[self._stage] = (time.perf_counter() - self._began) / (done - 10)


def steps_of(steps: Mapping[str, int]) -> list[str]:
    """The changes of a recipe that set the number of steps of each stage."""
    return [f"{KEYS[stage]}.{key}" for stage, n in steps.items() for key in ("epochs=null", f"steps={n}")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and write its result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_root", type=Path)
    parser.add_argument("--recipe", default="itae_nf_ped2")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--out", type=Path, default=Path("full_size"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="KEY=VALUE")
    chosen = parser.parse_args(arguments)
    end = time.monotonic() + 60 * chosen.minutes
    chosen.out.mkdir(parents=True, exist_ok=True)
    changes = [f"engine.accelerator={chosen.device}", "engine.precision=auto", *chosen.changes]
    probe = Probe()
    try:
        vadkit.run(
            chosen.recipe, out=chosen.out / "probe", data_root=chosen.data_root, overwrite=True, progress=probe,
            allow_test_tuning=True,
            overrides=[*changes, *steps_of(dict.fromkeys(SHARES, PROBE))],
        )  # fmt: skip
    except MeasuredError:
        print("probe:", {stage: f"{1000 * seconds:.1f} ms a step" for stage, seconds in probe.seconds.items()})
    left = end - time.monotonic()
    steps = {stage: max(int(share * left / probe.seconds[stage]), 1) for stage, share in SHARES.items()}
    print(f"{left:.0f} s left: " + ", ".join(f"{stage} {count} steps" for stage, count in steps.items()), flush=True)
    began = time.monotonic()
    run = vadkit.run(
        chosen.recipe, out=chosen.out / "run", data_root=chosen.data_root, overwrite=True,
        overrides=[*changes, *steps_of(steps), "report=[json, html]"], allow_test_tuning=True,
    )  # fmt: skip
    took = time.monotonic() - began
    parts = bench(run.path, batch=1, repeat=20)
    facts: dict[str, Any] = {
        "recipe": chosen.recipe,
        "changes": chosen.changes,
        "commit": environment.commit(),
        "machine": torch.cuda.get_device_name() if chosen.device == "cuda" else environment.host(),
        "versions": environment.versions(),
        "steps": steps,
        "ms_per_step": {stage: round(1000 * seconds, 2) for stage, seconds in probe.seconds.items()},
        "seconds": round(took, 1),
        "bench": asdict(parts),
        "result": run.metrics,
    }
    (chosen.out / "full_size.json").write_text(json.dumps(facts, indent=1, default=str))
    print(f"micro AUC {100 * run.metrics['metrics']['micro_auc']:.2f} %, {took:.0f} s")


if __name__ == "__main__":
    main()
