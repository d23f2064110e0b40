"""Finds videos that share frames: results are too good if a test video is also used for training."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from hashlib import blake2b
from itertools import combinations
from pathlib import Path

from vadkit.core.values import VideoRef
from vadkit.data.tools.probe import FLAT, VideoFacts
from vadkit.data.tools.report import Finding

_SHARE = 0.05
_LEAST = 5  # frames
_WHOLE = 0.95
_EVERYWHERE = 40  # videos; a frame in more videos is a title card or test picture, not a copy
_HEAD = 1 << 16  # bytes


def check_duplicates(facts: Sequence[VideoFacts]) -> list[Finding]:
    """Videos that share frames: compared by decoded frames, or by bytes of the files if nothing was decoded."""
    decoded = any(each.prints for each in facts)
    groups: defaultdict[Hashable, list[VideoFacts]] = defaultdict(list)
    for each in facts:
        seen = tuple(each.prints) if set(each.prints) - {FLAT} else None
        groups[seen if decoded else _bytes_of(each.video)].append(each)
    groups.pop(None, None)
    what = "is the same video as" if decoded else "has the same bytes as"
    # The first of a group is a training video if there is one.
    copies = [_finding(first, other, what) for first, *others in groups.values() for other in others]
    return [*copies, *_parts([group[0] for group in groups.values()])] if decoded else copies


def _parts(facts: Sequence[VideoFacts]) -> Iterator[Finding]:
    homes: defaultdict[int, set[int]] = defaultdict(set)
    for index, each in enumerate(facts):
        for print_ in set(each.prints) - {FLAT}:
            homes[print_].add(index)
    pairs: Counter[tuple[int, int]] = Counter()
    for owners in homes.values():
        if len(owners) <= _EVERYWHERE:
            pairs.update(combinations(sorted(owners), 2))
    for (first, second), shared in sorted(pairs.items()):
        one, other = facts[first], facts[second]
        shorter = min(len(set(each.prints) - {FLAT}) for each in (one, other))
        if shared >= max(_LEAST, _SHARE * shorter):
            same = shared >= _WHOLE * shorter
            yield _finding(one, other, "is the same video as" if same else f"shares {shared} of its frames with")


def _finding(one: VideoFacts, other: VideoFacts, what: str) -> Finding:
    """A finding about the second video, which is the test video if the splits differ."""
    where = f"{other.split} video {other.video.name}"
    text = f"{what} {one.split} video {one.video.name} ({one.where})"
    if one.split != other.split:
        fix = "keep it in one split: a training video cannot be a test video"
        return Finding("error", "duplicates", where, text, fix)
    return Finding("warning", "duplicates", where, text, "remove one of the two, unless this is intended")


def _bytes_of(video: VideoRef) -> str | None:
    """A digest of the sizes of all files and of the first bytes of some; None if there is nothing to compare."""
    known = (video.source,) if isinstance(video.source, Path) else video.source
    if not isinstance(known, tuple) or not known:
        return None
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
