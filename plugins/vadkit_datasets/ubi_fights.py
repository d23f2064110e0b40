"""UBI-Fights (Degardin and Proença, IJCB 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from vadkit.api import DataError, Dataset, Labels, Split, VideoRef, read_label_file
from vadkit_datasets import label_files, layout, listed

_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("training/frames", "training/videos"),
    "test": ("testing/frames", "testing/videos"),
}
_NORMAL = "videos/normal"
_LIST = "test_videos.csv"
_SIGNS = (*(name for names in _FOLDERS.values() for name in names), "videos", "annotation")
_FPS = 30.0


class UBIFights(Dataset):
    """UBI-Fights, trained on the normal videos that are not in the test list; any subset of its videos works.

    Args:
        root: the data set's folder, or one that contains it.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as root:
        ...     Path(root, "testing/frames/F_1").mkdir(parents=True)
        ...     Path(root, "testing/frames/F_1/1.jpg").touch()
        ...     [video.name for video in UBIFights(Path(root)).videos("test")]
        ['F_1']
    """

    default_root: ClassVar[str] = "ubi_fights"
    layout: ClassVar[str] = (
        "needed: videos/normal/NAME.mp4, videos/fight/NAME.mp4, annotation/NAME.csv with a 0 or 1 per frame, and "
        "test_videos.csv with one name per line (or training/frames/NAME/, testing/frames/NAME/ and annotation/); the "
        "data set is 'UBI-Fights' by SOCIA Lab, University of Beira Interior (socia-lab.di.ubi.pt/EventDetection)"
    )

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """The normal training videos, or the test videos, that exist."""
        return self._test if split == "test" else self._train

    def labels(self, video: VideoRef) -> Labels | None:
        """Ground truth of a test video; None for a training video.

        Raises:
            DataError: the annotation is missing or does not fit the video.
        """
        return self._labels(video) if layout.is_among(video, self._test) else None

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """All listed test videos, even if the videos are missing.

        Raises:
            DataError: the list or an annotation is missing.
        """
        there = {video.name: video for video in layout.found_if_any(self.videos, "test")}
        names = self._listed if (self._base / _LIST).is_file() else list(there)
        everyone = [there.get(name, VideoRef(name, (), fps=_FPS)) for name in names]
        return [(video, self._labels(video)) for video in everyone]

    def _labels(self, video: VideoRef) -> Labels:
        names = [f"annotation/{video.name}.csv"]
        file = layout.first_file(self._base, names, what="annotation of this video", layout=self.layout)
        labels = read_label_file(file, video.name).get(video.name)
        if labels is None:
            raise DataError("holds no labels of this video", where=str(file), fix="fetch the annotation again")
        length = labels.length() or video.frames or 0
        if video.frames is not None:
            label_files.check_length(length, video.frames, where=video.name, source=str(file))
        return Labels(labels.frames(length), source="ubi_fights frame labels")

    @cached_property
    def _base(self) -> Path:
        return layout.locate(self._root, ("ubi_fights", "UBI_FIGHTS"), _SIGNS, layout=self.layout)

    @cached_property
    def _listed(self) -> list[str]:
        return listed.names_in(layout.first_file(self._base, [_LIST], what="list of test videos", layout=self.layout))

    @cached_property
    def _files(self) -> Mapping[str, tuple[Path, ...]]:
        return listed.videos_below(self._base)

    @cached_property
    def _train(self) -> Sequence[VideoRef]:
        found = self._extracted("train")
        if not found:
            folder = self._base / _NORMAL
            normal = (name for name, paths in self._files.items() if any(path.is_relative_to(folder) for path in paths))
            found = listed.those_there(set(normal) - set(self._listed), self._files, fps=_FPS)
        if not found:
            raise DataError(f"no training videos; looked for {_NORMAL}", where=str(self._base), fix=self.layout)
        return found

    @cached_property
    def _test(self) -> Sequence[VideoRef]:
        found = self._extracted("test") or listed.those_there(self._listed, self._files, fps=_FPS)
        if not found:
            raise DataError(f"none of the videos in {_LIST} exists", where=str(self._base), fix=self.layout)
        return found

    def _extracted(self, split: Split) -> Sequence[VideoRef]:
        return layout.find_if_extracted(self._base, _FOLDERS[split], fps=_FPS, layout=self.layout)
