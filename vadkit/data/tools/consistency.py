"""Finds videos of a split that differ in size, frame rate or colour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vadkit.core.errors import join_names
from vadkit.data.tools.probe import VideoFacts
from vadkit.data.tools.report import Finding, Row


def check_consistency(row: Row, facts: Sequence[VideoFacts]) -> Iterator[Finding]:
    """Differences between the videos of one split."""
    ours = [each for each in facts if each.split == row.split]
    if len(row.sizes) > 1:
        what = f"videos of different sizes: {join_names(row.sizes)}"
        fix = "check that shapes stay comparable: data.clip.size resizes each size by a different factor"
        yield Finding("warning", "sizes", row.split, what, fix)
    if len(row.fps) > 1:
        what = f"videos of different frame rates: {join_names(f'{rate:g}' for rate in row.fps)} frames/s"
        fix = "convert all to one rate, or train on each rate: motion looks faster at a lower rate"
        yield Finding("warning", "rates", row.split, what, fix)
    stored = {each.video.name: set(each.stored) for each in ours}
    if len(set().union(*stored.values())) > 1:
        gray = [name for name, kinds in stored.items() if "gray" in kinds]
        what = f"some are stored gray, others in colour; gray: {join_names(gray)}"
        fix = "set data.clip.color to gray, so that colour does not identify a video"
        yield Finding("warning", "colour", row.split, what, fix)
    decoded = [each for each in ours if each.prints]
    gray = [each.video.name for each in decoded if not each.colorful]
    if 0 < len(gray) < len(decoded):
        what = f"some videos are gray, others coloured; gray: {join_names(gray)}"
        yield Finding("warning", "colour", row.split, what, "set data.clip.color to gray")
