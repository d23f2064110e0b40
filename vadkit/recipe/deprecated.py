"""Recipe keys with a new name or place: an old name works for one release, with a warning; an old place is refused."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from vadkit.core.errors import DeprecatedKeyWarning
from vadkit.recipe.node import Node, fail

LAST_RELEASE = "0.3"
"""The release that no longer reads the old names."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """A key with a new name.

    Attributes:
        path: the old key with its sections; "*" stands for any name.
        key: the new key.
        values: old value -> new value, of the values that also have a new name.
    """

    path: str
    key: str
    values: Mapping[str, str] = field(default_factory=dict[str, str])


RENAMED = (
    Renamed("model.fit.schedule", "lr_scheduler"),
    Renamed("densities.*.fit.schedule", "lr_scheduler"),
    Renamed("evaluate.maps", "anomaly_maps"),
    Renamed("evaluate.protocol.uncovered", "missing_scores", {"edge": "nearest", "lowest": "min"}),
)

MOVED = {"engine.score_overlap": "evaluate.protocol.overlap"}
"""Old key -> the key of another section that replaces it."""


def translate(recipe: Node) -> Node:
    """The content of one recipe file or override with the new names; a `DeprecatedKeyWarning` for each old name.

    Raises:
        RecipeError: a section has both the old and the new key, or a key of it moved to another section.
    """
    for path, new in MOVED.items():
        _refuse_moved(recipe, path.split("."), new)
    for renamed in RENAMED:
        recipe = _translate(recipe, renamed.path.split("."), renamed)
    return recipe


def _refuse_moved(node: Node, path: Sequence[str], new: str) -> None:
    step, *rest = path
    if not isinstance(node.value, Mapping) or step not in node.value:
        return None
    if rest:
        return _refuse_moved(node.value[step], rest, new)
    raise fail(node.value[step].head, f"{step!r} is now {new!r}", f"write it there, as in --set {new}=VALUE")


def _translate(node: Node, path: Sequence[str], renamed: Renamed) -> Node:
    if not isinstance(node.value, Mapping):
        return node
    step, *rest = path
    if rest:
        steps = node.value if step == "*" else {step} & node.value.keys()
        changed = {name: _translate(node.value[name], rest, renamed) for name in steps}
        return replace(node, value={**node.value, **changed})
    if step not in node.value:
        return node
    old = node.value[step]
    if renamed.key in node.value:
        what = f"{step!r} is the old name of {renamed.key!r}, and both are given"
        raise fail(old.head, what, f"remove {step!r}")
    before, after, new = repr(step), repr(renamed.key), old
    if isinstance(old.value, str) and old.value in renamed.values:
        new = replace(old, value=renamed.values[old.value])
        before, after = f"'{step}: {old.value}'", f"'{renamed.key}: {new.value}'"
    text = f"{old.head}: {before} is now {after}; the old name works until vadkit {LAST_RELEASE}"
    warnings.warn(text, DeprecatedKeyWarning, stacklevel=2)
    entries = [(renamed.key, new) if name == step else (name, each) for name, each in node.value.items()]
    return replace(node, value=dict(entries))
