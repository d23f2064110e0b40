"""Speed of the convolutions that score on a CPU, against those of torch, in the autoencoders of recipes.

    python benchmarks/convolutions.py quickstart live/walkway baselines/ped2_small/itae
    python benchmarks/convolutions.py quickstart --threads 1 --pairs 9

Both pipelines have the same random weights and folded batch norms. They score the same random clips in turn: one
window, and a batch of the recipe. The program asserts that their outputs are equal (1e-5 of the largest value). It
prints the median of the ratios.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import Tensor

from vadkit.engine.experiment import without_videos
from vadkit.model.autoencoder import Autoencoder
from vadkit.model.inference.convolutions import with_fast_convolutions
from vadkit.model.inference.folding import fold_batch_norms
from vadkit.plugin.registry import Registry
from vadkit.recipe.loading import read_recipe
from vadkit.store.run_folder import RunFolder


def outputs(model: Autoencoder, clips: Tensor) -> Tensor:
    """All values that the model gives, in a row."""
    latents, _, output = model(clips)
    return torch.cat([each.flatten() for each in (*latents.values(), *([] if output is None else [output]))])


def seconds(run: Callable[[], object]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


@torch.inference_mode()
def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+", metavar="RECIPE")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pairs", type=int, default=7)
    chosen = parser.parse_args()
    print(f"{'recipe':40} {'threads':>7} {'windows':>7} {'torch, ms':>10} {'vadkit, ms':>10} {'ratio':>6}")
    for name in chosen.recipes:
        recipe = read_recipe(name, ["engine.accelerator=cpu", "engine.precision=fp32"], Registry.discover())
        model = without_videos(recipe, RunFolder(Path("unused"))).autoencoder
        assert model is not None
        usual = fold_batch_norms(model.eval())
        fast = with_fast_convolutions(usual)
        for windows in sorted({1, recipe.engine.score_batch}):
            clips = torch.rand(windows, *recipe.data.clip.shape) * 2 - 1
            for threads in chosen.threads:
                torch.set_num_threads(threads)
                expected, found = outputs(usual, clips), outputs(fast, clips)
                assert float((found - expected).abs().max()) < 1e-5 * float(expected.abs().max())
                times = [
                    (seconds(lambda: usual(clips)), seconds(lambda: fast(clips)))  # noqa: B023
                    for _ in range(chosen.pairs)
                ]
                before, after = (1000 * median(column) for column in zip(*times, strict=True))
                ratio = median(one / other for one, other in times)
                print(f"{name:40} {threads:7} {windows:7} {before:10.1f} {after:10.1f} {ratio:5.2f}x", flush=True)


if __name__ == "__main__":
    main()
