"""Memory and time of scoring as a video gets longer, and the time from the start to the first score.

    python benchmarks/scale.py RUN                         # 1, 5, 20 and 60 minutes of 640x360 at 25 frames per second
    python benchmarks/scale.py RUN --minutes 1 5 --stride 16 --plot scale.png

RUN is a finished run, such as runs/own_video. A video with moving squares is written once per length; then a new
process opens the run as `vadkit score` does, and scores the video. The program prints the peak memory of that process,
the seconds to its first score, and its frames per second.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FPS = 25


def write_video(path: Path, minutes: float) -> None:
    """Write a video of 640x360 pixels."""
    import av
    import numpy as np

    random = np.random.default_rng(0)
    scene = random.integers(60, 160, (12, 20, 3), dtype=np.uint8).repeat(30, 0).repeat(32, 1)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 640, 360, "yuv420p", 1_000_000
        for n in range(round(60 * FPS * minutes)):
            frame = scene.copy()
            left = 3 * n % 560
            frame[100:200, left : left + 60] = 255 - frame[100:200, left : left + 60]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def score(run: str, video: str) -> None:
    """Score a video in this process, and print what it took as JSON."""
    from vadkit.core.waiting import wait_passively

    began = time.perf_counter()
    wait_passively()
    from vadkit.live.watch import Watch

    watch = Watch(run, threshold=1e9)
    first, frames = 0.0, 0
    for _ in watch.run(watch.open(video)):
        frames += 1
        first = first or time.perf_counter() - began
    rate = (frames - 1) / (time.perf_counter() - began - first)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"MiB": peak, "first": first, "frames": frames, "rate": rate}))


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 5, 20, 60])
    parser.add_argument("--plot", type=Path, help="write a picture of memory by length")
    parser.add_argument("--video", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.video:
        score(chosen.run, chosen.video)
        return
    print(f"{'minutes':>8} {'frames':>8} {'MiB':>7} {'first score, s':>15} {'frames/s':>9}")
    memory = []
    for minutes in chosen.minutes:
        with tempfile.TemporaryDirectory() as folder:
            video = Path(folder) / "video.mp4"
            write_video(video, minutes)
            command = [sys.executable, __file__, chosen.run, "--video", str(video)]
            found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.splitlines()[-1])
        memory.append(found["MiB"])
        row = f"{minutes:>8g} {found['frames']:>8} {found['MiB']:>7.0f} {found['first']:>15.1f} {found['rate']:>9.1f}"
        print(row, flush=True)
    if chosen.plot:
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
        axes.plot(chosen.minutes, memory, marker="o")
        axes.set(xlabel="length of the video, minutes", ylabel="peak memory, MiB", ylim=(0, 1.15 * max(memory)))
        figure.savefig(chosen.plot, dpi=120)


if __name__ == "__main__":
    main()
