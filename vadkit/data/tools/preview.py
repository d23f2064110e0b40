"""`vadkit data preview`: draws frames as the model sees them, with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, VadkitError, closest
from vadkit.core.files import atomic_write, reading
from vadkit.core.values import ClipSpec, Labels, Split, VideoRef
from vadkit.data.tools.cell import Cell
from vadkit.data.tools.sheet import Strip, draw_sheet
from vadkit.data.tools.target import Target
from vadkit.video.cache import FrameCache, default_cache
from vadkit.video.decode import decode, frame_count

_SPLITS: tuple[Split, ...] = ("train", "test")
_ROWS_OF_ONE = 4  # rows for a single video


def preview_dataset(
    target: Target | Dataset,
    out: str | Path,
    *,
    video: str | None = None,
    videos: int = 4,
    frames: int = 8,
) -> list[str]:
    """Draw a contact sheet of a data set and save it as an image.

    Args:
        target: the data set; if it comes from a recipe, frames have the size and colour of its clips.
        out: the image file; its suffix determines the format.
        video: draw only this video, with four times as many frames.
        videos: number of videos of each split, evenly chosen.
        frames: number of frames of each video, evenly spaced.

    Returns:
        A message for each video that could not be drawn.

    Raises:
        DataError: the data set has no videos, no video of that name, or no readable video.
    """
    known = target if isinstance(target, Target) else Target(type(target).__name__, target)
    chosen = _spread(known.dataset, videos) if video is None else _named(known.dataset, video)
    count = frames * _ROWS_OF_ONE if video is not None else frames
    strips: list[Strip] = []
    problems: list[str] = []
    for split, each in chosen:
        try:
            strips.append(_strip(known, split, each, count))
        except DataError as error:
            problems.append(f"{split} video {each.name} is skipped: {error}")
    if not strips:
        raise DataError("no video could be drawn", where=known.name, fix="\n".join(problems))
    try:
        with atomic_write(Path(out)) as aside:
            draw_sheet(_title(known, strips), strips, columns=frames).save(aside)
    except ValueError as error:  # Pillow does not know the suffix
        what = f"no image format has this suffix: {error}"
        raise VadkitError(what, where=str(out), fix="use for example preview.png") from error
    return problems


def _spread(dataset: Dataset, most: int) -> list[tuple[Split, VideoRef]]:
    found: list[tuple[Split, VideoRef]] = []
    for split in _SPLITS:
        with reading(split):
            videos = dataset.videos(split)
        for index in evenly(len(videos), most):
            found.append((split, videos[index]))
    return found


def _named(dataset: Dataset, name: str) -> list[tuple[Split, VideoRef]]:
    known: list[tuple[Split, VideoRef]] = []
    for split in _SPLITS:
        with reading(split):
            for video in dataset.videos(split):
                known.append((split, video))
    found = [pair for pair in known if name in (pair[1].name, f"{pair[0]}/{pair[1].name}")]
    if not found:
        fix = closest(name, [video.name for _, video in known])
        raise DataError(f"no video is named {name!r}", where="--video", fix=fix)
    return found


def evenly(total: int, wanted: int) -> list[int]:
    """Indices spread evenly over a range, including its ends.

    >>> evenly(10, 4)
    [0, 3, 6, 9]
    """
    if total == 0:
        return []
    return sorted({int(i) for i in np.linspace(0, total - 1, min(total, wanted)).round()})


def _strip(target: Target, split: Split, video: VideoRef, wanted: int) -> Strip:
    with reading(video.name):
        labels = target.dataset.labels(video) if split == "test" else None
    if target.clip is not None:
        # The same arrays that training reads.
        cached = FrameCache(default_cache()).frames(video, target.clip)
        total = len(cached)
        numbers = evenly(total, wanted)
        pictures = [np.asarray(cached[i]) for i in numbers]
    else:
        total = frame_count(video)
        numbers = evenly(total, wanted)
        pictures = _pick(video, numbers)
    if labels is not None and len(labels.frames) != total:
        what = f"{len(labels.frames)} labels for {total} frames"
        raise DataError(what, where=video.name, fix="run 'vadkit data check' for details")
    masks = labels.masks() if labels is not None and labels.masks is not None else None
    cells = [
        Cell(picture, number, *_marks(labels, masks, number)) for number, picture in zip(numbers, pictures, strict=True)
    ]
    size = masks.shape[1:] if masks is not None else _size(video)
    return Strip(split, video, total, labels.frames if labels is not None else None, cells, size)


def _marks(
    labels: Labels | None, masks: NDArray[np.bool_] | None, number: int
) -> tuple[bool, NDArray[np.bool_] | None, tuple[tuple[str, tuple[int, int, int, int]], ...]]:
    """Whether the frame is abnormal, its mask, and its boxes."""
    if labels is None:
        return False, None, ()
    tracks = labels.tracks or ()
    boxes = tuple((track.identity, track.boxes[number]) for track in tracks if number in track.boxes)
    return bool(labels.frames[number]), masks[number] if masks is not None else None, boxes


def _pick(video: VideoRef, numbers: Sequence[int]) -> list[NDArray[np.uint8]]:
    """Some frames at their original size; decoding stops after the last of them."""
    if isinstance(video.source, tuple):
        chosen = tuple(video.source[i] for i in numbers)
        return list(decode(replace(video, source=chosen, frames=None), color="rgb"))
    if not isinstance(video.source, Path):
        return [video.source(i, i + 1)[0] for i in numbers]
    wanted, found = set(numbers), list[NDArray[np.uint8]]()
    for index, frame in enumerate(decode(video, color="rgb")):
        if index in wanted:
            found.append(frame)
        if index == numbers[-1]:
            break
    return found


def _size(video: VideoRef) -> tuple[int, int]:
    """(H, W) of the source, the units of boxes."""
    first = next(iter(_pick(video, [0])))
    return first.shape[0], first.shape[1]


def _title(target: Target, strips: Sequence[Strip]) -> str:
    seen = _clip(target.clip) if target.clip is not None else "frames at their original size and colour"
    source = next((labels.source for labels in _labels(target, strips)), "")
    return f"{target.name}: {seen}" + (f"; labels: {source}" if source else "; no labels")


def _clip(clip: ClipSpec) -> str:
    return f"as the model sees them, {clip.height}x{clip.width} (HxW) {clip.color}"


def _labels(target: Target, strips: Sequence[Strip]) -> list[Labels]:
    tests = [strip.video for strip in strips if strip.labels is not None]
    return [labels for video in tests[:1] if (labels := target.dataset.labels(video)) is not None]
