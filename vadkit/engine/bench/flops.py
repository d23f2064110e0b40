"""The cost of a pipeline, part by part: the same hooks measure seconds and operations."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from math import prod
from typing import Any, TypeVar

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode

from vadkit.core.contracts import Scorer
from vadkit.engine.parts import parts_of
from vadkit.model.pipeline import Pipeline

SCORES = "scores"  # the part after the pipeline
Reading = TypeVar("Reading")


@contextlib.contextmanager
def watched(pipeline: Pipeline, read: Callable[[], Reading]) -> Iterator[dict[str, tuple[Reading, Reading]]]:
    """While a clip passes: part -> results of `read` before and after it, for the parts that run."""
    begun: dict[str, Reading] = {}
    seen: dict[str, tuple[Reading, Reading]] = {}

    def begin(part: str) -> Callable[..., None]:
        return lambda *_: begun.update({part: read()})

    def end(part: str) -> Callable[..., None]:
        return lambda *_: seen.update({part: (begun[part], read())})

    hooks = []
    for part, module in parts_of(pipeline).items():
        hooks += [module.register_forward_pre_hook(begin(part)), module.register_forward_hook(end(part))]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def count_flops(pipeline: Pipeline, scorers: Mapping[str, Scorer]) -> dict[str, int] | None:
    """Part -> floating-point operations of one clip; None if a component cannot run without values.

    A multiply-add counts as 2. Convolutions and matrix products count. Distances and triangular
    solutions count as equivalent matrix products. Element-wise operations do not count. Nothing is
    computed: only shapes pass through the pipeline, which stays unchanged.
    """
    try:
        return _count(pipeline, scorers)
    except Exception:  # a plugin may do anything with a tensor that has no values
        return None


def _count(pipeline: Pipeline, scorers: Mapping[str, Scorer]) -> dict[str, int]:
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    held = {name: tensor.detach() for name, tensor in [*pipeline.named_parameters(), *pipeline.named_buffers()]}
    device = next((tensor.device for tensor in held.values()), torch.device("cpu"))
    # Scalars keep their value, because some components branch on them, such as ActNorm.
    numbers = {name: (tensor.item(), tensor.dtype) for name, tensor in held.items() if tensor.dim() == 0}
    with torch.no_grad(), fake:
        state: dict[str, torch.Tensor] = {name: fake.from_tensor(tensor) for name, tensor in held.items()}
        state |= {name: torch.tensor(value, dtype=dtype, device=device) for name, (value, dtype) in numbers.items()}
        clips = torch.zeros(1, *pipeline.clip.shape, device=device)
        counter = FlopCounterMode(display=False, custom_mapping=_OTHERS)
        with counter, watched(pipeline, counter.get_total_flops) as seen:
            out = functional_call(pipeline, state, (clips,))
            before = counter.get_total_flops()
            for scorer in scorers.values():
                scorer(out)
            seen[SCORES] = (before, counter.get_total_flops())
    return {part: after - before for part, (before, after) in seen.items()}


def _distances(one: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    """(..., P, D) against (..., R, D)."""
    return 2 * prod(out_shape) * one[-1]


def _triangular(matrix: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    """(..., D, D) and (..., D, N): half of a matrix product."""
    return prod(out_shape) * matrix[-1]


_OTHERS = {
    torch.ops.aten._cdist_forward: _distances,
    torch.ops.aten._euclidean_dist: _distances,  # `cdist` calls it for many rows
    torch.ops.aten.linalg_solve_triangular: _triangular,
}
"""Operations that torch's counter does not know."""
