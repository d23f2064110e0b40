"""Kills runs with SIGKILL at random places, resumes them, and compares them with a run without a kill.

    python benchmarks/kill.py --kills 60                # about ten minutes on one core
    python benchmarks/kill.py --kills 6 --recipe bf16

Each trial starts a run, and kills it one to four times. Half of the kills come at a random time within a random
stage, and half inside the writing of a file. The last resume runs to the end. Then weights, scores, calibration,
metrics and events must be equal bit by bit to those of the unbroken run. Exit code 1 if any differs.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from killing import PHASES, Strike, Trace, differences, live, recipes


def draw(chance: random.Random, unbroken: Trace) -> Strike:
    """A random place to kill a run; stages of milliseconds are as likely as those of seconds."""
    if chance.random() < 0.5:
        stage = chance.choice(list(unbroken.stages))
        return Strike(stage=stage, seconds=chance.uniform(0, unbroken.stages[stage]))
    return Strike(write=chance.randrange(unbroken.writes), phase=chance.choice(PHASES))


def main() -> None:
    """Run the trials and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=60, help="over all recipes")
    parser.add_argument("--recipe", choices=[*recipes()], nargs="+", default=[*recipes()])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance, places, bad = random.Random(arguments.seed), Counter[str](), 0
    with tempfile.TemporaryDirectory() as folder:
        root, kills, trials = Path(folder), 0, 0
        unbroken = {}
        for name in arguments.recipe:
            unbroken[name] = live(recipes()[name], root / f"unbroken_{name}", root / "cache", resume=False)
            if unbroken[name].code != 0:
                sys.exit(f"{name}: the unbroken run ends with {unbroken[name].code}")
        while kills < arguments.kills:
            name = arguments.recipe[trials % len(arguments.recipe)]
            out, cache = root / f"trial_{trials}", root / f"cache_{trials}"
            trials += 1
            told: list[str] = []
            for _ in range(chance.randint(1, 4)):
                strike = draw(chance, unbroken[name])
                trace = live(recipes()[name], out, cache, resume=bool(told), strike=strike)
                if trace.code != -signal.SIGKILL:
                    told.append("not reached")
                    break
                kills += 1
                places[trace.killed_in if strike.stage else f"write, {strike.phase}"] += 1
                told.append(strike.stage or f"write {strike.write} {strike.phase}")
            last = live(recipes()[name], out, cache, resume=True)
            differ = differences(root / f"unbroken_{name}", out) if last.code == 0 else [f"exit code {last.code}"]
            bad += bool(differ)
            print(f"{name:7} {'; '.join(told):80} {'equal' if not differ else differ[:3]}", flush=True)
    print(f"\n{kills} kills in {trials} runs, {bad} of them with another result")
    for place, count in sorted(places.items()):
        print(f"{count:5}  {place}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
