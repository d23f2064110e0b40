"""A recipe's videos: which are trained on, held out and judged, their frames and labels, and whether they will do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError
from vadkit.core.files import reading
from vadkit.core.progress import Progress
from vadkit.core.seeds import derive
from vadkit.core.values import Labels, Split, VideoRef
from vadkit.recipe.model import Data
from vadkit.video.cache import FrameCache, Frames, fingerprint
from vadkit.video.clips import Clips, window_count
from vadkit.video.damage import Damage


class DataModule:
    """The videos of a recipe, as it sees them. Constructing it reads none.

    Args:
        data: the recipe's section.
        seed: the recipe's; it draws which videos are held out.
        dataset: built with its root, as `open_data` gives it.
        cache: decoded frames.
        progress: is told of progress.
    """

    def __init__(self, data: Data, seed: int, dataset: Dataset, cache: FrameCache, progress: Progress) -> None:
        self.data, self.clip = data, data.clip
        self._seed, self._dataset, self._cache, self._progress = seed, dataset, cache, progress
        self._videos: dict[Split, Sequence[VideoRef]] = {}
        self._frames: dict[int, tuple[VideoRef, Frames]] = {}  # a video of many images is looked up once
        self.damaged: dict[str, dict[str, list[str]]] = {}  # split -> video -> what is wrong

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """Videos of a split.

        Raises:
            DataError: there are none, or two have one name.
        """
        if split in self._videos:
            return self._videos[split]
        with reading(self.data.dataset.component.name):
            videos = self._dataset.videos(split)
        if not videos:
            raise DataError(f"has no {split} videos", where=self.data.of(split).component.name)
        names = [video.name for video in videos]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"has two {split} videos named {twice!r}", where=self.data.of(split).component.name)
        self._videos[split] = videos
        return videos

    @cached_property
    def _split(self) -> tuple[Sequence[VideoRef], Sequence[VideoRef]]:
        """Videos to train on and videos held out: whole ones, drawn by the seed."""
        videos, share = self.videos("train"), self.data.held_out
        if not share:
            return videos, ()
        if len(videos) < 2:
            raise DataError(
                "one training video cannot be split into some to train on and some held out",
                where=self.data.dataset.component.name,
                fix="add normal videos (cutting the one in two will do), or set data.held_out: 0",
            )
        count = min(max(1, round(share * len(videos))), len(videos) - 1)
        order = np.random.default_rng(derive(self._seed, "held out")).permutation(len(videos))
        out = set(order[:count].tolist())
        kept = [video for number, video in enumerate(videos) if number not in out]
        return kept, [videos[number] for number in sorted(out)]

    def frames(self, video: VideoRef) -> Frames:
        """Decoded, resized frames (F, H, W, C) uint8, read from the cache as they are asked for."""
        if id(video) not in self._frames:
            self._frames[id(video)] = (video, self._cache.frames(video, self.clip))
        return self._frames[id(video)][1]

    @cached_property
    def training_clips(self) -> Clips:
        """Clips of the training videos, those held out excepted."""
        videos, data = self._split[0], self.data
        return Clips(
            [(video.name, self.frames(video)) for video in videos],
            self.clip,
            data.stride,
            scenes=[video.scene for video in videos],
            sampling=data.sampling,
            augment=data.augment,
            short=data.short,
        )

    def fingerprints(self) -> dict[str, str]:
        """What the videos of each split are, by names and sizes."""
        return {f"{split} videos": fingerprint(self.videos(split)) for split in ("train", "test")}

    @property
    def held_out(self) -> Sequence[VideoRef]:
        """Normal videos that are not trained on."""
        return self._split[1]

    def labels(self) -> dict[str, Labels]:
        """Test video -> ground truth, of those that have any."""
        with reading(self.data.dataset.component.name):
            found = {video.name: self._dataset.labels(video) for video in self.videos("test")}
        return {name: labels for name, labels in found.items() if labels is not None}

    def check(self, *, anomaly_maps: bool = False, fps: bool = False) -> None:
        """Decode every video and compare test videos with their labels: before training, not after it.

        Args:
            anomaly_maps: a metric compares maps with masks or tracks, which abnormal videos must have then.
            fps: a metric counts seconds, so that every test video's frame rate must be known.

        Raises:
            DataError: a video is undecodable, shorter than a clip, or has other labels than frames;
                it is damaged, and the recipe wants none such; or the cache's limit is too small.
        """
        data = self.data
        self._cache.reserve([*self.videos("train"), *self.videos("test")], self.clip)
        for split in ("train", "test"):
            videos = self.videos(split)
            self._progress.begin(f"decode {split}", len(videos), unit="videos")
            for number, video in enumerate(videos, 1):
                window_count(len(self.frames(video)), self.clip, 1, video=video.name, short=data.short)
                if found := self._cache.damages(video, self.clip):
                    self._tell(split, video, found)
                self._progress.advance(number, amount=1)
            self._progress.end()
        labels = self.labels()
        lengths = {video.name: len(self.frames(video)) for video in self.videos("test")}
        _check_lengths(labels, lengths, self.damaged.get("test", {}))
        self._check_needs(labels, anomaly_maps=anomaly_maps, fps=fps)

    def _check_needs(self, labels: Mapping[str, Labels], *, anomaly_maps: bool, fps: bool) -> None:
        where = self.data.of("test").component.name
        bare = [name for name, one in labels.items() if one.frames.any() and one.masks is None and one.tracks is None]
        if anomaly_maps and bare:
            raise DataError(
                f"a metric reads masks or tracks, and {len(bare)} abnormal test videos have none, {bare[0]} first",
                where=where,
                fix="add them to the data set's folder, or leave the metric out",
            )
        timeless = [video.name for video in self.videos("test") if video.name in labels and not video.fps]
        if fps and timeless:
            raise DataError(
                f"a metric counts seconds, and the frame rate of {len(timeless)} test videos is unknown, "
                f"{timeless[0]} first",
                where=where,
                fix="state it in the metric, {use: alarms, fps: 25}, or leave the metric out",
            )

    def _tell(self, split: Split, video: VideoRef, found: Sequence[Damage]) -> None:
        """Refuse a damaged video, or warn of it and keep that for the manifest."""
        where = str(video.source) if isinstance(video.source, Path) else video.name
        said = [str(one) for one in found]
        if self.data.on_corrupt == "error":
            fix = "fetch the file again, or use the frames that it has: data.on_corrupt: warn"
            raise DataError(f"is damaged: {said[0]}", where=where, fix=fix)
        more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
        self._progress.message(f"warning: {split} video {where} is damaged, the rest is used: {said[0]}{more}")
        self.damaged.setdefault(split, {})[video.name] = said


def _check_lengths(labels: Mapping[str, Labels], frames: Mapping[str, int], damaged: Collection[str]) -> None:
    for name, label in labels.items():
        if len(label.frames) != frames[name]:
            others = "frames are missing, or the labels are of another version: see 'vadkit data check'"
            raise DataError(
                f"has {frames[name]} frames, but {len(label.frames)} labels ({label.source})",
                where=f"video {name}",
                fix="the video is damaged: fetch it again" if name in damaged else others,
            )
