"""Which name in a file means which video of a data set."""

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
_SPLITS = ("test", "train")


def match_names(given: Sequence[str], wanted: Collection[str], *, where: str, some: bool = False) -> dict[str, str]:
    """Each given name -> the wanted one: equal, equal without folder and suffix, or alone in its numbers.

    1, 01 and Test001 have the same numbers, as have 01_0014 and 1_14. Where names on both
    sides differ in words (Abuse028, Arrest028), the words must be the same as well. A name of a test video (Test001)
    never means a training video (Train001). With `some`, names of `wanted` may be missing.

    Raises:
        DataError: a name is there twice, or either side has names that the other lacks.
    """
    refuse_twice(given, where=where)
    words = len({_words(name) for name in given}) > 1 and len({_words(name) for name in wanted}) > 1
    keys: list[Callable[[str], Hashable]] = [str, _bare, lambda name: _numbers(name, words)]
    matched: dict[str, str] = {}
    for key in keys:
        taken = set(matched.values())
        mine = _alone([name for name in given if name not in matched], key)
        theirs = _alone([name for name in wanted if name not in taken], key)
        pairs = {mine[shared]: theirs[shared] for shared in mine.keys() & theirs.keys()}
        matched |= {name: other for name, other in pairs.items() if not _in_other_split(name, other)}
    _check_all(matched, given, set(matched.values()) if some else wanted, where)
    return matched


def refuse_twice(names: Sequence[str], *, where: str) -> None:
    """Raise DataError if a name is there more than once."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        what = f"{len(twice)} videos are there more than once: {join_names(sorted(twice, key=natural_key))}"
        raise DataError(what, where=where, fix="leave one of each")


def _check_all(matched: dict[str, str], given: Sequence[str], wanted: Collection[str], where: str) -> None:
    missing = sorted(set(wanted) - set(matched.values()), key=natural_key)
    extra = sorted((name for name in given if name not in matched), key=natural_key)
    fix = "give exactly the data set's test videos, or name the data set that these are of"
    if missing and extra:
        fix = "name the videos as the data set does: the same name, or the same numbers in it"
        if _last_numbers(extra) == [0] and _last_numbers(given) == list(range(len(wanted))):
            fix = "the names count from 0 here and from 1 there: add 1 to the number in each name"
        elif all("/" in name for name in given) and len({name.rpartition("/")[0] for name in given}) == len(wanted):
            fix = "if these are components of a video, separate them by a colon: '01:img', '01:fea'"
    lacking = f"{len(missing)} of the data set's {len(wanted)} videos are missing: {join_names(missing)}"
    unknown = f"{len(extra)} of {len(given)} videos here are not in the data set: {join_names(extra)}"
    faults = [fault for fault, names in ((lacking, missing), (unknown, extra)) if names]
    if faults:
        raise DataError("; ".join(faults), where=where, fix=fix)


def _alone(names: Iterable[str], key: Callable[[str], Hashable]) -> dict[Hashable, str]:
    """Key -> name where no other name has that key; names without a key are left out."""
    keyed = [(key(name), name) for name in names]
    counts = Counter(found for found, _ in keyed)
    return {found: name for found, name in keyed if found and counts[found] == 1}


def _last_numbers(names: Iterable[str]) -> list[int]:
    """The last number of each name that has one, rising."""
    return sorted(int(found[-1]) for name in names if (found := _NUMBERS.findall(_bare(name))))


def _bare(name: str) -> str:
    return _SUFFIX.sub("", PurePosixPath(name.replace("\\", "/")).name)


def _words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in _WORDS.findall(_bare(name)))


def _in_other_split(name: str, other: str) -> bool:
    one, two = (
        {split for split in _SPLITS for word in _words(each) if word.startswith(split)} for each in (name, other)
    )
    return bool(one) and bool(two) and one.isdisjoint(two)


def _numbers(name: str, words: bool) -> Hashable:
    """Numbers of the name, with its words if they matter; empty if it has no numbers."""
    numbers = tuple(map(int, _NUMBERS.findall(_bare(name))))
    return (numbers, _words(name)) if numbers and words else numbers
