"""Calls modules and scorers of each kind: makes their toy input and names their outputs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from vadkit.core.values import BottleneckOutput, ClipOutputs, ClipSpec, LatentSpec, Samples
from vadkit.model.autoencoder import target_frames
from vadkit.testing.outcome import require
from vadkit.testing.subject import Subject, seeded
from vadkit.testing.toy_fit import ToyContext, ToySource, samples

Outputs = dict[str, Tensor]


class AnyName(dict[str, Tensor]):
    """A mapping that has a tensor under every name, for the extra scores of an unknown bottleneck.

    Args:
        tensor: the value of every name.
    """

    def __init__(self, tensor: Any) -> None:
        super().__init__(tensor if isinstance(tensor, Mapping) else {"": tensor})

    def __missing__(self, name: str) -> Tensor:
        return self[""]

    def __contains__(self, name: object) -> bool:
        return True

    def get(self, name: str, default: Any = None) -> Any:
        """The tensor, whatever the name."""
        del default
        return self[name]


def clips(spec: ClipSpec, batch: int, *, seed: int = 0) -> Tensor:
    """(B, C, T, H, W) in [-1, 1]: a bright square moves over a brightness gradient, with a little noise."""
    random = torch.Generator().manual_seed(seed)
    made = torch.linspace(-0.6, 0.2, spec.width).expand(batch, *spec.shape).clone()
    made += 0.05 * torch.randn(made.shape, generator=random)
    side = max(min(spec.height, spec.width) // 4, 1)
    for index in range(batch):
        row, column = (int(torch.randint(0, max(n, 1), (), generator=random)) for n in (spec.height, spec.width))
        for frame in range(spec.frames):
            top, left = row % max(spec.height - side, 1), (column + 2 * frame) % max(spec.width - side, 1)
            made[index, :, frame, top : top + side, left : left + side] += 0.7
    return made.clamp(-1, 1)


def latents(specs: Mapping[str, LatentSpec], batch: int, *, seed: int = 0) -> dict[str, Tensor]:
    """Random latents, as after a ReLU: name -> (B, C', T', H', W')."""
    random = torch.Generator().manual_seed(seed + 1)
    return {name: torch.randn((batch, *spec.shape), generator=random).relu() for name, spec in specs.items()}


def mapped(change: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """Apply a function to every tensor of a tree of mappings, tuples and `ClipOutputs`."""
    if isinstance(tree, Tensor):
        return change(tree)
    if isinstance(tree, Mapping):
        return type(tree)({name: mapped(change, value) for name, value in tree.items()})  # pyright: ignore
    if isinstance(tree, tuple):
        return tuple(mapped(change, value) for value in tree)
    if isinstance(tree, ClipOutputs):
        names = ("clips", "target", "output", "latents", "nll", "scores", "nll_maps", "present", "tags")
        return replace(tree, **{name: mapped(change, getattr(tree, name)) for name in names})
    return tree


def inputs(subject: Subject, batch: int, *, seed: int = 0) -> tuple[Any, ...]:
    """The arguments that vadkit passes to `forward`; the first axis of every tensor is the batch."""
    clip = subject.toy.clip
    if subject.kind == "density":
        return (samples(subject.toy.sample, batch, seed=seed + 1),)
    frames = clips(clip, batch, seed=seed)
    if subject.kind in ("loss", "scorer"):
        return (outputs_of_a_model(subject, frames, seed),)
    seen = frames[:, :, clip.input[0] : clip.input[1]]
    if subject.kind == "encoder":
        return (seen,)
    encoder, specs = subject.encoder(), subject.toy.specs
    with torch.no_grad():
        if encoder is None:
            given = latents(specs, batch, seed=seed)
        else:
            given, specs = encoder(seen), encoder.latents  # pyright: ignore[reportCallIssue]
        bottleneck = subject.bottleneck(specs)
        if bottleneck is not None:
            given = bottleneck(given).latents
    return (seen, given) if subject.kind == "feature" else (given,)


def outputs_of_a_model(subject: Subject, frames: Tensor, seed: int) -> ClipOutputs:
    """The outputs of a partly trained model: close to the target, with noise."""
    clip = subject.toy.clip
    target = target_frames(frames, clip)
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(seed + 7))
    per_frame = AnyName(torch.zeros(len(frames), clip.input_frames))
    specs = subject.latents if subject.kind == "bottleneck" else subject.toy.specs
    drawn = latents(specs, len(frames), seed=seed)
    features = {"": subject.toy.sample} if subject.toy.places else {}
    output = (target + 0.2 * noise).clamp(-1, 1)
    return ClipOutputs(clip, frames, target, output, drawn, {}, per_frame, features=features)


def call(subject: Subject, module: Any, given: tuple[Any, ...], *, forget: bool = True) -> Outputs:
    """Call a component and name its outputs; with `forget`, reset the memory of a bottleneck first."""
    if subject.kind == "scorer":
        return call_scorer(module, given[0])
    reset = getattr(module, "reset", None)
    if forget and callable(reset):
        reset()
    out = module(*given)
    if subject.kind == "feature" and isinstance(out, Samples):
        values, absent = out.values, ~out.present
        return {"output": values.masked_fill(absent[(...,) + (None,) * (values.dim() - absent.dim())], 0)}
    expected, described, fix = _RETURNS.get(subject.kind, (Tensor, "a tensor", "return one tensor"))
    require(isinstance(out, expected), f"forward returns a {type(out).__name__}, not {described}", fix)
    if isinstance(out, BottleneckOutput):
        groups = {"latents": out.latents, "losses": out.losses, "scores": out.scores}
        return {f"{group}/{name}": tensor for group, tensors in groups.items() for name, tensor in tensors.items()}
    return {"output": out} if isinstance(out, Tensor) else dict(out)


_RETURNS: Mapping[str, tuple[type, str, str]] = {
    "encoder": (Mapping, "{name: latent}", "return a dict of named latents"),
    "bottleneck": (BottleneckOutput, "a BottleneckOutput", "return BottleneckOutput(latents, losses, scores)"),
}


def call_scorer(scorer: Any, out: ClipOutputs) -> Outputs:
    """The scorer's score, and its maps if there are any."""
    given = declared_outputs(scorer, out)
    with torch.no_grad():
        score, anomaly_maps = scorer(given), scorer.anomaly_maps(given)
    require(isinstance(score, Tensor), f"it returns a {type(score).__name__}, not a tensor", "return scores (B, T)")
    return {"score": score} | ({} if anomaly_maps is None else {"anomaly_maps": anomaly_maps})


