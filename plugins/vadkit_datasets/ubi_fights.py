"""UBI-Fights (Degardin and Proença, IJCB 2020)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import ClassVar

from vadkit.api import DataError, Labels, Split, VideoRef, read_label_file
from vadkit_datasets.benchmark import Benchmark
from vadkit_datasets.layout import check_length, names_in

_NORMAL = "videos/normal"
_LIST = "test_videos.csv"


class UBIFights(Benchmark):
    """UBI-Fights, trained on the normal videos that are not in the test list; any subset of its videos works.

    Args:
        root: the data set's folder, or one that contains it.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
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
    inside = ("ubi_fights", "UBI_FIGHTS")
    signs = ("videos", "annotation")
    fps = 30.0
    missing: ClassVar[Mapping[Split, str]] = {
        "train": f"no training videos; looked for {_NORMAL}",
        "test": f"none of the videos in {_LIST} exists",
    }

    def _labelled(self, there: Mapping[str, VideoRef]) -> Iterable[VideoRef]:
        names = self._names if (self._base / _LIST).is_file() else there
        return [there.get(name) or self._absent(name) for name in names]

    def _labels(self, video: VideoRef) -> Labels:
        file = self._file([f"annotation/{video.name}.csv"], "annotation of this video")
        labels = read_label_file(file, video.name).get(video.name)
        if labels is None:
            raise DataError("holds no labels of this video", where=str(file), fix="fetch the annotation again")
        length = labels.length() or video.frames or 0
        check_length(length, video.frames, where=video.name, source=str(file))
        return Labels(labels.frames(length), source="ubi_fights frame labels")

    @cached_property
    def _names(self) -> list[str]:
        return names_in(self._file([_LIST], "list of test videos"))

    def _listed(self, split: Split) -> Sequence[VideoRef]:
        if split == "test":
            return self._those_there(self._names)
        folder = self._base / _NORMAL
        normal = {name for name, paths in self._files.items() if any(path.is_relative_to(folder) for path in paths)}
        return self._those_there(normal - set(self._names))
