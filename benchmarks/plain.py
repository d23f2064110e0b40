"""Speed of vadkit against a plain port of the paper's pipeline, in the same process and the same minutes.

    python benchmarks/plain.py                          # scoring and training, the paper's widths on 128x192 gray
    python benchmarks/plain.py --only scoring --pairs 9 --threads 2
    python benchmarks/plain.py --precision bf16         # on a machine that computes in bfloat16
    python benchmarks/plain.py --device cuda --size 240 360 --batch 8 --graph

`plain_port.py` has the plain port. It is eager, contiguous float32, and nothing in it is tuned. vadkit runs the recipe
`itae_nf_ped2` on frames of `--size`. Both have the same weights. The program first asserts that their outputs are equal
(1e-4 relative in fp32). Then it times them in turn, and prints the median of the ratios of the pairs, so that other
work on the machine slows both. The last columns are the speed of vadkit, and its share of the machine's measured peak
for matrix products.

On a GPU, `--graph` runs vadkit's pipeline as a CUDA graph, and `--compile` through torch.compile.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from plain_port import WINDOW, Plain, PlainITAE, plain_loss
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vadkit.engine.building import build_losses
from vadkit.engine.experiment import Experiment, without_videos
from vadkit.model.autoencoder import TrainingStep
from vadkit.model.inference.sliding_window import score_outputs
from vadkit.plugin.registry import Registry
from vadkit.recipe.build import build
from vadkit.recipe.loading import read_recipe
from vadkit.store.run_folder import RunFolder
from vadkit.video.clips import Batch

DENSITIES = ("static", "dynamic")


def copy_weights(plain: Plain, experiment: Experiment) -> None:
    """Copy the weights of vadkit's modules, in their order, into the plain port."""
    model, itae = experiment.autoencoder, plain.itae
    assert model is not None
    encoder: Any = model.encoder
    decoder: Any = model.decoder
    pairs = [(encoder.static, itae.static), (encoder.dynamic, itae.dynamic)]
    pairs += [(encoder.laterals["conv1"], itae.lateral), (decoder.fusion, itae.fusion), (decoder.layers, itae.decoder)]
    for source, target in pairs:
        for value, other in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
            value.copy_(other)
    for name in DENSITIES:
        density: Any = experiment.heads[name].density
        flow: Any = plain.flows[name]
        flow.mean.copy_(density.standardize.mean)
        flow.std.copy_(density.standardize.std)
        flow.shift.copy_(0.5 * density.standardize.quantum)
        for source, target in zip(density.levels[0], flow.blocks, strict=True):
            coupling, mix, norm = target.flows[0], target.flows[1], target.flows[2]
            for mine, other in ((coupling, source.coupling), (mix, source.mix), (norm, source.actnorm)):
                for value, new in zip(mine.state_dict().values(), other.state_dict().values(), strict=True):
                    value.copy_(new)
            norm.data_dep_init_done.fill_(1.0)


def seconds(run: Callable[[], object], cuda: bool) -> float:
    """Wall time of one call."""
    if cuda:
        torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    if cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - began


def peak(device: torch.device, dtype: torch.dtype, size: int) -> float:
    """Highest measured speed of matrix products, GFLOP/s."""
    one, other = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    cuda = device.type == "cuda"
    return 2e-9 * size**3 / min(seconds(lambda: one @ other, cuda) for _ in range(6))


def compare(
    name: str, plain: Callable[[], object], ours: Callable[[], object], pairs: int, clips: int, cuda: bool, top: float
) -> None:
    """Time both in turn and print a row of the table."""
    with FlopCounterMode(display=False) as counter:
        plain()
    ours()
    times = [(seconds(plain, cuda), seconds(ours, cuda)) for _ in range(pairs)]
    before, after = (1000 * median(column) / clips for column in zip(*times, strict=True))
    ratios = sorted(one / other for one, other in times)
    speed = 1e-9 * counter.get_total_flops() / (min(other for _, other in times))
    print(
        f"{name:<26} {before:>10.1f} {after:>10.1f} {median(ratios):>6.2f}x {ratios[0]:>6.2f} to {ratios[-1]:.2f} "
        f"{speed:>9.0f} {100 * speed / top:>7.0f} %",
        flush=True,
    )


def relative(one: Tensor, other: Tensor) -> float:
    """Largest relative difference."""
    return float(((one - other).abs() / other.abs().clamp_min(1e-6)).max())


