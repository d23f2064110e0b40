"""Memory and time of a model's training step, with gradient accumulation and activation checkpointing.

    python benchmarks/training_memory.py itae_nf_ped2 --batch 2 --set 'data.clip.size=[176, 264]'

Each row trains for a few steps on the built-in scene, in its own process. Memory is the peak of the process (of the
GPU, if there is one) beyond what it held before the first step. Seconds are CPU time, the median of the later steps.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path
from statistics import median

from vadkit.core.progress import NoProgress
from vadkit.data.opening import open_data
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.store.run_folder import RunFolder
from vadkit.video.cache import FrameCache

STEPS = 4


class Clock(NoProgress):
    """Notes the time after each step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def advance(self, done: int, *, amount: int = 0, values: Mapping[str, float] | None = None) -> None:
        del done, amount, values
        self.times.append(time.process_time())


def measure(recipe: str, overrides: Sequence[str]) -> tuple[int, float]:
    """Peak in bytes and seconds a step of a recipe on the built-in scene."""
    from vadkit.engine.bench.memory import Peak
    from vadkit.engine.experiment import Experiment

    registry = Registry.discover()
    clip = read_recipe(recipe, overrides, registry).tree["data"]["clip"]
    scene = {"use": "walkway", "train_videos": 2, "frames": 2 * clip["frames"] + 24, "clip": clip}
    fixed = [f"data={json.dumps(scene)}", f"model.fit.steps={STEPS}", "model.fit.epochs=null"]
    checked, clock = read_recipe(recipe, [*overrides, *fixed], registry), Clock()
    with tempfile.TemporaryDirectory() as folder:
        dataset = open_data(checked.data, None)
        experiment = Experiment(checked, dataset, RunFolder(Path(folder)), FrameCache(None), NoProgress())
        _ = experiment.datamodule.training_clips  # draws the videos
        experiment.progress = clock
        peak = Peak(experiment.compute.device)
        before = peak.read() or 0
        experiment.train_model()
        return (peak.read() or 0) - before, median(after - before for before, after in pairwise(clock.times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe")
    parser.add_argument("--batch", type=int, default=4, help="clips of one optimiser step")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as for vadkit run")
    chosen = parser.parse_args()
    rows = [(count, lean) for count in (1, chosen.batch) for lean in (False, True)]
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        for accumulate, lean in rows:
            options = {
                "model.fit.batch_size": chosen.batch // accumulate,
                "model.fit.accumulate_grad_batches": accumulate,
                "engine.checkpoint_activations": json.dumps(lean),
            }
            told = [f"{key}={value}" for key, value in options.items()]
            size, seconds = pool.submit(measure, chosen.recipe, [*chosen.set, *told]).result()
            print(f"{', '.join(told)}: {size / 2**20:,.0f} MiB, {seconds:.2f} s of CPU time a step", flush=True)


if __name__ == "__main__":
    main()
