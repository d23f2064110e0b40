"""Compares the videos of a split with each other, and all videos with a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vadkit.core.errors import join_names
from vadkit.core.values import ClipSpec
from vadkit.data.tools.probe import VideoFacts
from vadkit.data.tools.report import Finding, Row, some
from vadkit.data.tools.target import Target
from vadkit.video.sampling import FPS_TOLERANCE, sampled_count, too_slow

_STRETCH = 0.1
_MULTIPLE = 16  # pixels: encoders halve a width several times


def check_consistency(row: Row, facts: Sequence[VideoFacts], fps: float | None = None) -> Iterator[Finding]:
    """Differences between the videos of one split. The model sees them at `fps` frames per second, if it is set."""
    ours = [each for each in facts if each.split == row.split]
    if len(row.sizes) > 1:
        what = f"videos of different sizes: {join_names(row.sizes)}"
        fix = "check that shapes stay comparable: data.clip.size resizes each size by a different factor"
        yield Finding("warning", "sizes", row.split, what, fix)
    if fps is None and len(row.fps) > 1 and max(row.fps) > FPS_TOLERANCE * min(row.fps):
        what = f"videos of different frame rates: {join_names(f'{rate:g}' for rate in row.fps)} frames/s"
        fix = f"set data.fps={min(row.fps):g}: motion looks faster at a lower rate"
        yield Finding("warning", "rates", row.split, what, fix)
    for each in ours:
        if too_slow(each.fps, fps):
            what = f"has {each.fps:g} frames/s, but data.fps is {fps:g}"
            fix = f"set data.fps={min(row.fps):g} or lower, or leave the video out"
            yield Finding("error", "rates", f"{each.split} video {each.video.name}", what, fix)
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


def check_recipe_fit(facts: Sequence[VideoFacts], target: Target) -> Iterator[Finding]:
    """Problems that a run of the recipe would refuse or tolerate; none without a recipe."""
    clip = target.clip
    if clip is None:
        return
    for each in facts:
        frames = sampled_count(each.frames or 0, each.fps, target.fps)
        if frames and frames < clip.span:
            yield _short(each, frames, clip, repeat=target.short == "repeat")
    if target.held_out and sum(each.split == "train" for each in facts) == 1:
        what = "one training video cannot be divided into training and held-out videos"
        fix = "add normal videos, cut this one in two, or set data.held_out: 0"
        yield Finding("error", "held_out", "data.held_out", what, fix)
    if clip.color == "rgb" and any(each.prints for each in facts) and not any(each.colorful for each in facts):
        fix = "set data.clip.color: gray for the same images at a third of the cost"
        yield Finding("note", "colour", "data.clip", "the recipe uses rgb, but all videos are gray", fix)
    if clip.resize != "letterbox":  # letterbox keeps shapes
        yield from _shapes(facts, clip)


def _short(facts: VideoFacts, frames: int, clip: ClipSpec, *, repeat: bool) -> Finding:
    where = f"{facts.split} video {facts.video.name}"
    what = f"has {some(frames, 'frame')}, but a clip of the recipe spans {clip.span}"
    if repeat:
        return Finding("note", "clip", where, f"{what}: its last frame is repeated (data.short: repeat)")
    fewer = (frames - 1) // clip.step + 1
    fix = "remove it, or set data.short: repeat, which repeats its last frame"
    if fewer > 1:
        fix += f", or set data.clip.frames to {fewer} or fewer"
    return Finding("error", "clip", where, what, fix)


def _shapes(facts: Sequence[VideoFacts], clip: ClipSpec) -> Iterator[Finding]:
    for width, height in sorted({size for each in facts for size in each.sizes}):
        stretch = (clip.width / clip.height) / (width / height)
        if abs(stretch - 1) > _STRETCH:
            what = f"{width}x{height} becomes {clip.width}x{clip.height}: objects look {stretch:.2f} times as wide"
            kept = max(round(clip.height * width / height / _MULTIPLE), 1) * _MULTIPLE
            fix = f"ignore this if it is intended; data.clip.size=[{clip.height},{kept}] nearly keeps shapes"
            yield Finding("note", "sizes", "data.clip", what, fix)
