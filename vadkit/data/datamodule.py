"""The videos of a recipe: training, held-out and test videos, their frames and labels, and checks before training."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Dataset
from vadkit.core.errors import DataError, join_names
from vadkit.core.files import reading
from vadkit.core.progress import Progress
from vadkit.core.seeds import derive
from vadkit.core.values import Labels, Split, VideoRef
from vadkit.data.rates import mixed_rates, rates_fix, refuse_slow
from vadkit.data.regions import check_regions
from vadkit.recipe.build import build
from vadkit.recipe.component_config import ComponentConfig
from vadkit.recipe.model import Data
from vadkit.video.augmenter import Augmenter
from vadkit.video.boxes import BoxReader, BoxRows, FrameBoxes
from vadkit.video.cache import FileFrames, FrameCache, Frames, fingerprint
from vadkit.video.clips import Clips, window_count
from vadkit.video.damage import Damage
from vadkit.video.decode import frame_size
from vadkit.video.frame_array import MaskedFrames, SampledFrames
from vadkit.video.mask import draw_mask
from vadkit.video.sampling import Sampling


class DataModule:
    """The videos of a recipe with its clip size and its split. The constructor reads no video.

    `seed` draws the held-out videos, `dataset` is what `open_data` returns, `cache` stores decoded frames, `boxes`
    reads the files of `data.boxes`, and `augmenter` changes the clips of the training videos.
    """

    def __init__(
        self,
        data: Data,
        seed: int,
        dataset: Dataset,
        cache: FrameCache,
        progress: Progress,
        boxes: BoxReader | None = None,
    ) -> None:
        self.data, self.clip, self._box_reader = data, data.clip, boxes
        self.augmenter = Augmenter(
            [(f"{chosen.path} ({chosen.component.name})", build(chosen, data.clip)) for chosen in data.augment]
        )
        self._seed, self._dataset, self._cache, self._progress = seed, dataset, cache, progress
        self._videos: dict[Split, Sequence[VideoRef]] = {}
        self._frames: dict[int, tuple[VideoRef, FileFrames]] = {}  # a video of many images is opened once
        self._samplings: dict[int, Sampling | None] = {}
        self.damaged: dict[Split, dict[str, list[str]]] = {}  # split -> video -> its damage; `check` fills it

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """Videos of a split.

        Raises:
            DataError: the split has no videos, or two videos have the same name.
        """
        if split in self._videos:
            return self._videos[split]
        with reading(self.data.dataset.component.name):
            videos = self._dataset.videos(split)
        if not videos:
            raise DataError(f"has no {split} videos", where=self.data.of(split).component.name)
        name, count = Counter(video.name for video in videos).most_common(1)[0]
        if count > 1:
            raise DataError(f"has two {split} videos named {name!r}", where=self.data.of(split).component.name)
        self._videos[split] = videos
        return videos

    @cached_property
    def _split(self) -> tuple[Sequence[VideoRef], Sequence[VideoRef]]:
        """Training videos and held-out videos. The seed draws complete videos."""
        videos, share = self.videos("train"), self.data.held_out
        if not share:
            return videos, ()
        if len(videos) < 2:
            what = "one training video cannot be split into training and held-out videos"
            fix = "add normal videos (or cut this video into two), or set data.held_out: 0"
            raise DataError(what, where=self.data.dataset.component.name, fix=fix)
        count = min(max(1, round(share * len(videos))), len(videos) - 1)
        order = np.random.default_rng(derive(self._seed, "held out")).permutation(len(videos))
        held_out = set(order[:count].tolist())
        training = [video for number, video in enumerate(videos) if number not in held_out]
        return training, [videos[number] for number in sorted(held_out)]

    def frames(self, video: VideoRef) -> Frames:
        """The frames of a video that the model sees, (S, H, W, C) uint8: all, or a sample at the rate `data.fps`."""
        frames, sampling = self.file_frames(video), self.sampling(video)
        return frames if sampling is None else SampledFrames(frames, sampling.numbers)

    def file_frames(self, video: VideoRef) -> FileFrames:
        """All frames of a video, decoded and resized, (F, H, W, C) uint8. They are read from the cache on access."""
        if id(video) not in self._frames:
            self._frames[id(video)] = (video, self._cache.frames(video, self.clip))
        return self._frames[id(video)][1]

    def sampling(self, video: VideoRef) -> Sampling | None:
        """Which frames of a video the model sees; None if it sees all."""
        if id(video) not in self._samplings:
            self.file_frames(video)  # keeps the video, and so its id
            self._samplings[id(video)] = self._cache.sampling(video, self.clip, self.data.fps)
        return self._samplings[id(video)]

    @cached_property
    def mask(self) -> NDArray[np.bool_] | None:
        """Pixels of a clip's frame that are left out, (H, W) bool; None if the recipe has no mask.

        Raises:
            DataError: the mask's image cannot be read, or the mask leaves out nothing or everything.
        """
        mask = self.data.mask
        return None if mask is None else draw_mask(self.clip, mask.image, mask.polygons)

    @cached_property
    def _rows(self) -> dict[int, BoxRows]:
        """Identity of a video -> its boxes in the files."""
        found: dict[int, BoxRows] = {}
        read = self._box_reader
        for split in get_args(Split) if read is not None else ():
            assert read is not None
            rows = read(split, [video.name for video in self.videos(split)])
            found |= {id(video): rows[video.name] for video in self.videos(split) if video.name in rows}
        return found

    def boxes(self, video: VideoRef) -> FrameBoxes | None:
        """The boxes of objects in the frames of a video that the model sees; None without `data.boxes`.

        Raises:
            DataError: a box does not fit the video. The message has the line of the file.
        """
        if self._box_reader is None or self.data.boxes is None:
            return None
        rows, size, count = self._rows.get(id(video)), frame_size(video), len(self.file_frames(video))
        if rows is not None:
            rows.check(video.name, size=size, frames=count, most=self.data.boxes.most)
        sampling = self.sampling(video)
        numbers = np.arange(count) if sampling is None else sampling.numbers
        return FrameBoxes(rows, numbers, size, self.clip, self.data.boxes.most)

    def times(self, video: VideoRef) -> NDArray[np.float64] | None:
        """Seconds of each frame of a video, (F,), if its frame rate varies; else None."""
        self.file_frames(video)
        return self._cache.times(video, self.clip)

    @cached_property
    def training_clips(self) -> Clips:
        """Clips of the training videos, without the held-out videos. Masked pixels are black."""
        data, mask = self.data, self.mask
        found = [(video.name, self.frames(video)) for video in self._split[0]]
        videos = [(name, frames if mask is None else MaskedFrames(frames, mask)) for name, frames in found]
        scenes = [video.scene for video in self._split[0]]
        return Clips(
            videos,
            self.clip,
            data.stride,
            scenes=scenes,
            sampling=data.sampling,
            augmenter=self.augmenter,
            short=data.short,
            boxes=self._boxes_of(self._split[0]),
        )

    def training_key(self) -> list[Any]:
        """Plain values that identify the training clips without augmentation, in their order, on this machine."""
        videos = [
            [self._cache.video_key(video, self.clip), len(self.frames(video)), _numbers(self.sampling(video))]
            for video in self._split[0]
        ]
        mask = None if self.mask is None else hashlib.sha256(self.mask.tobytes()).hexdigest()
        return [videos, mask, self.data.stride, self.data.short, str(self.clip)]

    def _boxes_of(self, videos: Sequence[VideoRef]) -> list[FrameBoxes] | None:
        found = [boxes for video in videos if (boxes := self.boxes(video)) is not None]
        return found if self._box_reader is not None else None

    def fingerprints(self) -> dict[Split, str]:
        """Fingerprints of the videos of each split, from their names and file sizes."""
        return {split: fingerprint(self.videos(split)) for split in get_args(Split)}

    @property
    def held_out(self) -> Sequence[VideoRef]:
        """Normal videos that are not used for training."""
        return self._split[1]

    def labels(self) -> dict[str, Labels]:
        """Test video -> ground truth, without the videos that have no labels. They are read once."""
        return self._labels

    @cached_property
    def _labels(self) -> dict[str, Labels]:
        with reading(self.data.dataset.component.name):
            all_labels = {video.name: self._dataset.labels(video) for video in self.videos("test")}
        return {name: labels for name, labels in all_labels.items() if labels is not None}

    def check(self, *, metrics: Sequence[ComponentConfig] = (), fps: bool = False) -> None:
        """Decode every video and compare the test videos with their labels, before the training starts.

        Abnormal videos need the masks or tracks that `metrics` read; with `fps`, every test video needs a frame rate.

        Raises:
            DataError: a video cannot be decoded, is shorter than a clip, is slower than `data.fps`, or has another
                number of frames than of labels. Or a video is damaged and `on_corrupt` is "error", frame rates differ
                and `mixed_rates` is "error", a single training video would be split, or the cache's limit is too
                small. Or all training videos are too short for an augmentation.
        """
        data, (training, _) = self.data, self._split  # one training video cannot be split, and is refused
        if fps:
            self._check_fps()
        self._check_rates()
        labels = self.labels()
        check_regions(metrics, labels)
        self._cache.reserve([*self.videos("train"), *self.videos("test")], self.clip)
        for split in ("train", "test"):
            videos = self.videos(split)
            if ignored := self._dataset.ignored(split):
                for kind, why in (("folders", "another folder has the videos"), ("files", "of their suffix")):
                    if names := [path.name for path in ignored if path.is_dir() == (kind == "folders")]:
                        self._progress.message(f"warning: {split} {kind} ignored because {why}: {join_names(names)}")
            self._progress.begin(f"decode {split}", len(videos), unit="videos")
            for number, video in enumerate(videos, 1):
                window_count(len(self.frames(video)), self.clip, 1, where=video.where, short=data.short)
                if damages := self._cache.damages(video, self.clip):
                    self._report_damage(split, video, damages)
                self._progress.advance(number, amount=1)
            self._progress.end()
        if self._box_reader is not None:
            self._check_boxes()
        if self.data.augment:
            self.augmenter.check_videos([len(self.frames(video)) for video in training])
        for video in self.videos("test"):
            if video.name in labels:
                self._check_length(video, labels[video.name])

    def _check_boxes(self) -> None:
        """Refuse boxes that do not fit their videos, and report videos without boxes."""
        for split in get_args(Split):
            videos = self.videos(split)
            self._boxes_of(videos)
            if without := [video.name for video in videos if id(video) not in self._rows]:
                names = f"{len(without)} of {len(videos)} {split} videos have no boxes ({join_names(without, 5)})"
                self._progress.message(f"warning: {names}; their frames have no objects")

    def _check_length(self, video: VideoRef, labels: Labels) -> None:
        frames = len(self.file_frames(video))
        if len(labels.frames) != frames:
            what = f"has {frames} frames, but {len(labels.frames)} labels ({labels.source})"
            fix = "run 'vadkit data check': frames are missing, or the labels are of another version"
            if video.name in self.damaged.get("test", {}):
                fix = "the video is damaged: fetch it again"
            raise DataError(what, where=video.where, fix=fix)

    def _check_rates(self) -> None:
        """Refuse videos that are slower than `data.fps`. Without it, refuse or report videos of different rates."""
        train, test = self.videos("train"), self.videos("test")
        if self.data.fps is not None:
            refuse_slow([*train, *test], self.data.fps)
            return
        for what in mixed_rates(train, test):
            fix = rates_fix([*train, *test])
            if self.data.mixed_rates == "error":
                fix += ", or set data.mixed_rates: warn"
                raise DataError(what, where=self.data.dataset.component.name, fix=fix)
            self._progress.message(f"warning: {what}; at a lower rate, motion looks faster: {fix}")

    def _check_fps(self) -> None:
        """Refuse labelled test videos without a frame rate, if a metric counts seconds."""
        chosen = self.data.of("test")
        with reading(chosen.component.name):
            without = [video.name for video in self.videos("test") if not video.fps and self._dataset.labels(video)]
        if without:
            what = f"a metric counts seconds, but these test videos have no known frame rate: {join_names(without)}"
            fix = "add --set data.fps=25, with the frames per second of your videos, or leave the metric out"
            raise DataError(what, where=chosen.component.name, fix=fix)

    def _report_damage(self, split: Split, video: VideoRef, damages: Sequence[Damage]) -> None:
        """Refuse a damaged video, or print a warning and record it for the manifest."""
        where = video.where
        texts = [str(damage) for damage in damages]
        if self.data.on_corrupt == "error":
            fix = "fetch the file again, or set data.on_corrupt: warn to use the intact frames"
            raise DataError(f"is damaged: {texts[0]}", where=where, fix=fix)
        more = f" (and {len(texts) - 1} more)" if len(texts) > 1 else ""
        self._progress.message(f"warning: {split} video {where} is damaged, the rest is used: {texts[0]}{more}")
        self.damaged.setdefault(split, {})[video.name] = texts


def _numbers(sampling: Sampling | None) -> str:
    """Digest of the numbers of the frames that a model sees; empty if it sees all."""
    return "" if sampling is None else hashlib.sha256(sampling.numbers.tobytes()).hexdigest()
