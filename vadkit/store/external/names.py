"""Matches the names of videos in a file to the videos of a data set."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from pathlib import PurePosixPath

from vadkit.core.errors import DataError, join_names
from vadkit.core.values import natural_key

_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")
_NUMBERS = re.compile(r"\d+")
_WORDS = re.compile(r"[^\W\d_]+")


def match_names(given: Sequence[str], wanted: Collection[str], *, where: str) -> dict[str, str]:
    """Map each given name to a wanted name.

    Two names match if they are equal, if they are equal without folder and suffix, or if they have the same
    numbers and no other name has these numbers. 1, 01 and Test001 have the same numbers, and so do 01_0014
    and 1_14. If words distinguish videos on both sides (Abuse028, Arrest028), the words must be the same too.

    Args:
        given: names in the file.
        wanted: names of the data set's videos.
        where: names the file in messages.

    Raises:
        DataError: a name occurs twice, or a name on one side has no match on the other side.
    """
    twice = [name for name, count in Counter(given).items() if count > 1]
    if twice:
        what = f"{len(twice)} videos occur more than once: {join_names(sorted(twice, key=natural_key))}"
        raise DataError(what, where=where, fix="keep one of each")
    words = len({_words(name) for name in given}) > 1 and len({_words(name) for name in wanted}) > 1
    keys: list[Callable[[str], Hashable]] = [str, _bare, lambda name: _numbers(name, words)]
    matched: dict[str, str] = {}
    for key in keys:
        used = set(matched.values())
        given_by_key = _unique([name for name in given if name not in matched], key)
        wanted_by_key = _unique([name for name in wanted if name not in used], key)
        matched |= {given_by_key[k]: wanted_by_key[k] for k in given_by_key.keys() & wanted_by_key.keys()}
    _check_all(matched, given, wanted, where)
    return matched


def _check_all(matched: dict[str, str], given: Sequence[str], wanted: Collection[str], where: str) -> None:
    missing = sorted(set(wanted) - set(matched.values()), key=natural_key)
    extra = sorted((name for name in given if name not in matched), key=natural_key)
    problems: list[str] = []
    if missing:
        problems.append(f"{len(missing)} of the data set's {len(wanted)} videos are missing: {join_names(missing)}")
    if extra:
        problems.append(f"{len(extra)} of {len(given)} videos here are not in the data set: {join_names(extra)}")
    if problems:
        fix = "use the data set's names for the videos, or names with the same numbers"
        if not missing or not extra:
            fix = "give exactly the data set's test videos, or name the data set of these videos"
        raise DataError("; ".join(problems), where=where, fix=fix)


def _unique(names: Iterable[str], key: Callable[[str], Hashable]) -> dict[Hashable, str]:
    """Key -> name, for non-empty keys that only one name has."""
    keyed = [(key(name), name) for name in names]
    counts = Counter(k for k, _ in keyed)
    return {k: name for k, name in keyed if k and counts[k] == 1}


def _bare(name: str) -> str:
    return _SUFFIX.sub("", PurePosixPath(name.replace("\\", "/")).name)


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORDS.findall(_bare(name)))


def _numbers(name: str, words: bool) -> Hashable:
    """Numbers of the name, with its words if they matter; empty if it has no numbers."""
    numbers = tuple(map(int, _NUMBERS.findall(_bare(name))))
    return (numbers, _words(name)) if numbers and words else numbers
