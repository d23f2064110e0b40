"""Captures everything that scores a clip as one graph."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.export import Dim, ExportedProgram
from torch.fx.experimental.symbolic_shapes import is_concrete_int

from vadkit.core.errors import VadkitError
from vadkit.core.values import ClipSpec
from vadkit.engine.experiment import Experiment
from vadkit.engine.export.clip_scorer import INPUT, ClipScorer, LinearFusion, ignore, random_frames, scores_name
from vadkit.engine.parts import component_names, parts_of

_FIX = (
    "export a run with components that compute with torch alone, on batches of any size;"
    " 'vadkit watch' and 'vadkit score' work with every run"
)


@dataclass(frozen=True, slots=True)
class Graph:
    """A captured run."""

    module: ClipScorer
    program: ExportedProgram  # computes the same, for batches of any size
    outputs: tuple[str, ...]  # names, in order
    components: Mapping[str, str]  # part of the recipe, such as "densities.static" -> its component, such as "glow"

    @property
    def clip(self) -> ClipSpec:
        """Geometry of a clip."""
        return self.module.pipeline.clip

    def part_of(self, node: str) -> str:
        """The part of the recipe that a node of the graph belongs to, by its name; empty if it is unknown."""
        graphs = [each for each in self.program.graph_module.modules() if isinstance(each, torch.fx.GraphModule)]
        for each in (each for graph in graphs for each in graph.graph.nodes):
            if each.name == node:
                stack = [path for path, _ in (each.meta.get("nn_module_stack") or {}).values()]
                return _part_at(self.module, stack)
        return ""


def capture(experiment: Experiment, *, maps: bool, fusion: LinearFusion | None = None) -> Graph:
    """Capture a trained experiment in float32 on the CPU, with the operations of its own modules.

    Args:
        experiment: with its weights. Its modules move to the CPU.
        maps: whether the anomaly maps of the scorers are outputs too.
        fusion: gives the fused score. It is left out if the scorers score different positions of a clip, because the
            mean of fused scores is then not the fused score of means.

    Raises:
        VadkitError: a component cannot be captured; the message names it.
    """
    components = component_names(experiment.recipe)
    if why := experiment.stateful:
        what = f"{_named('bottleneck', components)} cannot be exported: it depends on earlier clips ({why})"
        raise VadkitError(what, where="vadkit export", fix="export a run without a state, or use 'vadkit watch'")
    if experiment.clip.flow:
        what = "clips with optical flow cannot be exported: OpenCV computes the flow before the model gets the clip"
        raise VadkitError(what, where="data.clip.flow", fix="use 'vadkit watch', or train without data.clip.flow")
    scorers = experiment.scorers
    pipeline = experiment.pipeline(anomaly_maps=tuple(scorers) if maps else (), folded=True, exported=True).cpu()
    module = ClipScorer(pipeline, scorers, tuple(scorers) if maps else (), fusion).eval()
    frames, trace = torch.from_numpy(random_frames(pipeline.clip, 2)), _Trace(module)
    try:
        with torch.no_grad(), quiet(), trace.followed():
            program = torch.export.export(
                module, (frames,), dynamic_shapes={INPUT: {0: Dim("batch", min=1)}}, strict=False
            )
    except Exception as error:  # torch and the components raise many kinds of errors
        raise refusal(trace.culprit, components, _reason(error, trace)) from error
    with torch.no_grad():
        found = module(frames[:1])
    if fusion is not None and len({tuple(found[scores_name(name)][0].isnan().tolist()) for name in scorers}) > 1:
        return capture(experiment, maps=maps)
    return Graph(module, program, tuple(found), components)


def refusal(part: str, components: Mapping[str, str], why: str) -> VadkitError:
    """The error for a component that cannot be exported."""
    what = f"{_named(part, components)} cannot be exported: {why}"
    return VadkitError(what, where="vadkit export", fix=_FIX)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings and reports of exporters out of the output."""
    names = ["torch", *(name for name in logging.root.manager.loggerDict if name.startswith(("torch.", "onnx")))]
    levels = {name: logging.getLogger(name).level for name in names}
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


class _Trace:
    """Which part runs while the graph is captured, and which one fixed the number of clips in a batch."""

    def __init__(self, module: ClipScorer) -> None:
        self._module = module
        self._running: list[str] = []
        self._fixed = self._scorer = ""

    @property
    def culprit(self) -> str:
        """The part that stopped the capture; empty if it is unknown."""
        return self._fixed or (self._running[-1] if self._running else self._scorer)

    @property
    def fixes_batch(self) -> bool:
        """Whether a part has fixed the number of clips."""
        return bool(self._fixed)

    @contextlib.contextmanager
    def followed(self) -> Iterator[None]:
        """Watch the parts of the pipeline."""
        sizes: list[Any] = []  # number of clips, a symbol while the graph is captured

        def note(_: nn.Module, given: tuple[Any, ...]) -> None:
            sizes[:] = [given[0].shape[0]]

        def begin(part: str) -> Callable[..., None]:
            return lambda *_: self._running.append(part)

        def end(part: str) -> Callable[..., None]:
            def ended(*_: object) -> None:
                self._running.pop()
                if not self._fixed and sizes and not isinstance(sizes[0], int) and is_concrete_int(sizes[0]):
                    self._fixed = part

            return ended

        pipeline = self._module.pipeline
        hooks = [pipeline.register_forward_pre_hook(note)]
        for part, module in parts_of(pipeline).items():
            hooks += [module.register_forward_pre_hook(begin(part)), module.register_forward_hook(end(part))]
        self._module.notify = self._note_scorer
        try:
            yield
        finally:
            self._module.notify = ignore
            for hook in hooks:
                hook.remove()

    def _note_scorer(self, part: str) -> None:
        self._scorer = part


def _named(part: str, components: Mapping[str, str]) -> str:
    """The component of a part, for messages."""
    kinds = {"features": "feature", "densities": "density", "scores": "scorer"}
    kind = kinds.get(part.partition(".")[0], part)
    if part not in components:
        return f"the component {part}" if part else "a component of the run"
    place = f" ({part})" if "." in part else ""
    return f"the {kind} {components[part]!r}{place}"


def _reason(error: Exception, trace: _Trace) -> str:
    if trace.fixes_batch:
        return "it works for one number of clips only (a component takes it from tensor.shape, not from len())"
    if "specialized it to be a constant" in str(error) or "Constraints violated" in str(error):
        return "it works for one number of clips only"
    if "data-dependent" in str(error) or "data dependent" in str(error):
        return "its operations depend on the values of tensors"
    lines = str(error).strip().splitlines()
    first = lines[0] if lines else ""
    return f"it computes outside of torch ({type(error).__name__}: {first[:120]})"


def _part_at(module: ClipScorer, stack: list[str]) -> str:
    """The part with the longest path among the modules that contain a node."""
    paths = {each: path for path, each in module.named_modules()}
    parts = {paths[each]: part for part, each in parts_of(module.pipeline).items() if each in paths}
    inside = [path for path in parts if any(each == path or each.startswith(f"{path}.") for each in stack)]
    return parts[max(inside, key=len)] if inside else ""
