"""The code that a stage was made with. A recipe names components and keys, but not their source code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.model import Recipe

Code = Mapping[str, Mapping[str, str]]
"""Stage -> package -> digest of the package's source, for every package with a component of the stage."""


def code_of(recipe: Recipe) -> dict[str, dict[str, str]]:
    """The current code of the stages `model`, `density.NAME` and `scores`."""
    parts: dict[str, Any] = {"model": recipe.model} if recipe.model is not None else {}
    parts |= {f"density.{name}": entry for name, entry in recipe.densities.items()}
    return {stage: code_of_components(part) for stage, part in (parts | {"scores": recipe.scores}).items()}


def code_of_components(part: Any) -> dict[str, str]:
    """Package -> digest of its source, for every package with a component of a part of a recipe."""
    packages = {chosen.component.target.partition(":")[0].partition(".")[0] for chosen in _chosen(part)}
    return {package: source_digest(package) for package in sorted(packages)}


def plugins_of(recipe: Recipe) -> list[str]:
    """The plugins that a recipe uses, each with its distribution and version."""
    return sorted({chosen.component.origin for chosen in _chosen(recipe) if chosen.component.origin})


def changes(before: Code, now: Code) -> list[str]:
    """One warning for each stage that was started with other code; stages that `before` lacks are ignored."""
    warnings: list[str] = []
    for stage, packages in before.items():
        other = [name for name, digest in packages.items() if now.get(stage, {}).get(name, digest) != digest]
        if other:
            changed = f"the code of {', '.join(other)} has changed since stage {stage} was started"
            warnings.append(f"warning: {changed}; its earlier results are kept")
    return warnings


def _chosen(value: Any) -> Iterator[ComponentConfig]:
    """Every component in a part of a recipe, also nested ones."""
    if isinstance(value, ComponentConfig):
        yield value
        yield from _chosen(value.keys)
    elif isinstance(value, Mapping):
        for item in cast("Mapping[str, Any]", value).values():
            yield from _chosen(item)
    elif isinstance(value, (list, tuple)):
        for item in cast("list[Any]", value):
            yield from _chosen(item)
    elif is_dataclass(value):
        for field in fields(value):
            if field.name != "tree":
                yield from _chosen(getattr(value, field.name))


def source_digest(package: str) -> str:
    """Digest of the Python files of a package or module; empty if there is no source."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return ""
    if spec is None:
        return ""
    files = [path for folder in spec.submodule_search_locations or () for path in sorted(Path(folder).rglob("*.py"))]
    files = files or ([Path(spec.origin)] if spec.origin and spec.origin.endswith(".py") else [])
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12] if files else ""
