"""Memory, threads and open files of `vadkit watch` on an RTSP camera that is cut off and brought back.

    vadkit run quickstart --set data.held_out=0.25
    python benchmarks/rtsp.py runs/quickstart --minutes 12

The camera is GStreamer's RTSP server on this machine; `tests/rtsp_server.py` names the packages that it needs.
Every two minutes, it is off for 15 seconds. In between, its picture is black for 10 seconds. The program prints
one line per minute, and at the end whether the memory grew after the third minute.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from vadkit import Watch
from vadkit.core.source_status import SourceStatus

sys.path.append(str(Path(__file__).parents[1] / "tests"))
import rtsp_server

FPS = 25
ROUND, OFF, BLACK_AT, BLACK = 120.0, 15.0, 60.0, 10.0  # seconds
SETTLED = 3  # minutes after which memory must not grow


def drive(camera: rtsp_server.Camera, stop: threading.Event) -> None:
    """Cut the camera off, bring it back and cover it, in rounds."""
    while not stop.is_set():
        camera.on()
        if stop.wait(BLACK_AT):
            return
        camera.show("black")
        if stop.wait(BLACK):
            return
        camera.show("ball")
        if stop.wait(ROUND - BLACK_AT - BLACK - OFF):
            return
        camera.off()
        if stop.wait(OFF):
            return


def resident() -> float:
    """Resident memory of the process, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def entries(folder: str) -> int:
    """Number of entries of a folder in /proc."""
    return len(list(Path(folder).iterdir()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=int, default=12)
    parser.add_argument("--size", type=int, nargs=2, default=(320, 240), help="width and height of the camera")
    options = parser.parse_args(arguments)
    if why := rtsp_server.missing():
        sys.exit(why)
    watch, states, stop = Watch(options.run), Counter[str](), threading.Event()
    lost = 0

    def count(status: SourceStatus) -> None:
        nonlocal lost
        states[status.state] += 1
        lost = status.frames_lost

    with rtsp_server.Camera(fps=FPS, size=tuple(options.size)) as camera:
        source = watch.open(camera.url, on_status=count)  # the camera is off
        driver = threading.Thread(target=drive, args=(camera, stop))
        driver.start()
        print(
            f"{'minute':>6} {'RSS MiB':>8} {'threads':>8} {'files':>6} {'frames':>7} {'alarms':>7} {'lost':>5}  states"
        )
        began, minute, frames, alarms = time.monotonic(), 0, 0, 0
        memory: list[float] = []
        for score in watch.run(source):
            frames += 1
            alarms += sum(alarm.until is None for alarm in score.alarms)
            if time.monotonic() - began < 60 * (minute + 1):
                continue
            minute += 1
            memory.append(resident())
            counts = ", ".join(f"{state} {number}" for state, number in states.items())
            threads, files = entries("/proc/self/task"), entries("/proc/self/fd")
            print(
                f"{minute:>6} {memory[-1]:>8.1f} {threads:>8} {files:>6} {frames:>7} {alarms:>7} {lost:>5}  {counts}",
                flush=True,
            )
            if minute >= options.minutes:
                break
        stop.set()
        driver.join()
    if len(memory) > SETTLED:
        print(f"growth after minute {SETTLED}: {memory[-1] - memory[SETTLED - 1]:+.1f} MiB")


if __name__ == "__main__":
    main()
