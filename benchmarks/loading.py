"""Speed of loading clips, compared with the training step, and the memory that a large data set needs.

    python benchmarks/loading.py                          # conversion, speeds, then memory
    python benchmarks/loading.py --only conversion        # of decoded pictures, a few seconds
    python benchmarks/loading.py --only memory --gigabytes 100
    python benchmarks/loading.py --video my.mp4 --recipe itae_nf_ped2

Conversion: 3,000 small pictures become RGB arrays, with one converter for all and with one for each. The
program prints the seconds of CPU time, and the highest number of threads that were added.

Speeds, in clips per second, for the clip and the model of each recipe:

- decode: decode and resize a video file, without storing frames
- cold: decode into an empty cache, then read every clip once, in random order
- warm: read every clip from the cache in random order, with 0, 1, 2 and 4 threads that read ahead
- step: the training step alone, on clips in memory

Memory: the model of the first recipe trains on a cache of `--gigabytes`. The cache consists of sparse
files; they hold no data on disk, but are read like other files. The program prints the memory of the
process during the training, and the number of its open files.
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
from vadkit.video.clips import Batch, Clips
from vadkit.video.damage import Damages
from vadkit.video.decode import decode
from vadkit.video.frame_array import StoredFrames
from vadkit.video.rgb import RgbConverter

RECIPES = Path(__file__).parents[1] / "recipes"
CPU_TIME = False
FRAMES = 400  # length of the generated video


def clock() -> float:
    """Seconds of wall time, or of CPU time with `--cpu-time`."""
    return (time.process_time if CPU_TIME else time.perf_counter)()


def write_video(path: Path) -> VideoRef:
    """Write a video with Avenue's size, 640 x 360, and codec, MPEG-4."""
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
    """Clips per second, measured for about `seconds`."""
    began, clips = clock(), 0
    for batch in batches:
        clips += len(batch)
        if clock() - began > seconds:
            break
    return clips / (clock() - began)


def read_ahead(clips: Clips, size: int, threads: int) -> Iterator[Tensor]:
    """Batches of endless passes in order, read by several threads."""
    with ThreadPoolExecutor(threads) as pool:
        pending: deque[object] = deque()
        for epoch in itertools.count():
            order = clips.order(0, epoch)
            for first in range(0, len(order), size):
                pending.append(pool.submit(clips.read, order[first : first + size]))
                if len(pending) > 2 * threads:
                    yield pending.popleft().result()  # pyright: ignore


def passes(clips: Clips, size: int) -> Iterator[Tensor]:
    """Batches of endless passes."""
    for epoch in itertools.count():
        yield from (batch.clips for batch in clips.batches(size, seed=0, epoch=epoch))


