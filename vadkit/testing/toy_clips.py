"""Toy clips: a bright square that moves over a brightness gradient, with a little noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from vadkit.core.values import ClipOutputs, ClipSpec, LatentSpec


def clips(spec: ClipSpec, batch: int, *, seed: int = 0) -> Tensor:
    """(B, C, T, H, W) in [-1, 1]; the clips differ."""
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
        names = ("clips", "target", "output", "latents", "nll", "scores")
        return replace(tree, **{name: mapped(change, getattr(tree, name)) for name in names})
    return tree
