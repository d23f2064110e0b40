"""Files that a recipe names for its components, such as pretrained weights: keys with the type `WeightsFile`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from vadkit.core.errors import VadkitError
from vadkit.recipe.node import Place


@dataclass(frozen=True, slots=True)
class FileName:
    """The value of such a key, before the file is found."""

    path: Path


def find_file(named: Path, at: Place, kept: Mapping[str, Path]) -> Path:
    """Find a file that a recipe names.

    A relative path starts at the folder of the recipe file that names it. If the file is not there, it starts at the
    working folder.

    Args:
        named: the path in the recipe.
        at: where the recipe names it.
        kept: absolute path of a file -> the copy of it that a run keeps. Used only if the file does not exist.

    Returns:
        An absolute path.

    Raises:
        VadkitError: the file does not exist, or cannot be read.
    """
    origin = Path(at.origin)
    folders = (origin.parent, Path()) if at.line and origin.is_file() else (Path(),)
    tried = list(dict.fromkeys(Path(os.path.abspath(folder / named.expanduser())) for folder in folders))  # noqa: PTH100
    for path in tried:
        if path.is_file() and os.access(path, os.R_OK):
            return path
        if path.exists():
            raise VadkitError(f"{path} is a folder" if path.is_dir() else f"the file {path} cannot be read")
    for path in tried:
        if str(path) in kept:
            return kept[str(path)]
    where = " and ".join(map(str, tried))
    raise VadkitError(f"the file {str(named)!r} does not exist", fix=f"correct the path; vadkit looked for {where}")


def replaced(tree: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a recipe's plain values in which the values at some dotted paths are others."""
    changed: Any = dict(tree)
    for path, value in values.items():
        changed = _replaced(changed, path, value)
    return changed


def _replaced(tree: Any, path: str, value: Any) -> Any:
    if not path:
        return value
    if isinstance(tree, Mapping):
        entries = cast("Mapping[str, Any]", tree)
        for name, inner in entries.items():  # a name may contain dots
            if path == name or path.startswith(f"{name}."):
                return {**entries, name: _replaced(inner, path[len(name) + 1 :], value)}
    if isinstance(tree, list):
        items = cast("list[Any]", tree)
        number, _, rest = path.partition(".")
        return [_replaced(item, rest, value) if str(i) == number else item for i, item in enumerate(items)]
    raise KeyError(path)
