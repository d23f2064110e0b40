"""Finds a recipe: a file, one of the recipes that vadkit ships, or a variant of either.

A reference is the path of a file (`my.yaml`), the name of a shipped recipe (`quickstart`, `paper/table4_ped2`),
or one of these and a variant behind a slash (`my.yaml/itae`, `paper/table4_ped2/itae`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from vadkit.core.errors import VadkitError, join_names
from vadkit.recipe.node import Place, fail

_SUFFIXES = (".yaml", ".yml")
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Located:
    """A recipe file and which of its variants is meant.

    Attributes:
        path: the file.
        variant: its name; empty for the file itself.
    """

    path: Path
    variant: str = ""


@cache
def shipped() -> Mapping[str, Path]:
    """Name -> file of every recipe that vadkit ships; the name is the path without `.yaml`.

    They are inside the installed package, or at the top of a checkout.
    """
    inside, checkout = _PACKAGE / "_recipes", _PACKAGE.parent / "recipes"
    folder = inside if inside.is_dir() else checkout
    paths = sorted(folder.rglob("*.yaml"))
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}


def find(reference: str | Path, folder: Path = Path()) -> Located | None:
    """The recipe that a reference names, or None; relative paths start in `folder`."""
    path = folder / reference
    if _is_file(path):
        return Located(path)
    if _is_file(path.parent):
        return Located(path.parent, path.name)
    name = Path(reference).as_posix()
    before, _, last = name.rpartition("/")
    if name in shipped():
        return Located(_relative(shipped()[name]))
    return Located(_relative(shipped()[before]), last) if before in shipped() else None


def locate(reference: str | Path) -> Located:
    """The same, for a reference of the user.

    Raises:
        RecipeError: a path without a file.
        VadkitError: a name that no shipped recipe has.
    """
    if found := find(reference):
        return found
    path = Path(reference)
    if not (path.suffix.lower() in _SUFFIXES or path.is_absolute() or path.exists() or str(reference).startswith(".")):
        fix = f"{nearest(path.as_posix())}; the path of a file works as well"
        raise VadkitError("no recipe has this name", where=str(reference), fix=fix)
    name = path.with_suffix("").as_posix().removeprefix("recipes/")
    if not path.exists() and find(name):
        raise fail(Place(str(path)), "this file does not exist", f"vadkit ships a recipe of this name: write '{name}'")
    return Located(path)  # reading it says what is wrong


def parent(reference: str, folder: Path, at: Place) -> Located:
    """The same, for the value of `extends:` at `at`; `folder` is that of the file.

    Raises:
        RecipeError: nothing is found.
    """
    if found := find(reference, folder):
        return found
    path = folder / reference
    absence = "is a folder" if path.is_dir() else "does not exist"
    paths = "paths are relative to the file that has 'extends'"
    fix = paths if path.suffix.lower() in _SUFFIXES else f"{paths}; {nearest(reference)}"
    raise fail(at, f"cannot extend {reference!r}: {path} {absence}", fix)


def nearest(name: str) -> str:
    """The fix for a name that no shipped recipe has: names that are close to it."""
    last = {each: each.rpartition("/")[2] for each in shipped()}
    near = get_close_matches(name, last, n=3)
    for short in get_close_matches(name.rpartition("/")[2], set(last.values()), n=3):
        near += [each for each in last if last[each] == short and each not in near]
    everything = "'vadkit recipes' lists all"
    return f"closest: {join_names(near, most=3)}; {everything}" if near else everything


def description(path: Path) -> str:
    """A recipe in one line: the first line of its file, a comment.

    Raises:
        RecipeError: the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as file:
            first = file.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise fail(Place(str(path)), f"cannot be read: {error}") from error
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return True  # it may not be looked at; reading it says why


def _relative(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
