"""Checks of data sets: names, lengths and labels agree, and are the same each time."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, join_names
from vadkit.core.values import Labels, Split, VideoRef
from vadkit.testing.outcome import ConformityError, NotApplicableError, require, told
from vadkit.testing.subject import Subject

SPLITS: tuple[Split, Split] = ("train", "test")


def check_videos(subject: Subject) -> None:
    """Both splits have videos with unique names, in the same order each time, and their files exist."""
    one, two = subject.build(), subject.build()
    for split in SPLITS:
        found = one.videos(split)
        names = [video.name for video in found]
        require(bool(names), f"{split} has no videos", "raise a DataError that names the expected files")
        doubled = sorted(name for name, count in Counter(names).items() if count > 1)
        fix = "make names unique, for example with the folder in the name"
        require(not doubled, f"{split} has several videos named {join_names(doubled)}", fix)
        for which, again in (("a second call", one), ("a second object", two)):
            same = names == [video.name for video in again.videos(split)]
            fix = "sort by name, with vadkit.api.natural"
            require(same, f"{which} of videos({split!r}) gives another order", fix)
        for video in found:
            _check_source(split, video)


def check_labels(subject: Subject) -> None:
    """Labels, masks and tracks of a test video are as long as the video; training videos have no abnormal frames."""
    dataset: Dataset = subject.build()
    for video in dataset.videos("test"):
        labels = dataset.labels(video)
        if labels is not None:
            _check_labels(video, labels)
    for video in dataset.videos("train"):
        labels = dataset.labels(video)
        abnormal = 0 if labels is None else int(labels.frames.sum())
        what = f"training video {video.name!r} has {abnormal} abnormal frames"
        require(not abnormal, what, "put normal videos only into the train split")


def check_ground_truth(subject: Subject) -> None:
    """`ground_truth`, which external scores are evaluated with, equals `labels`; `expected` has known keys."""
    dataset: Dataset = subject.build()
    truth = {video.name: labels.frames for video, labels in dataset.ground_truth()}
    for video in dataset.videos("test"):
        labels = dataset.labels(video)
        if labels is not None:
            same = video.name in truth and np.array_equal(truth[video.name], labels.frames)
            require(same, f"ground_truth() and labels() differ for {video.name!r}", "let both read the same file")
    known = {"train videos", "train frames", "test videos", "test frames", "abnormal frames"}
    strangers = sorted(set(dataset.expected()) - known)
    what = f"expected() has unknown keys: {join_names(strangers)}"
    require(not strangers, what, f"use only {join_names(sorted(known))}")


def check_empty_folder(subject: Subject) -> None:
    """An empty or missing folder raises a DataError that describes the expected files."""
    loaded: Any = subject.component.load()
    if not loaded.needs_root:
        raise NotApplicableError("it reads no files")
    require(bool(loaded.layout), "it has no layout", "set layout to a text that names the files and their source")
    with tempfile.TemporaryDirectory() as made:
        for root in (Path(made), Path(made) / "absent"):
            try:
                found = subject.with_toy(root=root).build().videos("train")
            except NotApplicableError as error:
                require(error.refused, f"with an empty folder, {error}", "raise a DataError")
            except DataError:
                pass
            except Exception as error:
                fix = "raise a DataError with where=str(root) and fix=self.layout"
                raise ConformityError(f"an empty folder raises {told(error)}", fix=fix) from error
            else:
                raise ConformityError(f"an empty folder gives {len(found)} training videos", fix="raise a DataError")


def _check_source(split: Split, video: VideoRef) -> None:
    source, where = video.source, f"{split} video {video.name!r}"
    require(bool(video.name.strip()), f"a {split} video has no name", "name it after its file or folder")
    if isinstance(source, tuple):
        what = f"{where} has frames={video.frames}, but {len(source)} files"
        require(video.frames in (None, len(source)), what, "set frames=len(source)")
    if isinstance(source, (tuple, Path)):
        for path in source if isinstance(source, tuple) else (source,):
            require(path.is_file(), f"{where} names the file {path}, which does not exist", "name existing files")
    else:
        require(video.frames is not None, f"{where} is drawn in code, but has no frames=", "set frames")
        drawn, again = (np.asarray(source(0, min(2, video.frames or 0))) for _ in range(2))
        fits = drawn.dtype == np.uint8 and drawn.ndim == 4 and drawn.shape[3] in (1, 3)
        require(fits, f"{where} is drawn as {drawn.dtype} {drawn.shape}", "draw (F, H, W, C) uint8")
        require(np.array_equal(drawn, again), f"{where} is drawn differently each time", "draw from a fixed seed")
        fix = "set a fingerprint, which identifies the frames in the frame cache"
        require(bool(video.fingerprint), f"{where} is drawn in code, but has no fingerprint", fix)


def _check_labels(video: VideoRef, labels: Labels) -> None:
    frames, where = labels.frames, f"test video {video.name!r}"
    fits = frames.dtype == np.bool_ and frames.ndim == 1
    require(fits, f"{where} has labels {frames.dtype} {frames.shape}", "give (F,) bool")
    what = f"{where} has {video.frames} frames and {frames.size} labels"
    fix = "label every frame, or raise a DataError that names the video and both counts"
    require(video.frames in (None, frames.size), what, fix)
    require(bool(labels.source), f"{where}: its label set has no name", "set Labels(source=...)")
    if labels.masks is not None:
        masks = labels.masks()
        fits = masks.dtype == np.bool_ and masks.ndim == 3 and len(masks) == frames.size
        require(fits, f"{where} has masks {masks.dtype} {masks.shape}", f"give ({frames.size}, H, W) bool")
    for track in labels.tracks or ():
        outside = [frame for frame in track.boxes if not 0 <= frame < frames.size]
        fix = f"number frames from 0 to {frames.size - 1}"
        require(not outside, f"{where}: a track has a box in frame {outside[:1]}", fix)
        empty = [box for box in track.boxes.values() if not (box[0] < box[2] and box[1] < box[3])]
        require(not empty, f"{where}: a box is empty: {empty[:1]}", "give half-open boxes (x0, y0, x1, y1)")
