"""`vadkit data preview`: draws frames as the model sees them, with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, VadkitError, closest
from vadkit.core.files import atomic_write, reading
from vadkit.core.values import Labels, Split, VideoRef
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
    """Draw a contact sheet of a data set and save it as an image; return a message for each video not drawn.

    Args:
        target: the data set; if it comes from a recipe, frames have the size and colour of its clips.
        out: the image file; its suffix determines the format.
        video: draw only this video, with four times as many frames.
        videos: number of videos of each split, evenly chosen.
        frames: number of frames of each video, evenly spaced.

    Raises:
        DataError: the data set has no videos, no video of that name, or no readable video.
    """
    known = target if isinstance(target, Target) else Target(type(target).__name__, target)
    chosen = _chosen(known.dataset, video, videos)
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


def _chosen(dataset: Dataset, name: str | None, most: int) -> list[tuple[Split, VideoRef]]:
    """The videos of this name, or some of each split."""
    known: list[tuple[Split, VideoRef]] = []
    for split in _SPLITS:
        with reading(split):
            videos = dataset.videos(split)
        shown = range(len(videos)) if name is not None else evenly(len(videos), most)
        known.extend((split, videos[index]) for index in shown)
    found = [pair for pair in known if name in (None, pair[1].name, f"{pair[0]}/{pair[1].name}")]
    if name is not None and not found:
        fix = closest(name, [video.name for _, video in known])
        raise DataError(f"no video is named {name!r}", where="--video", fix=fix)
    return found


def evenly(total: int, wanted: int) -> list[int]:
    """Indices spread evenly over a range, including its ends.

    >>> evenly(10, 4)
    [0, 3, 6, 9]
    """
    return np.unique(np.linspace(0, total - 1, min(total, wanted)).round().astype(int)).tolist()


def _strip(target: Target, split: Split, video: VideoRef, wanted: int) -> Strip:
    with reading(video.name):
        labels = target.dataset.labels(video) if split == "test" else None
    # With a recipe, the same arrays that training reads.
    cache = FrameCache(default_cache())
    cached = cache.frames(video, target.clip) if target.clip is not None else None
    total = frame_count(video) if cached is None else len(cached)
    sampling = cache.sampling(video, target.clip, target.fps) if target.clip is not None else None
    seen = np.arange(total) if sampling is None else sampling.numbers
    numbers = seen[evenly(seen.size, wanted)].tolist()
    pictures = _pick(video, numbers) if cached is None else [np.asarray(cached[i]) for i in numbers]
    if labels is not None and len(labels.frames) != total:
        what = f"{len(labels.frames)} labels for {total} frames"
        raise DataError(what, where=video.where, fix="run 'vadkit data check' for details")
    masks = labels.masks() if labels is not None and labels.masks is not None else None
    cells = [_cell(picture, number, labels, masks) for number, picture in zip(numbers, pictures, strict=True)]
    cells = [replace(cell, left_out=target.mask) for cell in cells]
    size = masks.shape[1:] if masks is not None else _pick(video, [0])[0].shape[:2]
    return Strip(split, video, total, labels.frames if labels is not None else None, cells, size)


def _cell(pixels: NDArray[np.uint8], number: int, labels: Labels | None, masks: NDArray[np.bool_] | None) -> Cell:
    if labels is None:
        return Cell(pixels, number, False, None, ())
    tracks = labels.tracks or ()
    boxes = tuple((track.identity, track.boxes[number]) for track in tracks if number in track.boxes)
    return Cell(pixels, number, bool(labels.frames[number]), masks[number] if masks is not None else None, boxes)


def _pick(video: VideoRef, numbers: Sequence[int]) -> list[NDArray[np.uint8]]:
    """Some frames at their original size; decoding stops after the last of them."""
    if isinstance(video.source, tuple):
        chosen = tuple(video.source[i] for i in numbers)
        return list(decode(replace(video, source=chosen, frames=None), color="rgb"))
    if not isinstance(video.source, Path):
        return [video.source(i, i + 1)[0] for i in numbers]
    frames = islice(decode(video, color="rgb"), max(numbers, default=-1) + 1)
    return [frame for index, frame in enumerate(frames) if index in numbers]


def _title(target: Target, strips: Sequence[Strip]) -> str:
    clip, seen = target.clip, "frames at their original size and colour"
    if clip is not None:
        rate = f", {target.fps:g} frames/s" if target.fps is not None else ""
        seen = f"as the model sees them, {clip.height}x{clip.width} (HxW) {clip.color}{rate}"
    video = next((strip.video for strip in strips if strip.labels is not None), None)
    labels = target.dataset.labels(video) if video else None
    return f"{target.name}: {seen}; " + (f"labels: {labels.source}" if labels and labels.source else "no labels")
