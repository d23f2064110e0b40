"""Path patterns: `*` and `?` within a name, `**` for any number of folders."""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

_MAGIC = frozenset("*?[")


def split(root: Path, pattern: str) -> tuple[Path, tuple[str, ...]]:
    """Split a pattern into the folder or file that it starts from, and the parts that need matching.

    `root` is absolute; its own name may contain `[` and similar characters. The pattern is relative to it, or absolute.
    """
    whole = Path(os.path.normpath(root / Path(pattern).expanduser()))
    if whole.exists():
        return whole, ()
    start = len(root.parts) if whole.is_relative_to(root) else 0
    magic = next((i for i, part in enumerate(whole.parts) if i >= start and _MAGIC & set(part)), len(whole.parts))
    return Path(*whole.parts[:magic]), whole.parts[magic:]


def has_suffix(part: str) -> bool:
    """Whether the last part of a pattern states a suffix: `*.mp4` does, `*.*` and `cam*` do not."""
    suffix = PurePath(part).suffix
    return bool(suffix) and not _MAGIC & set(suffix)


def chosen(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether the pattern matches the folder or one of its parents."""
    return any(fits(parts[:length], pattern) for length in range(len(parts) + 1))


def fits(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether the path matches the whole pattern."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return fits(parts, pattern[1:]) or (bool(parts) and fits(parts[1:], pattern))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and fits(parts[1:], pattern[1:])


def leads(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """Whether something below this folder may match."""
    if not parts or not pattern:
        return not parts
    return pattern[0] == "**" or (fnmatchcase(parts[0], pattern[0]) and leads(parts[1:], pattern[1:]))
