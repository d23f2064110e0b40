"""Finds videos that share frames: results are too good if a test video is also used for training."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import combinations
from pathlib import Path

from vadkit.core.values import VideoRef
from vadkit.data.tools.probe import FLAT, VideoFacts, place
from vadkit.data.tools.report import Finding

_SHARE = 0.05
_LEAST = 5  # frames
_WHOLE = 0.95
_EVERYWHERE = 40  # videos; a frame in more videos is a title card or test picture, not a copy
_HEAD = 1 << 16  # bytes


def check_duplicates(facts: Sequence[VideoFacts]) -> list[Finding]:
    """Videos that share frames: compared by decoded frames, or by bytes of the files if nothing was decoded."""
    if any(each.prints for each in facts):
        return _by_frames(facts)
    return _by_files(facts)


def _by_frames(facts: Sequence[VideoFacts]) -> list[Finding]:
    groups: defaultdict[tuple[int, ...], list[VideoFacts]] = defaultdict(list)
    for each in facts:
        groups[tuple(each.prints)].append(each)
    copies = [group for prints, group in groups.items() if set(prints) - {FLAT}]
    found = _copies(copies, "is the same video as")
    return found + _parts([group[0] for group in copies])


def _copies(groups: Iterable[Sequence[VideoFacts]], what: str) -> list[Finding]:
    """One finding for each copy and the first video of its group, a training video if there is one."""
    return [_finding(first, other, what) for first, *others in groups for other in others]


def _parts(facts: Sequence[VideoFacts]) -> list[Finding]:
    """Videos that share some of their frames."""
    homes: defaultdict[int, set[int]] = defaultdict(set)
    for index, each in enumerate(facts):
        for print_ in set(each.prints) - {FLAT}:
            homes[print_].add(index)
    pairs: Counter[tuple[int, int]] = Counter()
    for owners in homes.values():
        if len(owners) > _EVERYWHERE:
            continue
        pairs.update(combinations(sorted(owners), 2))
    found: list[Finding] = []
    for (first, second), shared in sorted(pairs.items()):
        one, other = facts[first], facts[second]
        shorter = min(len(set(each.prints) - {FLAT}) for each in (one, other))
        if shared >= _LEAST and shared >= _SHARE * shorter:
            whole = shared >= _WHOLE * shorter
            what = "is the same video as" if whole else f"shares {shared} of its frames with"
            found.append(_finding(one, other, what))
    return found


def _by_files(facts: Sequence[VideoFacts]) -> list[Finding]:
    groups: defaultdict[str, list[VideoFacts]] = defaultdict(list)
    for each in facts:
        if (digest := _bytes_of(each.video)) is not None:
            groups[digest].append(each)
    return _copies(groups.values(), "has the same bytes as")


def _finding(one: VideoFacts, other: VideoFacts, what: str) -> Finding:
    """A finding about the second video, which is the test video if the splits differ."""
    where = f"{other.split} video {other.video.name}"
    text = f"{what} {one.split} video {one.video.name} ({place(one.video)})"
    if one.split != other.split:
        fix = "keep it in one split: a training video cannot be a test video"
        return Finding("error", "duplicates", where, text, fix)
    return Finding("warning", "duplicates", where, text, "remove one of the two, unless this is intended")


def _bytes_of(video: VideoRef) -> str | None:
    """A digest of the sizes of all files and of the first bytes of some; None if there is nothing to compare."""
    if isinstance(video.source, Path):
        paths: Iterable[Path] = (video.source,)
    elif isinstance(video.source, tuple) and video.source:
        paths = video.source
    else:
        return None
    known = list(paths)
    digest = blake2b(digest_size=16)
    try:
        sizes = [path.stat().st_size for path in known]
        if not all(sizes):
            return None  # empty files are reported as such
        digest.update(repr(sizes).encode())
        for path in dict.fromkeys((known[0], known[len(known) // 2], known[-1])):
            with path.open("rb") as file:
                digest.update(file.read(_HEAD))
    except OSError:
        return None
    return digest.hexdigest()
