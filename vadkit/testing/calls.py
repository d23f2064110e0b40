"""Calls each kind of `torch.nn.Module`: makes its toy input and names its outputs."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from vadkit.core.values import BottleneckOutput, ClipOutputs
from vadkit.model.autoencoder import target_of
from vadkit.testing import toy_clips as datamodule
from vadkit.testing import toy_fit as fitting
from vadkit.testing.outcome import require
from vadkit.testing.subject import Subject, seeded

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


def inputs(subject: Subject, batch: int, *, seed: int = 0) -> tuple[Any, ...]:
    """The arguments that vadkit passes to `forward`; the first axis of every tensor is the batch."""
    clip = subject.toy.clip
    if subject.kind == "density":
        return (fitting.samples(subject.sample, batch, seed=seed + 1),)
    frames = datamodule.clips(clip, batch, seed=seed)
    if subject.kind in ("loss", "scorer"):
        return (outputs_of_a_model(subject, frames, seed),)
    seen = frames[:, :, clip.input[0] : clip.input[1]]
    if subject.kind == "encoder":
        return (seen,)
    encoder = subject.encoder()
    if encoder is None:
        given = datamodule.latents(subject.toy.specs, batch, seed=seed)
    else:
        with torch.no_grad():
            given = encoder(seen)  # pyright: ignore[reportCallIssue]
    bottleneck = subject.bottleneck(subject.toy.specs if encoder is None else encoder.latents)
    if bottleneck is not None:
        with torch.no_grad():
            given = bottleneck(given).latents
    return (seen, given) if subject.kind == "feature" else (given,)


def outputs_of_a_model(subject: Subject, frames: Tensor, seed: int) -> ClipOutputs:
    """The outputs of a partly trained model: close to the target, with noise."""
    clip = subject.toy.clip
    target = target_of(frames, clip)
    noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(seed + 7))
    steps = clip.input_frames
    per_frame = AnyName(torch.zeros(len(frames), steps))
    specs = subject.latents if subject.kind == "bottleneck" else subject.toy.specs
    latents = datamodule.latents(specs, len(frames), seed=seed)
    return ClipOutputs(clip, frames, target, (target + 0.2 * noise).clamp(-1, 1), latents, {}, per_frame)


def call(subject: Subject, module: Any, given: tuple[Any, ...], *, forget: bool = True) -> Outputs:
    """Call `forward` and name its outputs; with `forget`, reset the memory of a bottleneck first."""
    reset = getattr(module, "reset", None)
    if forget and callable(reset):
        reset()
    out = module(*given)
    if subject.kind == "encoder":
        require(
            isinstance(out, Mapping),
            f"forward returns a {type(out).__name__}, not {{name: latent}}",
            "return a dict of named latents",
        )
        return dict(out)
    if subject.kind == "bottleneck":
        require(
            isinstance(out, BottleneckOutput),
            f"forward returns a {type(out).__name__}, not a BottleneckOutput",
            "return BottleneckOutput(latents, losses, scores)",
        )
        groups = {"latents": out.latents, "losses": out.losses, "scores": out.scores}
        return {f"{group}/{name}": tensor for group, tensors in groups.items() for name, tensor in tensors.items()}
    require(isinstance(out, Tensor), f"forward returns a {type(out).__name__}, not a tensor", "return one tensor")
    return {"output": out}


def differing(one: Outputs, two: Outputs) -> list[str]:
    """Names of outputs that are not bitwise equal."""
    return [name for name in one if not torch.equal(one[name].nan_to_num(), two[name].nan_to_num())]


def build_eval(subject: Subject, *, seed: int = 0, anew: bool = False) -> nn.Module:
    """A new module in eval mode.

    A density is fitted first. Unless `anew`, it is a copy of the one that was already fitted from this seed.
    """
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
    source = fitting.ToySource(fitting.samples(subject.sample), subject.sample)
    context = fitting.ToyContext(subject.toy.epochs)
    with seeded(seed):
        density.fit(source, context)
    return context.asked


def evaluate(subject: Subject, module: Any, given: tuple[Any, ...], *, seed: int = 0) -> Outputs:
    """`call` without gradients, from a fixed seed; only `check_evaluation_repeats` tests other seeds."""
    with seeded(seed), torch.no_grad():
        return call(subject, module, given)