def graphed(run: Callable[[Tensor], Any], clips: Tensor) -> Callable[[], Any]:
    """Record a run as a CUDA graph."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):  # pyright: ignore[reportArgumentType]
        for _ in range(3):
            run(clips)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run(clips)
    return graph.replay


def main() -> None:
    """Run the benchmark and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("scoring", "parts", "training"), action="append")
    parser.add_argument("--size", type=int, nargs=2, default=(128, 192), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--graph", action="store_true")
    chosen = parser.parse_args()
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    cuda, only = chosen.device == "cuda", chosen.only or ["scoring", "parts", "training"]
    changes = [f"data.clip.size=[{chosen.size[0]},{chosen.size[1]}]", f"engine.accelerator={chosen.device}"]
    changes += [f"engine.precision={chosen.precision}", f"model.losses.1.window={WINDOW}"]
    recipe = read_recipe("itae_nf_ped2", changes, Registry.discover())
    experiment = without_videos(recipe, RunFolder(Path("unused")))
    device = experiment.compute.device
    clips = torch.rand(chosen.batch, *recipe.data.clip.shape, device=device) * 2 - 1
    plain = Plain().to(device).eval()
    with torch.no_grad():
        assert experiment.autoencoder is not None
        experiment.autoencoder.to(device)
        for layer in experiment.autoencoder.modules():
            if isinstance(layer, nn.BatchNorm3d):  # trained ones are not the identity
                for value in layer.state_dict().values():
                    if value.dim():
                        value.uniform_(0.5, 1.5)
        for name in DENSITIES:  # a new coupling is the identity, and a new ActNorm has no values: both get some
            density: Any = experiment.heads[name].density.to(device)  # pyright: ignore[reportAttributeAccessIssue]
            for key, weight in density.named_parameters():
                if "param_map" in key:
                    weight.add_(0.01 * torch.randn_like(weight))
            density.train()(torch.rand(8, *experiment.heads[name].feature.spec.shape, device=device))
            density.eval()
        copy_weights(plain, experiment)
    pipeline = experiment.pipeline(folded=True)
    autocast = experiment.compute.autocast

    def ours(clips: Tensor = clips) -> Any:
        with torch.inference_mode(), autocast():
            out = pipeline(clips)
            return [scorer(out) for scorer in experiment.scorers.values()]

    with torch.inference_mode():
        expected = dict(zip(("reconstruction", "likelihood"), plain(clips), strict=True))
        with autocast():
            got = score_outputs(pipeline(clips), experiment.scorers)
    for name, value in expected.items():
        difference = relative(torch.from_numpy(got[name]), value.double().cpu())
        print(f"{name}: largest relative difference {difference:.1e}")
        assert difference < (1e-4 if chosen.precision == "fp32" else 0.05), name
    half = torch.bfloat16 if chosen.precision == "bf16" else torch.float32
    top = peak(device, half, 8192 if cuda else 1536)
    where = torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} CPU threads"
    print(f"torch {torch.__version__}, {where}, {chosen.precision}, batches of {chosen.batch}, {chosen.pairs} pairs")
    print(f"peak of matrix products: {top:.0f} GFLOP/s in {chosen.precision}")
    print(f"{'ms a clip':<26} {'plain':>10} {'vadkit':>10} {'ratio':>7} {'of pairs':>14} {'GFLOP/s':>9} {'of peak':>9}")
    run: Callable[[], Any] = ours
    if chosen.compile:
        compiled = torch.compile(pipeline)

        def run() -> Any:
            with torch.inference_mode(), autocast():
                return compiled(clips)

    if chosen.graph:
        run = graphed(ours, clips)

    def row(name: str, before: Callable[[], object], after: Callable[[], object]) -> None:
        def without(call: Callable[[], object]) -> Callable[[], object]:
            def inner() -> object:
                with torch.inference_mode():
                    return call()

            return inner

        compare(name, without(before), without(after), chosen.pairs, chosen.batch, cuda, top)

    if "scoring" in only:
        row("score a clip", lambda: plain(clips), run)
    if "parts" in only:

        def fast(module: Any, samples: Tensor) -> Callable[[], object]:
            def inner() -> object:
                with autocast():
                    return module(samples)

            return inner

        assert pipeline.autoencoder is not None
        row("  autoencoder", lambda: plain.itae(clips), fast(pipeline.autoencoder, clips))
        for name, head in pipeline.named_heads().items():
            spec = head.feature.spec
            samples = torch.rand(chosen.batch * spec.samples, *spec.shape, device=device)
            flow: Any = plain.flows[name]
            row(f"  {name} flow", lambda flow=flow, x=samples: flow(x), fast(head.density, samples))
    if "training" in only:
        train(experiment, plain.itae, clips, chosen.pairs, cuda, top)


def train(experiment: Experiment, plain: PlainITAE, clips: Tensor, pairs: int, cuda: bool, top: float) -> None:
    """Compare a training step of the autoencoder."""
    recipe, model = experiment.recipe, experiment.autoencoder
    assert recipe.model is not None
    assert recipe.model.fit is not None
    assert model is not None
    step = TrainingStep(model.requires_grad_(True), build_losses(recipe, recipe.model)).to(clips.device).train()
    optimizer = build(recipe.model.fit.optimizer).build([p for p in step.parameters() if p.requires_grad])
    plain.requires_grad_(True).train()
    adam = torch.optim.Adam(plain.parameters(), 1e-5)

    def before() -> None:
        adam.zero_grad()
        plain_loss(plain, clips).backward()
        adam.step()

    def after() -> None:
        optimizer.zero_grad(set_to_none=True)
        with experiment.compute.autocast():
            losses = step(Batch(clips, {})).losses()
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()

    compare("training step of ITAE", before, after, pairs, len(clips), cuda, top)


if __name__ == "__main__":
    main()
