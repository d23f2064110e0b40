"""The parts of a pipeline, by name: where time and operations go, and what a message names."""

from __future__ import annotations

from typing import Any

from torch import nn

from vadkit.model.pipeline import Pipeline
from vadkit.recipe.model import Recipe


def parts_of(pipeline: Pipeline) -> dict[str, nn.Module]:
    """Part -> its module. Densities with equal features share one, which has the name of the first density."""
    parts: dict[str, Any] = {}
    if (model := pipeline.autoencoder) is not None:
        named: dict[str, Any] = {"encoder": model.encoder, "bottleneck": model.bottleneck, "decoder": model.decoder}
        parts = {name: module for name, module in named.items() if module is not None}
    for name, head in pipeline.named_heads().items():
        if head.feature not in parts.values():
            parts[f"features.{name}"] = head.feature
        parts[f"densities.{name}"] = head.density
    return parts


def component_names(recipe: Recipe) -> dict[str, str]:
    """Part -> name of its component: `encoder`, `features.NAME`, `densities.NAME`, `scores.NAME` and so on."""
    names = {f"densities.{name}": entry.density.component.name for name, entry in recipe.densities.items()}
    names |= {f"features.{name}": entry.feature.component.name for name, entry in recipe.densities.items()}
    names |= {f"scores.{name}": entry.component.name for name, entry in recipe.scores.items()}
    if (model := recipe.model) is not None:
        chosen = {"encoder": model.encoder, "bottleneck": model.bottleneck, "decoder": model.decoder}
        names |= {part: one.component.name for part, one in chosen.items() if one is not None}
    return names
