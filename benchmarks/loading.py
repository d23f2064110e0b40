"""How fast clips come, beside how fast a model takes them, and the memory that a large data set costs.

    python benchmarks/loading.py                          # speeds, then memory
    python benchmarks/loading.py --only memory --gigabytes 100
    python benchmarks/loading.py --video my.mp4 --recipe recipes/itae_nf_ped2.yaml

Speeds, in clips a second for the clip and the model of each recipe:

- decode: a video file decoded and resized, nothing stored
- cold: the same into an empty cache, then every clip read once, in random order
- warm: every clip read from the cache in random order, with 0, 1, 2 and 4 threads that read ahead
- step: the training step alone, on clips that are there already

Memory: the model of the first recipe trains on a cache of so many gigabytes, made of sparse files
that hold no data on disk but are read and computed like any other. Prints the process's memory as
training goes on, and the number of its open files.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from vadkit.core.progress import NoProgress
from vadkit.core.values import VideoRef
from vadkit.data.opening import open_dataset
from vadkit.engine.experiment import Experiment
from vadkit.model.autoencoder import TrainingStep
from vadkit.plugin.registry import Registry
from vadkit.recipe import load
from vadkit.recipe.model import Recipe
from vadkit.store.run_folder import RunFolder
from vadkit.video.cache import FrameCache
from vadkit.video.clips import Clips
from vadkit.video.damage import Damages
from vadkit.video.decode import decode
from vadkit.video.frame_array import StoredFrames

RECIPES = Path(__file__).parents[1] / "recipes"
CPU_TIME = False
FRAMES = 400  # of the video that is decoded


def clock() -> float:
    """Seconds; `--cpu-time` counts those of the processors instead."""
    return (time.process_time if CPU_TIME else time.perf_counter)()


def filmed(path: Path) -> VideoRef:
    """A video of Avenue's size, 640 x 360, MPEG-4 as Avenue is."""
    random = np.random.default_rng(0)
    scene = random.integers(0, 256, (12, 20, 3), dtype=np.uint8).repeat(30, 0).repeat(32, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 640, 360, "yuv420p", 2_000_000
        for n in range(FRAMES):
            frame = scene.copy()
            frame[100:260, n : n + 60] = 255 - frame[100:260, n : n + 60]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return VideoRef("v", path)


def rate(batches: Iterator[Tensor], seconds: float) -> float:
    """Clips a second, for about so long."""
    began, clips = clock(), 0
    for batch in batches:
        clips += len(batch)
        if clock() - began > seconds:
            break
    return clips / (clock() - began)


def ahead(clips: Clips, size: int, threads: int) -> Iterator[Tensor]:
    """Passes without end, read by threads in the order of one."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[object] = deque()
        for epoch in itertools.count():
            order = clips.order(0, epoch)
            for first in range(0, len(order), size):
                waiting.append(pool.submit(clips.read, order[first : first + size]))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()  # pyright: ignore


def passes(clips: Clips, size: int) -> Iterator[Tensor]:
    """Passes without end."""
    for epoch in itertools.count():
        yield from clips.batches(size, seed=0, epoch=epoch)


def training(recipe: Recipe) -> tuple[Callable[[Tensor], None], int]:
    """One training step of the recipe's model, and its batch size."""
    from vadkit.engine.experiment import _build_losses
    from vadkit.recipe.build import build

    assert recipe.model is not None
    with tempfile.TemporaryDirectory() as folder:
        # No video of it is read.
        dataset = open_dataset(recipe.data.dataset, folder)
        made = Experiment(recipe, dataset, RunFolder(Path(folder)), FrameCache(None), NoProgress())
    assert made.autoencoder is not None
    step = TrainingStep(made.autoencoder, _build_losses(recipe, recipe.model)).train()
    optimizer = build(recipe.model.fit.optimizer).build([p for p in step.parameters() if p.requires_grad])

    def run(batch: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        with made.fabric.autocast():  # the recipe's precision
            loss = torch.stack(list(step(batch).losses.values())).sum()
        loss.backward()
        optimizer.step()

    return run, recipe.model.fit.batch_size


def step_rate(run: Callable[[Tensor], None], batch: Tensor, seconds: float) -> float:
    """Clips a second of the training step alone."""
    run(batch)
    began, clips = clock(), 0
    while clips == 0 or clock() - began < seconds:
        run(batch)
        clips += len(batch)
    return clips / (clock() - began)


def speeds(recipe: Recipe, video: VideoRef, folder: Path, seconds: float) -> None:
    """One line of the table."""
    spec = recipe.data.clip
    began = clock()
    frames = sum(1 for _ in decode(video, color=spec.color, damages=Damages()))
    starts = frames - spec.span + 1
    decoding = starts / (clock() - began)
    cache = FrameCache(folder / recipe.name)
    run, size = training(recipe)
    began = clock()
    clips = Clips([("v", cache.frames(video, spec))], spec)
    for _ in clips.batches(size, seed=0, epoch=0):
        pass
    cold = len(clips) / (clock() - began)
    warm = [rate(passes(clips, size), seconds), *(rate(ahead(clips, size, n), seconds) for n in (1, 2, 4))]
    taken = step_rate(run, clips.read(range(size)), seconds)
    cells = [decoding, cold, *warm, taken]
    shape = "x".join(map(str, (spec.frames, spec.height, spec.width, spec.channels)))
    print(
        f"{recipe.name:<20} {shape:>14} " + " ".join(f"{cell:>9.1f}" for cell in cells) + f" {warm[0] / taken:>9.0f}x"
    )


def memory(recipe: Recipe, folder: Path, gigabytes: float, steps: int) -> None:
    """Train on sparse files and print what the process holds."""
    spec = recipe.data.clip
    size = spec.height * spec.width * spec.channels
    videos = 2000
    frames = int(gigabytes * 1e9 / videos / size)
    shape = (frames, spec.height, spec.width, spec.channels)
    stored: list[tuple[str, StoredFrames]] = []
    for n in range(videos):
        path = folder / f"{n}.npy"
        with path.open("wb") as file:
            npy.write_array_header_1_0(
                file,
                {"descr": "|u1", "fortran_order": False, "shape": (frames, spec.height, spec.width, spec.channels)},
            )
            offset = file.tell()
            file.truncate(offset + frames * size)
        shape = (frames, spec.height, spec.width, spec.channels)
        stored.append((str(n), StoredFrames(path, shape, offset, lambda: None)))
    run, batch = training(recipe)
    print(f"\n{recipe.name}: {videos} videos of {frames} frames, {videos * frames * size / 1e9:.0f} GB", flush=True)
    print(f"{'step':>6} {'clips':>12} {'RSS MiB':>8} {'open files':>11} {'clips/s':>8}")
    clips = Clips(stored, spec)
    print(f"{0:>6} {len(clips):>12} {resident():>8.0f} {len(list(Path('/proc/self/fd').iterdir())):>11}", flush=True)
    began, highest = time.perf_counter(), 0.0
    for step, clip in enumerate(itertools.islice(passes(clips, batch), steps), 1):
        run(clip)
        highest = max(highest, resident())
        if step % max(steps // 5, 1) == 0:
            files = len(list(Path("/proc/self/fd").iterdir()))
            done = step * batch / (time.perf_counter() - began)
            print(f"{step:>6} {step * batch:>12} {resident():>8.0f} {files:>11} {done:>8.1f}", flush=True)
    print(f"highest: {highest:.0f} MiB")


def resident() -> float:
    """MiB of memory that the process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    recipes = [RECIPES / "quickstart.yaml", RECIPES / "itae_nf_ped2_small.yaml"]
    parser.add_argument("--recipe", type=Path, nargs="+", default=recipes)
    parser.add_argument("--video", type=Path, help="decode this one")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--only", choices=["speeds", "memory"])
    parser.add_argument("--gigabytes", type=float, default=100.0)
    parser.add_argument("--steps", type=int, default=100, help="of training, for the memory")
    parser.add_argument("--cpu-time", action="store_true", help="seconds of one core: for a machine that others use")
    given = parser.parse_args(arguments)
    if given.cpu_time:
        global CPU_TIME
        CPU_TIME = True
        torch.set_num_threads(1)  # threads that wait for each other would count as work
    registry = Registry.discover()
    loaded = [load(path, registry=registry) for path in given.recipe]
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="vadkit-loading-") as place:
        folder = Path(place)
        if given.only != "memory":
            video = VideoRef("v", given.video) if given.video else filmed(folder / "v.avi")
            heads = ["decode", "cold", "warm", "1 thread", "2", "4", "step", "warm/step"]
            print(f"{'clips/s':<20} {'T x H x W x C':>14} " + " ".join(f"{head:>9}" for head in heads))
            for recipe in loaded:
                speeds(recipe, video, folder, given.seconds)
        if given.only != "speeds":
            memory(loaded[0], folder, given.gigabytes, given.steps)


if __name__ == "__main__":
    main()
