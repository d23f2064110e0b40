"""Checks that actual shapes equal declared shapes, on the toy clip and on others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from vadkit.core.errors import join_names
from vadkit.core.values import ClipSpec
from vadkit.testing.calls import build_eval, evaluate, inputs
from vadkit.testing.outcome import ConformityError, NotApplicableError, failing, require
from vadkit.testing.subject import Subject

Shape = tuple[int | None, ...]  # None where any size is allowed

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
    what = f"it is a {type(module).__name__}, not a torch.nn.Module"
    require(isinstance(module, nn.Module), what, "derive from both, the contract first: class Mine(Encoder, nn.Module)")


def check_shapes(subject: Subject) -> None:
    """Its outputs have the shapes that it or its contract declares, in floating point."""
    _expect(subject, build_eval(subject), BATCH)


def check_batch_of_one(subject: Subject) -> None:
    """A batch of one works, in evaluation and in training: the last batch of an epoch may have one clip."""
    module = build_eval(subject)
    _expect(subject, module, 1)
    fix = "normalise over more than the batch"  # batch norm over single values raises ValueError
    with failing("in training a batch of one fails", fix, ValueError):
        outputs = evaluate(subject, module.train(), inputs(subject, 1))
    require(bool(outputs), "it returns no outputs", "return the outputs of its contract")


def check_other_clips(subject: Subject) -> None:
    """Other geometries (RGB, prediction, odd sizes) work as declared, or are refused with a ShapeError when built."""
    for clip in OTHERS:
        other = subject.with_toy(clip=clip)
        clips = f"clips of {clip.frames} frames, {clip.height}x{clip.width}, {clip.color}, input {clip.input}"
        try:
            module = build_eval(other)
        except NotApplicableError as error:
            require(error.refused, f"for {clips}, {error}", "raise a ShapeError that names the size that does not fit")
            continue
        fix = "declare its actual shapes, or raise a ShapeError when it is built"
        errors = ConformityError, RuntimeError, ValueError, IndexError, KeyError
        with failing(f"it can be built for {clips}, but then", fix, *errors):
            _expect(other, module, BATCH)


def check_strange_latents(subject: Subject) -> None:
    """Latents of unknown names and sizes are decoded, or refused with a ShapeError when it is built."""
    strange = subject.with_toy(encoder=None, bottleneck=None, latents={"stranger": (3, 1, 5, 7)})
    try:
        module = build_eval(strange)
    except NotApplicableError as error:
        fix = "raise a ShapeError that names the latents that it needs"
        require(error.refused, f"for unknown latents, {error}", fix)
    else:
        _expect(strange, module, BATCH)


def _declared(subject: Subject, module: Any, batch: int) -> Mapping[str, Shape]:
    """Name -> the declared shape."""
    clip = subject.toy.clip
    match subject.kind:
        case "encoder":
            latents = getattr(module, "latents", None)
            fix = "set self.latents = {name: LatentSpec(...)} in the constructor"
            require(isinstance(latents, Mapping) and bool(latents), "it declares no latents", fix)
            return {name: (batch, *spec.shape) for name, spec in module.latents.items()}
        case "bottleneck":
            latents = getattr(module, "latents", None) or subject.latents
            return {f"latents/{name}": (batch, *spec.shape) for name, spec in latents.items()}
        case "decoder":
            return {"output": (batch, clip.channels, clip.target_frames, clip.height, clip.width)}
        case "feature":
            return {"output": (batch, *module.spec.axes, *module.spec.shape)}
        case "density":
            return {"output": (batch,)}
        case _:  # a loss
            return {"output": ()}


def _expect(subject: Subject, module: nn.Module, batch: int) -> None:
    if subject.kind == "feature":
        _check_spec(subject, module)
    wanted = _declared(subject, module, batch)
    outputs = evaluate(subject, module, inputs(subject, batch))
    names = {name for name in outputs if not name.startswith(("losses/", "scores/"))}
    what = f"it declares {join_names(sorted(wanted))}, but returns {join_names(sorted(names)) or 'nothing'}"
    require(names == set(wanted), what, "return exactly the declared latents")
    for name, tensor in outputs.items():
        rule = () if name.startswith("losses/") else (batch, None)
        _compare(name, tensor, wanted.get(name, rule))
        integers = subject.kind == "encoder" or name.startswith("latents/")  # such as the indices of max pooling
        require(tensor.is_floating_point() or integers, f"{name} is {tensor.dtype}", "return floating point numbers")


def _compare(name: str, tensor: Tensor, wanted: Shape) -> None:
    shape = tuple(tensor.shape)
    fits = len(shape) == len(wanted) and all(want in (None, size) for size, want in zip(shape, wanted, strict=True))
    what = "its output" if name == "output" else name
    declared = str(wanted).replace("None", "any")
    fix = "declare the shape that forward returns, without the batch axis"
    require(fits, f"{what} is declared as {declared}, but is {shape}", fix)


def _check_spec(subject: Subject, module: Any) -> None:
    spec, clip = module.spec, subject.toy.clip
    frames = clip.input_frames
    if spec.frames is None:
        require(
            spec.samples > 0 and frames % spec.samples == 0,
            f"spec.samples is {spec.samples}, which does not divide the {frames} input frames of a clip",
            "set spec.frames, or return a number of samples that divides the frames, or refuse the clip with a"
            " ShapeError",
        )
    else:
        require(
            len(spec.frames) == spec.samples and all(0 <= first < last <= frames for first, last in spec.frames),
            f"spec.frames is {spec.frames} for {spec.samples} steps of a clip with {frames} input frames",
            "give a range of input frames for each step",
        )
    if (grid := spec.grid) is not None:
        ends = [(n - 1) * step + size for n, step, size in zip(spec.axes[1:], grid.stride, grid.window, strict=True)]
        require(
            ends[0] <= clip.height + 1e-6 and ends[1] <= clip.width + 1e-6,
            f"spec.grid ends at {ends[0]:g} x {ends[1]:g} pixels, outside the frame of {clip.height} x {clip.width}",
            "give windows in pixels of the clip, with the first one in the top left corner",
        )
    require(
        len(spec.quantum) in (0, spec.shape[0]),
        f"spec.quantum has {len(spec.quantum)} entries for {spec.shape[0]} channels",
        "give one quantum for each channel, 0 for a continuous one",
    )
