"""Checks frame numbers in folders: holes, duplicates, late starts. Finds the videos of a split that is refused."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from vadkit.core.errors import DataError, join_names
from vadkit.core.folders import is_image, is_video, list_folder
from vadkit.core.values import VideoRef
from vadkit.data.tools.report import Finding, Severity, ranges


def number(path: Path) -> int | None:
    """The last number in a file's name; None if there is no number."""
    digits = re.findall(r"\d+", path.stem)
    return int(digits[-1]) if digits else None


def gaps(paths: Sequence[Path], first: int | None = None) -> Iterator[str]:
    """Problems of the frame numbers of a folder; none if not all frames are numbered.

    `first` is the first frame number of the neighbouring folders; None if unknown.
    """
    numbers = [number(path) for path in paths]
    if not numbers or None in numbers:
        return
    counts = Counter(each for each in numbers if each is not None)
    kept = sorted(counts)
    start = kept[0] if first is None else min(first, kept[0])
    steps = {after - before for before, after in pairwise(kept)}
    if len(kept) > 2 and len(steps) == 1 and steps != {1}:
        yield f"frame numbers have a step of {steps.pop()}: these are not all frames of the video"
    elif missing := sorted(set(range(start, kept[-1] + 1)) - set(kept)):
        plural = "s are" if len(missing) > 1 else " is"
        yield f"frame number{plural} missing: {join_names(ranges(missing), 12)}"
    if doubled := [each for each in kept if counts[each] > 1]:
        yield f"frame numbers occur more than once: {join_names(ranges(doubled), 12)}"


def check_numbering(videos: Sequence[VideoRef], *, refused: bool = False) -> list[Finding]:
    """Holes and duplicates in folders of frames: errors if the data set refuses them, else warnings."""
    folders = [video.source for video in videos if isinstance(video.source, tuple) and video.source]
    starts = [found[0] for frames in folders if (found := sorted(n for p in frames if (n := number(p)) is not None))]
    # A single late start means that the first frames are missing; if all start late, it is the numbering.
    common = Counter(starts).most_common(1)[0][0] if starts else None
    first = min(1, *starts) if refused and starts else common
    severity: Severity = "error" if refused else "warning"
    return [
        Finding(severity, "numbering", str(frames[0].parent), problem, _again(frames, first or 0))
        for frames in folders
        for problem in gaps(frames, first)
    ]


def _again(frames: Sequence[Path], first: int) -> str:
    digits = re.findall(r"\d+", frames[0].stem)
    name = f"%0{len(digits[-1]) if digits else 3}d{frames[0].suffix}"
    command = f"ffmpeg -i VIDEO -fps_mode passthrough -start_number {first} {frames[0].parent / name}"
    return f"extract every frame again, because a hole shifts all later labels: {command}"


def neighbours(error: DataError) -> list[VideoRef]:
    """The videos in the folder of the video that this error is about; empty if it is not about one video.

    A data set refuses all videos of a split if one of them is damaged, but the check reads the others too.
    """
    place = Path(error.where)
    try:
        if place.is_file():
            home = place.parent.parent if is_image(place) else place.parent
        elif place.is_dir() and not any(entry.is_dir() for entry in place.iterdir()):
            home = place.parent
        else:
            return []
        found = [video for entry in list_folder(home) if (video := _video(entry)) is not None]
    except OSError:
        return []
    if all(video.source == () for video in found):
        return []
    # A folder without images is not a video, except the one that the error is about.
    return [video for video in found if video.source != () or home / video.name == place]


def _video(entry: Path) -> VideoRef | None:
    if entry.is_dir():
        known = tuple(path for path in list_folder(entry) if is_image(path))
        return None if entry.name.endswith("_gt") else VideoRef(entry.name, known, frames=len(known))
    return VideoRef(entry.stem, entry) if is_video(entry) else None
