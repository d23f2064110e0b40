"""The videos against what a recipe asks of them: the length and shape of its clips, and what it holds out."""

from __future__ import annotations

from collections.abc import Sequence

from vadkit.core.values import ClipSpec
from vadkit.data.tools.probe import Facts
from vadkit.data.tools.report import Finding, some
from vadkit.data.tools.target import Target

_STRETCH = 0.1
_MULTIPLE = 16  # pixels: encoders halve a width several times


def check_wishes(facts: Sequence[Facts], target: Target) -> list[Finding]:
    """What a run of the recipe would refuse, or make do with; nothing without a recipe."""
    if target.clip is None:
        return []
    found = [_short(each, target.clip, target.short == "repeat") for each in facts if _is_short(each, target.clip)]
    if target.held_out and sum(each.split == "train" for each in facts) == 1:
        what = "one training video cannot be split into some to train on and some held out"
        fix = "add normal videos (cutting the one in two will do), or set data.held_out: 0"
        found.append(Finding("error", "held_out", "data.held_out", what, fix))
    return found + _colour(facts, target.clip) + _shapes(facts, target.clip)


def _is_short(facts: Facts, clip: ClipSpec) -> bool:
    return bool(facts.frames) and (facts.frames or 0) < clip.span


def _short(facts: Facts, clip: ClipSpec, repeat: bool) -> Finding:
    frames, where = facts.frames or 0, f"{facts.split} video {facts.video.name}"
    what = f"has {some(frames, 'frame')}, one clip of the recipe reaches over {clip.span}"
    if repeat:
        return Finding("note", "clip", where, f"{what}: its last frame is repeated (data.short: repeat)")
    fewer = (frames - 1) // clip.step + 1
    fix = "remove it, or fill it up with its last frame: data.short: repeat"
    if fewer > 1:
        fix += f"; or set data.clip.frames to {fewer} or fewer"
    return Finding("error", "clip", where, what, fix)


def _colour(facts: Sequence[Facts], clip: ClipSpec) -> list[Finding]:
    if clip.color != "rgb" or not any(each.prints for each in facts) or any(each.colorful for each in facts):
        return []
    fix = "data.clip.color: gray sees the same at a third of the cost"
    return [Finding("note", "colour", "data.clip", "the recipe asks for rgb, all videos are gray", fix)]


def _shapes(facts: Sequence[Facts], clip: ClipSpec) -> list[Finding]:
    if clip.resize == "letterbox":
        return []  # which keeps shapes
    found: list[Finding] = []
    for width, height in sorted({size for each in facts for size in each.sizes}):
        stretch = (clip.width / clip.height) / (width / height)
        if abs(stretch - 1) > _STRETCH:
            what = f"{width}x{height} becomes {clip.width}x{clip.height}: things look {stretch:.2f} times as wide"
            kept = max(round(clip.height * width / height / _MULTIPLE), 1) * _MULTIPLE
            fix = f"none is needed if the recipe means it; data.clip.size=[{clip.height},{kept}] nearly keeps shapes"
            found.append(Finding("note", "sizes", "data.clip", what, fix))
    return found
