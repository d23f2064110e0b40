"""Trains, scores and watches again and again, and prints memory, threads and open files over time.

    python benchmarks/soak.py --minutes 10
    python benchmarks/soak.py --minutes 60 --only watch --rest 10

Each kind of work is repeated in one process for its share of the time. `run` trains and scores a small recipe. `score`
scores three files and writes their results. `watch` opens a file of 300 frames and scores its frames. The first fifth
of the time warms up. After that, the process must not grow by more than `--allowed` MiB, and the numbers of threads
and of open files must not grow at all. `--rest` pauses between two repeats, for a machine that has other work.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from filmed import noise, write
from killing import recipes


def resident() -> float:
    """Memory of this process in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def state() -> tuple[float, int, int]:
    """Memory in MiB, threads, open files."""
    gc.collect()
    return resident(), threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208


def train(folder: Path) -> Callable[[], None]:
    """One run from the start, with all stages."""
    import vadkit

    return lambda: void(vadkit.run(recipes()["fp32"], out=folder / "run", overwrite=(folder / "run").exists()))


def watch(folder: Path) -> Callable[[], None]:
    """One watch of a file, by a trained run that stays open."""
    import vadkit

    watching = vadkit.Watch(vadkit.run(recipes()["fp32"], out=folder / "watched").path)
    film = write(folder / "film.mp4", noise(300), "mpeg4")
    return lambda: void(list(watching.run(watching.open(str(film)))))


def score(folder: Path) -> Callable[[], None]:
    """The scoring of three files into a new folder, by a trained run that stays open."""
    import vadkit
    from vadkit.core.progress import NoProgress
    from vadkit.live.score import Settings, score_videos
    from vadkit.live.score_report import write_score_report
    from vadkit.live.videos import find_videos

    watching = vadkit.Watch(vadkit.run(recipes()["fp32"], out=folder / "scoring").path)
    films = [write(folder / f"film{number}.mp4", noise(100), "mpeg4") for number in range(3)]
    videos, out = find_videos([str(film) for film in films]).videos, folder / "scored"

    def work() -> None:
        done = score_videos(watching, videos, out, Settings(annotate=True), NoProgress())
        write_score_report(watching, out, done)
        if done.scored != len(films):
            raise RuntimeError(f"{done.scored} videos scored")
        shutil.rmtree(out)

    return work


def void(value: object) -> None:
    """Ignore a value."""
    del value


def main() -> None:
    """Repeat the work and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0, help="for each kind of work")
    parser.add_argument("--only", choices=["run", "score", "watch"])
    parser.add_argument("--allowed", type=float, default=30.0, help="growth after the warm-up, in MiB")
    parser.add_argument("--rest", type=float, default=0.0, help="pause after each repeat, in seconds")
    arguments = parser.parse_args()
    grew = False
    with tempfile.TemporaryDirectory() as place:
        os.environ["VADKIT_CACHE"] = str(Path(place) / "cache")
        kinds = {"run": train, "score": score, "watch": watch}
        for name in [arguments.only] if arguments.only else kinds:
            folder = Path(place) / name
            folder.mkdir()
            work, began, count = kinds[name](folder), time.monotonic(), 0
            warm, shown, first = 12 * arguments.minutes, 0.0, None
            print(f"{name}\n  minutes  repeats  MiB  threads  files", flush=True)
            while (spent := time.monotonic() - began) < 60 * arguments.minutes:
                with contextlib.redirect_stdout(io.StringIO()):
                    work()
                count += 1
                if spent > warm and first is None:
                    first = state()
                if spent >= shown:
                    print(f"  {spent / 60:7.1f}  {count:7}  {'  '.join(f'{each:.0f}' for each in state())}", flush=True)
                    shown += 4 * arguments.minutes
                time.sleep(arguments.rest)
            last, first = state(), first or state()
            bad = last[0] - first[0] > arguments.allowed or last[1] > first[1] or last[2] > first[2]
            grew = grew or bad
            end = ", too much growth" if bad else ""
            print(f"  {count} repeats, {last[0] - first[0]:+.1f} MiB after the warm-up{end}")
    sys.exit(1 if grew else 0)


if __name__ == "__main__":
    main()
