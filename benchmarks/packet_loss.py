"""Alarms of a live stream that loses packets.

    vadkit run motion_walkway
    python benchmarks/packet_loss.py runs/motion_walkway VIDEO... --loss 0 0.01

The program encodes the videos, one after another, as one transport stream (H.264, a key frame each second). It leaves
out a random share of the datagrams of 7 packets, as a network does with UDP. It reads the rest as a live source. The
clock is that of the stream, so the speed of the machine does not matter. For each share, the program prints the number
of alarms, and the number of frames that were scored and lost.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from vadkit import Watch
from vadkit.core.source_status import SourceStatus
from vadkit.live import inbox
from vadkit.live.connection import Connection, Picture, connect
from vadkit.live.live_source import LiveSource
from vadkit.live.stream import Source
from vadkit.video.damage import Damages
from vadkit.video.video_file import frame_rate, pictures

DATAGRAM = 7 * 188  # bytes


class Timed:
    """A connection with the clock of its pictures."""

    recorded, now = False, 0.0

    def __init__(self, connection: Connection) -> None:
        self._connection, self.stated_rate = connection, connection.stated_rate

    def pictures(self) -> Iterator[Picture]:
        """The pictures of the connection."""
        step = 1 / (self.stated_rate or 25.0)
        for picture in self._connection.pictures():
            stamp = picture.picture.time if picture.picture is not None else None
            self.now = self.now + step if stamp is None else stamp
            yield picture

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def encode(videos: Sequence[Path], path: Path) -> float:
    """Write the videos as one transport stream, and return its frames per second."""
    fps = round(frame_rate(videos[0]) or 25.0)
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream("libx264", rate=fps, options={"g": str(fps), "bf": "0", "threads": "1"})
        stream.height, stream.width = next(pictures(videos[0], Damages())).shape[:2]
        for video in videos:
            for frame in pictures(video, Damages()):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return float(fps)


def watched(watch: Watch, path: Path, fps: float) -> str:
    """Alarms and frames of a stream."""
    lost = 0

    def count(status: SourceStatus) -> None:
        nonlocal lost
        lost = status.frames_lost

    connection: Any = Timed(connect(str(path)))  # it has all that a Connection has
    live = LiveSource(
        str(path), watch.recipe.data.clip, lambda: connection, first=connection, fps=watch.fps, retries=0,
        on_status=count,
    )  # fmt: skip
    live._now = live._receiver._now = live._reports._now = lambda: connection.now
    alarms = frames = 0
    for score in watch.run(Source(str(path), True, None, watch.fps or fps, live.frames)):
        frames += 1
        alarms += sum(alarm.until is None for alarm in score.alarms)
    return f"{alarms:>3} alarms in {connection.now:.0f} s, {frames} frames scored, {lost} lost"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--loss", type=float, nargs="+", default=[0.0, 0.01])
    options = parser.parse_args(arguments)
    inbox.QUEUE_SECONDS, inbox.QUEUE_SIZE = math.inf, 1 << 30  # the stream is read faster than the model scores
    watch = Watch(options.run)
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.ts"
        fps = encode(options.videos, whole)
        data = whole.read_bytes()
        for share in options.loss:
            random, path = np.random.default_rng(0), Path(folder) / "lost.ts"
            parts = [data[start : start + DATAGRAM] for start in range(0, len(data), DATAGRAM)]
            path.write_bytes(b"".join(part for part in parts if random.random() >= share))
            print(f"{share:>6.1%} lost: {watched(watch, path, fps)}", flush=True)


if __name__ == "__main__":
    main()
