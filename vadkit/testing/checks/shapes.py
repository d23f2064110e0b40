"""Checks that actual shapes equal declared shapes, on the toy clip and on others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from vadkit.core.errors import VadkitError, join_names
from vadkit.core.values import ClipSpec
from vadkit.testing.calls import build_eval, evaluate, inputs
from vadkit.testing.outcome import ConformityError, NotApplicableError, require
from vadkit.testing.subject import Subject

BATCH = 2
OTHERS = (
    ClipSpec(8, 32, 32, "rgb"),
    ClipSpec(5, 32, 48, "gray", input=(0, 4), target=(4, 5)),
    ClipSpec(16, 32, 32, "gray", input=(0, 8), target=(0, 16)),
    ClipSpec(3, 21, 34, "rgb"),
)
"""Geometries that a component either supports or refuses when it is built."""


def check_module(subject: Subject) -> None:
    """It derives from `torch.nn.Module`, so that its weights are moved, trained and saved."""
    module = subject.build()
    require(
        isinstance(module, nn.Module),
        f"it is a {type(module).__name__}, not a torch.nn.Module",
        "derive from both, the contract first: class Mine(Encoder, nn.Module)",
    )


def check_shapes(subject: Subject) -> None:
    """Its outputs have the shapes that it or its contract declares, in floating point."""
    _expect(subject, build_eval(subject), BATCH)


def check_batch_of_one(subject: Subject) -> None:
    """A batch of one works, in evaluation and in training: the last batch of an epoch may have one clip."""
    module = build_eval(subject)
    _expect(subject, module, 1)
    try:
        outputs = evaluate(subject, module.train(), inputs(subject, 1))
    except ValueError as error:  # of batch norm over single values
        raise ConformityError(
            f"in training a batch of one fails: {error}", fix="normalise over more than the batch"
        ) from error
    require(bool(outputs), "it returns no outputs", "return the outputs of its contract")


def check_other_clips(subject: Subject) -> None:
    """Other geometries (RGB, prediction, odd sizes) work as declared, or are refused with a ShapeError when built."""
    for clip in OTHERS:
        other = subject.with_clip(clip)
        told = f"clips of {clip.frames} frames, {clip.height}x{clip.width}, {clip.color}, input {clip.input}"
        try:
            module = build_eval(other)
        except NotApplicableError as refused:
            if _meant(refused):
                continue
            raise ConformityError(
                f"for {told}, {refused}", fix="raise a ShapeError that names the size that does not fit"
            ) from refused
        try:
            _expect(other, module, BATCH)
        except (ConformityError, RuntimeError, ValueError, IndexError, KeyError) as error:
            what = error.what if isinstance(error, ConformityError) else f"{type(error).__name__}: {error}"
            fix = "declare its actual shapes, or raise a ShapeError when it is built"
            raise ConformityError(f"it can be built for {told}, but then {what}", fix=fix) from error


def check_strange_latents(subject: Subject) -> None:
    """Latents of unknown names and sizes are decoded, or refused with a ShapeError when it is built."""
    strange = replace(
        subject, toy=replace(subject.toy, encoder=None, bottleneck=None, latents={"stranger": (3, 1, 5, 7)})
    )
    try:
        module = build_eval(strange)
    except NotApplicableError as refused:
        require(
            _meant(refused),
            f"for unknown latents, {refused}",
            "raise a ShapeError that names the latents that it needs",
        )
        return
    _expect(strange, module, BATCH)


def _meant(refused: NotApplicableError) -> bool:
    """Whether the constructor raised a VadkitError itself, not another exception."""
    return isinstance(refused.__cause__, VadkitError) and refused.__cause__.__cause__ is None


def expected(subject: Subject, module: Any, batch: int) -> Mapping[str, tuple[int | None, ...]]:
    """Name -> the required shape, None where any size is allowed."""
    clip = subject.toy.clip
    rules: Mapping[str, Callable[[], Mapping[str, tuple[int | None, ...]]]] = {
        "encoder": lambda: {name: (batch, *spec.shape) for name, spec in _latents(module).items()},
        "decoder": lambda: {"output": (batch, clip.channels, clip.target_frames, clip.height, clip.width)},
        "feature": lambda: {"output": (batch, module.spec.samples, *module.spec.shape)},
        "density": lambda: {"output": (batch,)},
        "loss": lambda: {"output": ()},
        "bottleneck": lambda: {
            f"latents/{name}": (batch, *spec.shape)
            for name, spec in (getattr(module, "latents", None) or subject.latents).items()
        },
    }
    return rules[subject.kind]()


def _latents(encoder: Any) -> Mapping[str, Any]:
    declared = getattr(encoder, "latents", None)
    require(
        isinstance(declared, Mapping) and bool(declared),
        "it declares no latents",
        "set self.latents = {name: LatentSpec(...)} in the constructor",
    )
    return declared  # pyright: ignore[reportReturnType]


def _expect(subject: Subject, module: nn.Module, batch: int) -> None:
    if subject.kind == "feature":
        _check_spec(subject, module)
    wanted = expected(subject, module, batch)
    outputs = evaluate(subject, module, inputs(subject, batch))
    names = {name for name in outputs if not name.startswith(("losses/", "scores/"))}
    if names != set(wanted):
        raise ConformityError(
            f"it declares {join_names(sorted(wanted))}, but returns {join_names(sorted(names)) or 'nothing'}",
            fix="return exactly the declared latents",
        )
    for name, tensor in outputs.items():
        rule: tuple[int | None, ...] = () if name.startswith("losses/") else (batch, None)
        _compare(name, tensor, wanted.get(name, rule))
        integers = subject.kind == "encoder" or name.startswith("latents/")  # such as the indices of max pooling
        require(tensor.is_floating_point() or integers, f"{name} is {tensor.dtype}", "return floating point numbers")


def _compare(name: str, tensor: Tensor, wanted: tuple[int | None, ...]) -> None:
    shape = tuple(tensor.shape)
    fits = len(shape) == len(wanted) and all(want in (None, size) for size, want in zip(shape, wanted, strict=True))
    what = "its output" if name == "output" else name
    told = str(wanted).replace("None", "any")
    fix = "declare the shape that forward returns, without the batch axis"
    require(fits, f"{what} is declared as {told}, but is {shape}", fix)


def _check_spec(subject: Subject, module: Any) -> None:
    spec, frames = module.spec, subject.toy.clip.input_frames
    require(
        spec.samples > 0 and frames % spec.samples == 0,
        f"spec.samples is {spec.samples}, which does not divide the {frames} input frames of a clip",
        "return a number of samples that divides the frames, or refuse the clip with a ShapeError",
    )
    require(
        len(spec.quantum) in (0, spec.shape[0]),
        f"spec.quantum has {len(spec.quantum)} entries for {spec.shape[0]} channels",
        "give one quantum for each channel, 0 for a continuous one",
    )
