"""Speed of vadkit against a plain port of the paper's pipeline, in the same process and the same minutes.

    python benchmarks/plain.py                          # scoring and training, the paper's widths on 128x192 gray
    python benchmarks/plain.py --only scoring --pairs 9 --threads 2
    python benchmarks/plain.py --precision bf16         # on a machine that computes in bfloat16
    python benchmarks/plain.py --device cuda --size 240 360 --batch 8 --graph

The plain port is written here from the paper: ITAE (Table 1), the two flows of section 3.3 with the blocks of
normflows, and the scores of Eq. 12 and 13. It is eager, contiguous float32, and nothing in it is tuned. vadkit runs the
recipe `itae_nf_ped2` on frames of `--size`. Both have the same weights. The program first asserts that their outputs
are equal (1e-4 relative in fp32). Then it times them in turn, and prints the median of the ratios of the pairs, so that
other work on the machine slows both. The last columns are the speed of vadkit, and its share of the machine's
measured peak for matrix products.

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
from normflows.flows import GlowBlock
from normflows.flows.reshape import Squeeze
from pytorch_msssim import ms_ssim
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from vadkit.engine.experiment import Experiment, _build_losses, without_videos
from vadkit.model.autoencoder import TrainingStep
from vadkit.model.inference.sliding_window import score_outputs
from vadkit.plugin.registry import Registry
from vadkit.recipe.build import build
from vadkit.recipe.loading import read_recipe
from vadkit.store.run_folder import RunFolder
from vadkit.video.clips import Batch

DENSITIES = ("static", "dynamic")
WINDOW = 3  # pixels, of MS-SSIM; it allows frames of 64 pixels and more


def block(inputs: int, outputs: int, kernel: tuple[int, int, int], stride: tuple[int, int, int]) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    padding = tuple(side // 2 for side in kernel)
    convolution = nn.Conv3d(inputs, outputs, kernel, stride, padding)  # pyright: ignore[reportArgumentType]
    return nn.Sequential(convolution, nn.BatchNorm3d(outputs), nn.ReLU())


def up(inputs: int, outputs: int, stride: tuple[int, int, int]) -> nn.Sequential:
    """Transposed convolution, batch norm, ReLU."""
    grow = tuple(each - 1 for each in stride)
    convolution = nn.ConvTranspose3d(inputs, outputs, 3, stride, 1, grow)  # pyright: ignore[reportArgumentType]
    return nn.Sequential(convolution, nn.BatchNorm3d(outputs), nn.ReLU())


class PlainITAE(nn.Module):
    """Table 1: two encoders with a lateral after conv1, and a decoder of both latents."""

    def __init__(self) -> None:
        super().__init__()
        down, keep = (1, 2, 2), (1, 1, 1)
        self.static = nn.ModuleList(
            [
                block(1, 96, (1, 3, 3), down),
                block(192, 128, (1, 3, 3), down),
                block(128, 256, (3, 3, 3), keep),
                block(256, 256, (3, 3, 3), keep),
            ]
        )
        self.dynamic = nn.ModuleList(
            [
                block(1, 12, (5, 3, 3), down),
                block(12, 16, (3, 3, 3), down),
                block(16, 32, (3, 3, 3), keep),
                block(32, 32, (3, 3, 3), keep),
            ]
        )
        self.lateral = block(12, 96, (5, 1, 1), (4, 1, 1))
        self.fusion = block(32, 256, (5, 1, 1), (4, 1, 1))
        self.decoder = nn.Sequential(
            up(512, 256, (1, 1, 1)), up(256, 128, (2, 2, 2)), up(128, 96, (2, 2, 2)), nn.ConvTranspose3d(96, 1, 3, 1, 1)
        )

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 1, 16, H, W) -> static and dynamic latents, and the frames."""
        static, dynamic = clips[:, :, ::4], clips
        for index in range(4):
            static, dynamic = self.static[index](static), self.dynamic[index](dynamic)
            if index == 0:
                static = torch.cat([static, self.lateral(dynamic)], 1)
        return static, dynamic, torch.tanh(self.decoder(torch.cat([static, self.fusion(dynamic)], 1)))


