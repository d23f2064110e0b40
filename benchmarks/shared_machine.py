"""Time of a run on a machine that other work uses too, compared with the time of the run alone.

    python benchmarks/shared_machine.py
    python benchmarks/shared_machine.py --repeat 5 --steps 30 --spinning   # how it would be with spinning threads

The run is the quickstart with fewer steps, as a user starts it: `python -m vadkit run`. It is timed alone, beside one
busy process of one thread, and beside a second run of the same kind, in turn. The program prints the medians and the
ratios to the run alone, and exits with 1 if one is above `--limit`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

BUSY = [sys.executable, "-c", "while True: pass"]


def start(steps: int, folder: Path, name: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a run."""
    changes = [f"model.fit.steps={steps}", f"densities.static.fit.steps={2 * steps}"]
    changes += [f"densities.dynamic.fit.steps={steps}", "report=[json]", "data.test_videos=2"]
    sets = [part for change in changes for part in ("--set", change)]
    out = ["--out", str(folder / name), "--overwrite"]
    command = [sys.executable, "-m", "vadkit", "run", "quickstart", *out, *sets]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)


def timed(process: subprocess.Popen[bytes], began: float) -> float:
    """Wait for a run, and return its seconds."""
    if process.wait():
        raise SystemExit(f"the run failed: {process.args}")
    return time.perf_counter() - began


def measure(steps: int, folder: Path, environment: dict[str, str]) -> dict[str, float]:
    """Seconds of a run in each situation."""
    found: dict[str, float] = {}
    began = time.perf_counter()
    found["alone"] = timed(start(steps, folder, "one", environment), began)
    busy = subprocess.Popen(BUSY)
    try:
        began = time.perf_counter()
        found["beside a busy process"] = timed(start(steps, folder, "one", environment), began)
    finally:
        busy.kill()
        busy.wait()
    began = time.perf_counter()
    both = [start(steps, folder, name, environment) for name in ("one", "two")]
    found["two runs at once"] = max(timed(each, began) for each in both)
    return found


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--steps", type=int, default=30, help="of the autoencoder")
    parser.add_argument("--limit", type=float, default=2.2)
    parser.add_argument("--spinning", action="store_true", help="let waiting threads spin, as by default in torch")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "VADKIT_CACHE": str(Path(folder) / "cache")}
        if chosen.spinning:
            environment["OMP_WAIT_POLICY"] = "ACTIVE"
        timed(start(1, Path(folder), "one", environment), 0.0)  # fills the cache
        rounds = [measure(chosen.steps, Path(folder), environment) for _ in range(chosen.repeat)]
    slow = False
    for name in rounds[0]:
        ratio = median(each[name] / each["alone"] for each in rounds)
        slow = slow or ratio > chosen.limit
        print(f"{name:<24} {median(each[name] for each in rounds):>7.1f} s {ratio:>6.2f}x")
    sys.exit(int(slow))


if __name__ == "__main__":
    main()