def build_step(recipe: Recipe) -> tuple[Callable[[Tensor], None], int]:
    """Build the training step of the recipe's model, and return it with its batch size."""
    from vadkit.engine.building import build_losses
    from vadkit.recipe.build import build

    assert recipe.model is not None
    assert recipe.model.fit is not None
    with tempfile.TemporaryDirectory() as folder:
        dataset = open_dataset(recipe.data.dataset, folder)  # its videos are not read
        experiment = Experiment(recipe, dataset, RunFolder(Path(folder)), FrameCache(None), NoProgress())
    assert experiment.autoencoder is not None
    step = TrainingStep(experiment.autoencoder, build_losses(recipe, recipe.model)).train()
    optimizer = build(recipe.model.fit.optimizer).build([p for p in step.parameters() if p.requires_grad])

    def run(batch: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        with experiment.compute.autocast():  # the recipe's precision
            loss = torch.stack(list(step(Batch(batch, {})).losses().values())).sum()
        loss.backward()
        optimizer.step()

    return run, recipe.model.fit.batch_size


def step_rate(run: Callable[[Tensor], None], batch: Tensor, seconds: float) -> float:
    """Clips per second of the training step alone."""
    run(batch)
    began, clips = clock(), 0
    while clips == 0 or clock() - began < seconds:
        run(batch)
        clips += len(batch)
    return clips / (clock() - began)


def speeds(recipe: Recipe, video: VideoRef, folder: Path, seconds: float) -> None:
    """Measure the speeds of one recipe and print its row of the table."""
    spec = recipe.data.clip
    began = clock()
    frames = sum(1 for _ in decode(video, color=spec.color, damages=Damages()))
    starts = frames - spec.span + 1
    decoding = starts / (clock() - began)
    cache = FrameCache(folder / recipe.name)
    run, size = build_step(recipe)
    began = clock()
    clips = Clips([("v", cache.frames(video, spec))], spec)
    for _ in clips.batches(size, seed=0, epoch=0):
        pass
    cold = len(clips) / (clock() - began)
    warm = [rate(passes(clips, size), seconds), *(rate(read_ahead(clips, size, n), seconds) for n in (1, 2, 4))]
    step = step_rate(run, clips.read(range(size)), seconds)
    cells = " ".join(f"{cell:>9.1f}" for cell in [decoding, cold, *warm, step])
    shape = "x".join(map(str, (spec.frames, spec.height, spec.width, spec.channels)))
    print(f"{recipe.name:<20} {shape:>14} {cells} {warm[0] / step:>9.0f}x")


def conversion(pictures: int = 3000) -> None:
    """Measure the conversion of decoded pictures to RGB, and print its table."""
    converters = {"one for all": RgbConverter(), "one for each": lambda picture: picture.to_ndarray(format="rgb24")}
    print(f"{'converters':<14} {'CPU s':>7} {'threads':>8}")
    for name, convert in converters.items():
        began, before, most = time.process_time(), threads(), 0
        for _ in range(pictures):
            picture = av.VideoFrame(96, 64, "yuv420p")
            convert(picture)
            most = max(most, threads() - before)
        print(f"{name:<14} {time.process_time() - began:>7.2f} {most:>8}")


def threads() -> int:
    """Threads of the process."""
    return len(list(Path("/proc/self/task").iterdir()))


def memory(recipe: Recipe, folder: Path, gigabytes: float, steps: int) -> None:
    """Train on sparse files and print the memory and the open files of the process."""
    spec = recipe.data.clip
    size = spec.height * spec.width * spec.channels
    videos = 2000
    frames = int(gigabytes * 1e9 / videos / size)
    shape = (frames, spec.height, spec.width, spec.channels)
    stored: list[tuple[str, StoredFrames]] = []
    for n in range(videos):
        path = folder / f"{n}.npy"
        with path.open("wb") as file:
            npy.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
            offset = file.tell()
            file.truncate(offset + frames * size)
        stored.append((str(n), StoredFrames(path, shape, offset, lambda: None)))
    run, batch = build_step(recipe)
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
    """Resident memory of the process, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    recipes = [RECIPES / "quickstart.yaml", RECIPES / "itae_nf_ped2_small.yaml"]
    parser.add_argument("--recipe", type=Path, nargs="+", default=recipes)
    parser.add_argument("--video", type=Path, help="video to decode; default: a generated one")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each measurement")
    parser.add_argument("--only", choices=["conversion", "speeds", "memory"])
    parser.add_argument("--gigabytes", type=float, default=100.0)
    parser.add_argument("--steps", type=int, default=100, help="training steps of the memory benchmark")
    parser.add_argument("--cpu-time", action="store_true", help="measure CPU time of one core, on a shared machine")
    options = parser.parse_args(arguments)
    if options.cpu_time:
        global CPU_TIME
        CPU_TIME = True
        torch.set_num_threads(1)  # the waiting of several threads would count as CPU time
    registry = Registry.discover()
    loaded = [load(path, registry=registry) for path in options.recipe]
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="vadkit-loading-") as temporary:
        folder = Path(temporary)
        if options.only in (None, "conversion"):
            conversion()
        if options.only in (None, "speeds"):
            video = VideoRef("v", options.video) if options.video else write_video(folder / "v.avi")
            heads = ["decode", "cold", "warm", "1 thread", "2", "4", "step", "warm/step"]
            print(f"{'clips/s':<20} {'T x H x W x C':>14} " + " ".join(f"{head:>9}" for head in heads))
            for recipe in loaded:
                speeds(recipe, video, folder, options.seconds)
        if options.only in (None, "memory"):
            memory(loaded[0], folder, options.gigabytes, options.steps)


if __name__ == "__main__":
    main()