def declared_outputs(scorer: Any, out: ClipOutputs) -> ClipOutputs:
    """The model outputs that the scorer declares: its densities' likelihoods, and the output if it uses it."""
    steps = out.scores[""] * 3 + 40  # (B, T')
    names = scorer.densities()
    if out.features:
        spec = next(iter(out.features.values()))
        steps = steps[:, :, None, None].repeat(1, 1, *spec.axes[1:])
    likelihoods = {name: out.nll.get(name, steps) for name in names}
    features = {name: spec for name in names for spec in out.features.values()}
    return replace(out, nll=likelihoods, features=features, output=out.output if scorer.uses_output else None)


def differing(one: Outputs, two: Outputs) -> list[str]:
    """Names of outputs that are not bitwise equal."""
    return [name for name in one if not torch.equal(one[name].nan_to_num(), two[name].nan_to_num())]


def build_eval(subject: Subject, *, seed: int = 0, anew: bool = False) -> nn.Module:
    """A new module in eval mode, or a new scorer.

    A density is fitted first. Unless `anew`, it is a copy of the one that was already fitted from this seed.
    """
    if subject.kind == "scorer":
        return subject.build()
    if subject.kind != "density":
        return subject.build(seed=seed).eval()
    name = f"fitted from {seed}"
    if anew or name not in subject.cache:
        density = subject.build(seed=seed)
        fit(subject, density, seed=seed)
        subject.cache[name] = density.eval()
    return copy.deepcopy(subject.cache[name])


def fit(subject: Subject, density: Any, *, seed: int = 0) -> int:
    """Fit a density on the toy samples; returns how often it called `context.fit`."""
    source = ToySource(samples(subject.toy.sample), subject.toy.sample)
    context = ToyContext(subject.toy.epochs)
    with seeded(seed):
        density.fit(source, context)
    return context.asked


def evaluate(subject: Subject, module: Any, given: tuple[Any, ...], *, seed: int = 0, forget: bool = True) -> Outputs:
    """`call` without gradients, from a fixed seed; only `check_evaluation_repeats` tests other seeds."""
    with seeded(seed), torch.no_grad():
        return call(subject, module, given, forget=forget)
