"""The variants of a recipe file, and the numbers that a paper prints for them.

A file with `variants:` holds one recipe for each of them. Each entry lists what that variant changes; the rest of
the file is the base of all variants. `paper:` has the numbers as printed, to be compared with ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from vadkit.core.errors import closest, join_names
from vadkit.recipe.library import locate
from vadkit.recipe.node import Node, Place, Problems, entries_of, fail
from vadkit.recipe.source import read

VARIANTS, PAPER = "variants", "paper"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
_OF_THE_FILE = ("vadkit", VARIANTS, PAPER)
_KEYS_OF_PAPER = ("source", "rows")


@dataclass(frozen=True, slots=True)
class Printed:
    """One number of a paper.

    Attributes:
        value: as printed: percent for shares, such as an AUC.
        at: its place in the recipe.
    """

    value: float
    at: str


@dataclass(frozen=True, slots=True)
class Paper:
    """`paper:` what a paper prints for the variants.

    Attributes:
        source: which table of which paper, and what to know.
        rows: variant -> metric -> number. `micro_auc` is that of the fused score, `reconstruction.micro_auc` that of
            the component `reconstruction` alone.
    """

    source: str = ""
    rows: Mapping[str, Mapping[str, Printed]] = field(default_factory=dict[str, Mapping[str, Printed]])


@dataclass(frozen=True, slots=True)
class Family:
    """A recipe file, taken apart.

    Attributes:
        base: the file without its variants.
        variants: name -> what it changes; empty for a file that is one recipe.
        paper: numbers to compare with.
        head: place of `variants`.
    """

    base: Node
    variants: Mapping[str, Node]
    paper: Paper
    head: Place

    def changes_of(self, name: str) -> Node:
        """What a variant changes; a RecipeError if the file has no variant of this name."""
        if name in self.variants:
            return self.variants[name]
        fix = closest(name, self.variants) if self.variants else "leave it out: the file is one recipe"
        raise fail(self.head, f"there is no variant {name!r} here", fix)

    def refuse_choice(self) -> None:
        """Raise a RecipeError for a file with variants where one recipe is needed."""
        if self.variants:
            one = next(iter(self.variants))
            what = f"this file has {len(self.variants)} variants, and none is chosen"
            fix = (
                f"choose one, with '--variant {one}' or '/{one}' behind the recipe's name: "
                f"{join_names(self.variants, most=24)}; 'vadkit sweep' runs all"
            )
            raise fail(self.head, what, fix)


def family_of(recipe: str | Path) -> Family:
    """The variants of a recipe file; none where the reference names one of them.

    Raises:
        RecipeError: the file cannot be read, or `variants` or `paper` is malformed.
    """
    found = locate(recipe)
    family = take_apart(read(found.path))
    if not found.variant:
        return family
    family.changes_of(found.variant)
    return replace(family, variants={}, paper=Paper())


def take_apart(node: Node) -> Family:
    """Split what a file says into the base, its variants and the paper's numbers.

    Raises:
        RecipeError: `variants` or `paper` is malformed.
    """
    entries, problems = dict(entries_of(node)), Problems()
    written, printed = entries.pop(VARIANTS, None), entries.pop(PAPER, None)
    variants = _variants(written, problems)
    paper = _paper(printed, variants, problems)
    problems.refuse()
    return Family(replace(node, value=entries), variants, paper, written.head if written else node.at)


def _variants(node: Node | None, problems: Problems) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for name, changes in _mapping(node, "'variants'", "a mapping of a name to what it changes", problems).items():
        if not _NAME.fullmatch(name):
            problems.report(
                changes.head, f"{name!r} cannot be the name of a variant", "use letters, digits, '_' and '-'"
            )
        content = _mapping(changes, f"the variant {name!r}", "a mapping of the keys that it changes", problems)
        for key in _OF_THE_FILE:
            if key in content:
                what = f"{key!r} cannot be part of the variant {name!r}"
                problems.report(content[key].head, what, "write it at the top of the file")
        found[name] = replace(changes, value=content)
    if node is not None and not found and not problems:
        problems.report(node.head, "'variants' is empty", "add a variant, or leave the key out")
    return found


def _paper(node: Node | None, variants: Mapping[str, Node], problems: Problems) -> Paper:
    entries = _mapping(node, "'paper'", "a mapping with 'source' and 'rows'", problems)
    for name, entry in entries.items():
        if name not in _KEYS_OF_PAPER:
            problems.report(entry.head, f"'paper' has no key {name!r}", closest(name, _KEYS_OF_PAPER))
    source = entries.get("source")
    if source is not None and not isinstance(source.value, str):
        problems.report(source.at, "'paper.source' should be a text", "name the paper and the table")
    rows: dict[str, dict[str, Printed]] = {}
    for name, row in _mapping(entries.get("rows"), "'paper.rows'", "a mapping of variants", problems).items():
        if name not in variants:
            problems.report(row.head, f"'paper.rows' has {name!r}, which is not a variant", closest(name, variants))
        rows[name] = {}
        for metric, cell in _mapping(
            row, f"'paper.rows.{name}'", "a mapping of a metric to a number", problems
        ).items():
            if isinstance(cell.value, bool) or not isinstance(cell.value, (int, float)):
                what = f"'paper.rows.{name}.{metric}' should be a number"
                problems.report(cell.at, what, "write it as the paper prints it, such as 97.7")
            else:
                rows[name][metric] = Printed(float(cell.value), str(cell.at))
    return Paper(str(source.value) if source else "", rows)


def _mapping(node: Node | None, what: str, wanted: str, problems: Problems) -> Mapping[str, Node]:
    if node is not None and node.value is not None and not isinstance(node.value, Mapping):
        problems.report(node.at, f"{what} should be {wanted}")
    return entries_of(node)
