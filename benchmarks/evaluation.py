"""Time of an evaluation: all frame metrics, 1,000 bootstrap rounds, the chance level and the metrics of each video.

    python benchmarks/evaluation.py                        # ShanghaiTech's size: 107 videos, 40,791 frames
    python benchmarks/evaluation.py --frames 40791 1e6 1e7 # growth with the number of frames

The scores of a video are a random walk, and its labels are one interval. Nothing is read from disk. The
program prints seconds, microseconds per frame, and the peak memory of the process.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from vadkit.core.values import Labels
from vadkit.evaluation import ComponentFusion, EvaluationConfig, EvaluationData, Evaluator
from vadkit.recipe.presets import PRESETS
from vadkit.store.scores import VideoScores
from vadkit_standard.alarms import Alarms
from vadkit_standard.metrics import EER, AveragePrecision, Decidability, MacroAUC, MicroAUC
from vadkit_standard.transforms import MinMax

METRICS = [MicroAUC(), MacroAUC(), EER(), AveragePrecision(), Decidability(), Alarms(threshold=0.5)]
MEAN_LENGTH = 381.2  # frames of a video of ShanghaiTech, on average


def make_data(frames: int, random: np.random.Generator) -> EvaluationData:
    """Make videos of about ShanghaiTech's length."""
    count = max(2, round(frames / MEAN_LENGTH))
    sizes = np.full(count, frames // count)
    sizes[: frames % count] += 1
    videos, labels = [], {}
    for number, size in enumerate(sizes):
        truth = np.zeros(size, bool)
        start = int(random.integers(size // 2))
        truth[start : start + size // 2] = number % 4 > 0
        scores = 0.1 * random.normal(size=size).cumsum() + truth
        videos.append(VideoScores(f"{number:06}", f"{number % 13:02}", {"r": scores}, np.ones(size, np.int64), 24.0))
        labels[f"{number:06}"] = Labels(truth)
    return EvaluationData(videos, labels)


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=float, nargs="+", default=[40791])
    parser.add_argument("--rounds", type=int, default=1000)
    arguments = parser.parse_args()
    fusion = {"r": ComponentFusion(1.0, (MinMax(),))}
    print(f"{'frames':>10} {'videos':>7} {'seconds':>8} {'us/frame':>9} {'MiB':>6}")
    for frames in arguments.frames:
        data = make_data(int(frames), np.random.default_rng(0))
        config = EvaluationConfig(fusion, METRICS, PRESETS["ffp"], rounds=arguments.rounds)
        began = time.perf_counter()
        Evaluator(config).evaluate(data, name="benchmark")
        seconds = time.perf_counter() - began
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        row = f"{int(frames):>10} {len(data.videos):>7} {seconds:>8.2f} {1e6 * seconds / frames:>9.1f}"
        print(f"{row} {peak:>6.0f}", flush=True)


if __name__ == "__main__":
    main()
