"""Cost and AUC of a trained run for each stride of the windows.

    python benchmarks/stride.py RUN --data-root DIR
    python benchmarks/stride.py RUN --strides 4 8 16 --set fuse.motion.weight=0

The windows of the smallest stride are scored once. Each larger stride uses every n-th of them, and the last window of
each video, as a run with this stride does. The cost is the median time of a window, times the number of windows. The
scores of each component are mapped to [0, 1] within each video, so no held-out video is needed; the result is a
comparison of strides, and not the result of the run's protocol.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import numpy as np

from vadkit.core.progress import NoProgress
from vadkit.core.values import VideoRef
from vadkit.data.opening import open_data
from vadkit.engine.experiment import Experiment
from vadkit.evaluation import ComponentFusion, EvaluationConfig, EvaluationData, Evaluator
from vadkit.model.inference.sliding_window import SlidingWindowMean, score_clips
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.recipe.presets import PRESETS
from vadkit.store.run_folder import RunFolder
from vadkit.store.scores import VideoScores
from vadkit.video.cache import FrameCache, default_cache
from vadkit.video.clips import read_window, to_clips, window_frames
from vadkit_standard.metrics import MicroAUC
from vadkit_standard.transforms import MinMax

WindowScores = Mapping[str, np.ndarray]


def combine(video: VideoRef, frames: int, windows: Mapping[int, WindowScores], experiment: Experiment) -> VideoScores:
    """The mean scores of the frames over some windows, by their starts."""
    mean = SlidingWindowMean(frames, tuple(experiment.scorers))
    for start, scores in windows.items():
        shown = window_frames(frames, experiment.clip, start)
        mean.count_window(shown)
        for name, values in scores.items():
            mean.add(name, shown, values)
    return VideoScores(video.name, video.scene, mean.means(), mean.coverage, video.fps)


def main() -> None:
    """Score once and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", metavar="RUN", type=Path)
    parser.add_argument("--data-root", type=Path)
    parser.add_argument("--strides", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--recipe", help="a recipe with fewer scores than RUN; default: the recipe of RUN")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    chosen = parser.parse_args()
    least = min(chosen.strides)
    recipe = read_recipe(chosen.recipe or str(chosen.run / "recipe.yaml"), chosen.set, Registry.discover())
    dataset, folder = open_data(recipe.data, chosen.data_root), RunFolder(chosen.run)
    experiment = Experiment(recipe, dataset, folder, FrameCache(default_cache()), NoProgress())
    experiment.load_weights()
    pipeline, span = experiment.pipeline(folded=True), experiment.clip.span
    took: list[float] = []
    scored: list[tuple[VideoRef, int, dict[int, WindowScores]]] = []
    videos = experiment.datamodule.videos("test")
    for video in videos:
        frames = experiment.datamodule.frames(video)
        found: dict[int, WindowScores] = {}
        pipeline.reset()
        for start in sorted({*range(0, len(frames) - span + 1, least), len(frames) - span}):
            began = time.perf_counter()
            clips = to_clips([read_window(frames, experiment.clip, start)], experiment.clip)
            scores, _ = score_clips(
                clips, pipeline, experiment.scorers, experiment.compute, position_stats=None, where=video.name
            )
            took.append(time.perf_counter() - began)
            found[start] = {name: values[0] for name, values in scores.items()}
        scored.append((video, len(frames), found))
    fusion = {
        name: ComponentFusion(part.weight, (MinMax(over="video"),))
        for name, part in recipe.fuse.items()
        if name in experiment.scorers
    }
    config = EvaluationConfig(fusion, [MicroAUC()], PRESETS["itae"], rounds=0)
    print(f"one window: {1000 * median(took):.1f} ms")
    print(f"{'stride':>6} {'windows':>8} {'seconds':>8} {'micro AUC':>10}")
    for stride in sorted(chosen.strides):
        each, windows = [], 0
        for video, frames, found in scored:
            used = {start: one for start, one in found.items() if start % stride == 0 or start == max(found)}
            windows += len(used)
            each.append(combine(video, frames, used, experiment))
        result = Evaluator(config).evaluate(EvaluationData(each, experiment.datamodule.labels()), name="stride")
        value = result.result.metrics["micro_auc"]
        print(f"{stride:>6} {windows:>8} {windows * median(took):>8.1f} {100 * value:>9.2f}%", flush=True)


if __name__ == "__main__":
    main()