class PlainFlow(nn.Module):
    """Section 3.3: 32 steps of Glow on maps, one squeeze, a standard normal prior."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = Squeeze()
        self.blocks = nn.ModuleList(
            GlowBlock(4 * channels, 512, scale_map="sigmoid", split_mode="channel") for _ in range(32)
        )
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("std", torch.ones(channels, 1, 1))
        self.register_buffer("shift", torch.zeros(channels, 1, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """(N, C, H, W) -> (N,) negative log-likelihood, nats."""
        scale: Any = self.std
        z = (maps + self.shift - self.mean) / scale
        log_det: Any = -maps.shape[2] * maps.shape[3] * scale.log().sum()
        z, _ = self.squeeze.inverse(z)
        for each in self.blocks:
            z, change = each.inverse(z)  # pyright: ignore[reportCallIssue]
            log_det = log_det + change
        return 0.5 * (z.square() + torch.log(torch.tensor(2 * torch.pi))).flatten(1).sum(1) - log_det


class Plain(nn.Module):
    """The pipeline: clips (B, 1, 16, H, W) -> patch errors (B, 16) and likelihoods (B, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.itae, self.flows = PlainITAE(), nn.ModuleDict({"static": PlainFlow(3), "dynamic": PlainFlow(2)})

    def forward(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        static, dynamic, output = self.itae(clips)
        error = (output - clips).abs().mean(1)
        patches = functional.avg_pool2d(error, 16, 4).amax((2, 3))  # Eq. 12
        total: Any = 0.0
        for name, latent in (("static", static), ("dynamic", dynamic)):
            maps = torch.stack([latent.amax(1), latent.mean(1)], 2)
            if name == "static":
                frames = clips[:, 0, ::4]
                small = functional.interpolate(frames, latent.shape[-2:], mode="area")
                maps = torch.cat([maps, small[:, :, None]], 2)
            nll = self.flows[name](maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
            total = total + nll.repeat_interleave(16 // nll.shape[1], 1)
        return patches, total


def plain_loss(model: PlainITAE, clips: Tensor) -> Tensor:
    """The training loss of the paper: intensity, MS-SSIM and gradient."""
    output = model(clips)[2]
    frames, truth = (each.transpose(1, 2).flatten(0, 1) for each in (output, clips))
    similarity = ms_ssim((frames + 1) / 2, (truth + 1) / 2, data_range=1.0, win_size=WINDOW)

    def gradients(images: Tensor) -> tuple[Tensor, Tensor]:
        return (images[..., 1:] - images[..., :-1]).abs(), (images[..., 1:, :] - images[..., :-1, :]).abs()

    edges = [(one - other).abs().mean() for one, other in zip(gradients(frames), gradients(truth), strict=True)]
    return (output - clips).square().mean() + 1 - similarity + torch.stack(edges).sum()


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
    device = experiment.fabric.device
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
        for name in DENSITIES:  # the first batch sets actnorm; the coupling starts as the identity, so it is moved
            density: Any = experiment.heads[name].density.to(device)  # pyright: ignore[reportAttributeAccessIssue]
            for key, weight in density.named_parameters():
                if "param_map" in key:
                    weight.add_(0.01 * torch.randn_like(weight))
            density.eval()(torch.rand(8, *experiment.heads[name].feature.spec.shape, device=device))
        copy_weights(plain, experiment)
    pipeline = experiment.pipeline(folded=True)
    autocast = experiment.fabric.autocast

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
    step = TrainingStep(model.requires_grad_(True), _build_losses(recipe, recipe.model)).to(clips.device).train()
    optimizer = build(recipe.model.fit.optimizer).build([p for p in step.parameters() if p.requires_grad])
    plain.requires_grad_(True).train()
    adam = torch.optim.Adam(plain.parameters(), 1e-5)

    def before() -> None:
        adam.zero_grad()
        plain_loss(plain, clips).backward()
        adam.step()

    def after() -> None:
        optimizer.zero_grad(set_to_none=True)
        with experiment.fabric.autocast():
            losses = step(Batch(clips, {})).losses()
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()

    compare("training step of ITAE", before, after, pairs, len(clips), cuda, top)


if __name__ == "__main__":
    main()
