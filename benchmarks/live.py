"""Frames per second and latency of a run on an encoded video, as `vadkit watch` scores it.

    python benchmarks/live.py runs/live_ped2 --data-root DIR
    python benchmarks/live.py runs/live_walkway --threads 1 --repeat 5

The test videos of the run are scaled to 640x360 and encoded as one H.264 video of 25 frames per second. Everything is
timed from the encoded frame to the fused score: decoding, resizing, model, densities, scorers, fusion. The CPU time of
a frame, over all threads, changes less than the rate if other work uses the machine.

First the video is scored as fast as possible. Then its frames are due 25 times a second, as those of a camera. The
latency of a score is the time since its frame was due. Most of it is the wait for the last frame of the last window
that shows the frame. The rest is printed as "behind": how late the score is after that last frame.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from vadkit.core.waiting import wait_passively

FPS, SIZE = 25, (640, 360)
SECONDS = 20  # of the video that are paced


def write_video(path: Path, run: str, data_root: str | None, most: int) -> int:
    """Encode the frames of the test videos, and return their number."""
    import numpy as np
    from PIL import Image

    from vadkit.data.opening import open_data
    from vadkit.plugin.registry import Registry
    from vadkit.recipe.loading import read_recipe
    from vadkit.store.run_folder import RunFolder
    from vadkit.video.decode import decode
    from vadkit.video.encode import VideoWriter

    recipe = read_recipe(RunFolder(Path(run)).recipe, (), Registry.discover())
    count = 0
    with VideoWriter(path, fps=FPS) as video:
        for test in open_data(recipe.data, data_root).videos("test"):
            for frame in decode(test, color="rgb"):
                if count < most:
                    video.write(np.asarray(Image.fromarray(frame).resize(SIZE)))
                    count += 1
    return count


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--data-root", help="the folder of the data set")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch and of OpenCV")
    parser.add_argument("--repeat", type=int, default=3, help="passes over the video; the best is printed")
    parser.add_argument("--frames", type=int, default=1500, help="largest number of frames")
    chosen = parser.parse_args()
    wait_passively()
    import cv2
    import numpy as np
    import torch

    from vadkit.live.stream import SourceFrames
    from vadkit.live.watch import Watch

    torch.set_num_threads(chosen.threads)
    cv2.setNumThreads(chosen.threads)
    watch = Watch(chosen.run, threshold=1e9)
    clip, stride = watch.recipe.data.clip, watch.recipe.engine.score_stride
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        count = write_video(path, chosen.run, chosen.data_root, chosen.frames)
        rates, costs = list[float](), list[float]()
        for _ in range(chosen.repeat):
            began, used = time.perf_counter(), time.process_time()
            assert sum(1 for _ in watch.run(watch.open(str(path), fps=FPS))) == count
            rates.append(count / (time.perf_counter() - began))
            costs.append(1000 * (time.process_time() - used) / count)
        told = ", ".join(f"{rate:.1f}" for rate in sorted(rates, reverse=True))
        print(f"frames per second, {count} frames, {chosen.threads} threads: {told}")
        print(f"CPU time: {min(costs):.1f} ms a frame", flush=True)

        source, due = watch.open(str(path), fps=FPS), list[float]()

        def paced() -> SourceFrames:
            start = time.perf_counter()
            for number, frame in enumerate(source.frames()):
                if number == SECONDS * FPS:
                    return
                due.append(start + number / FPS)
                time.sleep(max(due[-1] - time.perf_counter(), 0))
                yield frame

        found = list[tuple[int, float]]()
        for score in watch.run(replace(source, frames=paced, live=True)):
            found.append((score.frame, time.perf_counter()))
    latency = np.array([now - due[frame] for frame, now in found])
    last = [min(frame // stride * stride + clip.span - 1, len(due) - 1) for frame, _ in found]
    behind = np.array([now - due[frame] for (_, now), frame in zip(found, last, strict=True)])
    for name, values in (("latency", latency), ("behind the last frame of the last window", behind)):
        at = np.percentile(values, [50, 95, 100]) * 1000
        print(f"{name}, {len(due)} frames at {FPS} a second: median {at[0]:.0f}, p95 {at[1]:.0f}, most {at[2]:.0f} ms")


if __name__ == "__main__":
    main()
