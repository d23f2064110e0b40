"""Measures what an hour of video costs: CPU time of decoding and of scoring, and bytes read and written.

    python benchmarks/camera_hour.py RUN VIDEO

One thread. CPU time counts, not elapsed time, so other work on the machine changes little. docs/explanation/scale.md
has the results.
"""

from __future__ import annotations

import sys
import time
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import av

from vadkit.live.score import Settings, score_video
from vadkit.live.videos import find_videos
from vadkit.live.watch import Watch


def decode(path: Path) -> tuple[int, float, float]:
    """Frames, seconds of the video, and CPU seconds of decoding."""
    began = time.process_time()
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = sum(1 for _ in container.decode(stream))
        rate = float(stream.average_rate or 25)
    return frames, frames / rate, time.process_time() - began


def main(run: str, path: str) -> None:
    """Print the figures of a run and a video."""
    video = find_videos([path]).videos[0]
    frames, length, seconds = decode(video.path)
    hour = 3600 / length  # an hour of video has so many of this video
    size = video.path.stat().st_size
    print(f"{video.path.name}: {frames} frames, {length:.1f} s; an hour has {size * hour / 1e6:.0f} MB")
    print(f"decoding: {seconds * hour:.0f} s CPU an hour of video")
    watch = Watch(run, threads=1)
    assert list(islice(watch.run(watch.open(path)), 20))  # loads libraries
    maps = watch.map_scorer()
    with TemporaryDirectory() as folder:
        out = Path(folder)
        began = time.process_time()
        problem = score_video(watch, video, out, Settings(), maps)
        seconds = time.process_time() - began
        assert not problem, problem
        scores = out / "scores" / f"{video.name}.csv"
        scored = sum(1 for _ in scores.open()) - 1
        written = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
        rows = scores.stat().st_size
    print(f"decoding and scoring of {scored} frames: {seconds * hour:.0f} s CPU an hour of video")
    print(f"scores: {rows * hour / 1e6:.1f} MB an hour; all results: {written * hour / 1e6:.1f} MB")


if __name__ == "__main__":
    main(*sys.argv[1:])
