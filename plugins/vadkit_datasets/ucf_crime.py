"""UCF-Crime (Sultani, Chen and Shah, CVPR 2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np

from vadkit.api import DataError, Dataset, Labels, Split, VideoRef, read_text
from vadkit_datasets import layout, listed
from vadkit_datasets.lengths import Lengths

_FOLDERS: dict[Split, tuple[str, ...]] = {
    "train": ("training/frames", "training/videos"),
    "test": ("testing/frames", "testing/videos"),
}
_SPLITS = ("", "labels/", "Anomaly_Detection_splits/", "UCF_Crimes-Train-Test-Split/Anomaly_Detection_splits/")
_ANNOTATIONS = tuple(
    f"{folder}Temporal_Anomaly_Annotation{form}.txt"
    for form in ("_New", "", "_for_Testing_Videos")
    for folder in _SPLITS
)
_TRAIN_LISTS = tuple(f"{folder}Anomaly_Train.txt" for folder in _SPLITS)
_SIGNS = (
    *(name for names in _FOLDERS.values() for name in names),
    *("Videos", "Anomaly-Videos", "Anomaly-Videos-Part-1", "Abuse", "Training_Normal_Videos_Anomaly"),
    *("Training-Normal-Videos-Part-1", "Testing_Normal_Videos_Anomaly", "Testing_Normal_Videos"),
    *_ANNOTATIONS,
)
_FPS = 30.0
# Decoders differ by a few frames, and five ranges end up to two frames after their video.
_SLACK = 30  # frames


@dataclass(frozen=True, slots=True)
class _Annotated:
    """One line of the annotation: ranges, from 1 and inclusive, and F if it is given."""

    ranges: tuple[tuple[int, int], ...]
    frames: int | None


class UCFCrime(Dataset):
    """UCF-Crime, trained on its normal videos only; any subset of its videos works.

    Args:
        root: the data set's folder, or one that contains it.

    Example:
        >>> UCFCrime(Path("ucf_crime")).expected()["test videos"]
        290
    """

    default_root: ClassVar[str] = "ucf_crime"
    layout: ClassVar[str] = (
        "needed: the unpacked archives (Training_Normal_Videos_Anomaly/, Testing_Normal_Videos_Anomaly/, Abuse/ "
        "and the other classes, at any depth) or training/frames/NAME/ and testing/frames/NAME/, with "
        "Temporal_Anomaly_Annotation.txt and Anomaly_Train.txt; all are on the 'Real-world Anomaly Detection in "
        "Surveillance Videos' page of UCF's CRCV (crcv.ucf.edu)"
    )

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._length = Lengths()

    def videos(self, split: Split) -> Sequence[VideoRef]:
        """The normal training videos, or the test videos, that exist."""
        return self._test if split == "test" else self._train

    def labels(self, video: VideoRef) -> Labels | None:
        """Ground truth of a test video, at its decoded length; None for a training video.

        Raises:
            DataError: the annotation is missing or does not fit the video.
        """
        if not layout.is_among(video, self._test):
            return None
        return self._labels(video.name, self._length(video))

    def ground_truth(self) -> Sequence[tuple[VideoRef, Labels]]:
        """All 290 test videos from the annotation alone if it gives lengths; otherwise the videos that exist.

        Raises:
            DataError: the annotation is missing.
        """
        there = {video.name: video for video in layout.found_if_any(self.videos, "test")}
        found: list[tuple[VideoRef, Labels]] = []
        for name, annotated in self._annotation.items():
            if annotated.frames is not None:
                video = there.get(name, VideoRef(name, (), frames=annotated.frames, fps=_FPS))
                found.append((video, self._labels(name, annotated.frames)))
            elif name in there and (labels := self.labels(there[name])):
                found.append((there[name], labels))
        return found

    def expected(self) -> Mapping[str, int]:
        """Totals of the annotation. Ranges end with their video; uncut, 84,345 frames would be abnormal."""
        return {"train videos": 800, "test videos": 290, "test frames": 1_111_808, "abnormal frames": 84_338}

    def _labels(self, name: str, frames: int) -> Labels:
        where = f"{self._annotation_file}, {name}"
        annotated = self._annotation.get(name)
        if annotated is None:
            raise DataError("the test video has no line in the annotation", where=where, fix=self.layout)
        reach = max([annotated.frames or 0, *(last for _, last in annotated.ranges)])
        late = any(first > frames for first, _ in annotated.ranges)
        if late or reach > frames + _SLACK or (annotated.frames or frames) < frames - _SLACK:
            raise DataError(
                f"the annotation is for a video of {reach} frames, but this one has {frames}",
                where=where,
                fix="extract every frame at the original 30 fps; every tenth frame is not the benchmark",
            )
        abnormal = np.zeros(frames, np.bool_)
        for first, last in annotated.ranges:
            abnormal[first - 1 : last] = True
        return Labels(abnormal, source="ucf_crime frame ranges")

    @cached_property
    def _base(self) -> Path:
        inside = ("ucf_crime", "UCF_Crimes", "UCF-Crime", "UCF_Crime")
        return layout.locate(self._root, inside, _SIGNS, layout=self.layout)

    @cached_property
    def _train(self) -> Sequence[VideoRef]:
        found = self._extracted("train")
        if not found:
            file = next((self._base / name for name in _TRAIN_LISTS if (self._base / name).is_file()), None)
            named = listed.names_in(file) if file else self._in_training_folders()
            found = listed.those_there(named, self._files, fps=_FPS, prefer="Training")
        normal = [video for video in found if video.name.startswith("Normal")]
        if not normal:
            raise DataError("no normal training videos (Normal_Videos...)", where=str(self._base), fix=self.layout)
        return normal

    @cached_property
    def _test(self) -> Sequence[VideoRef]:
        found = self._extracted("test")
        if not found:
            found = listed.those_there(self._annotation, self._files, fps=_FPS, prefer="Testing")
        if not found:
            raise DataError("none of the annotated test videos exists", where=str(self._base), fix=self.layout)
        return found

    def _extracted(self, split: Split) -> Sequence[VideoRef]:
        return layout.find_if_extracted(self._base, _FOLDERS[split], fps=_FPS, layout=self.layout)

    @cached_property
    def _files(self) -> Mapping[str, tuple[Path, ...]]:
        return listed.videos_below(self._base)

    def _in_training_folders(self) -> list[str]:
        """The videos in folders whose name starts with Training, used if the list of training videos is missing."""
        return [
            name
            for name, paths in self._files.items()
            if any(part.startswith("Training") for path in paths for part in path.relative_to(self._base).parts)
        ]

    @cached_property
    def _annotation_file(self) -> Path:
        return layout.first_file(self._base, _ANNOTATIONS, what="annotation", layout=self.layout)

    @cached_property
    def _annotation(self) -> Mapping[str, _Annotated]:
        """Test video -> its line in the annotation."""
        found: dict[str, _Annotated] = {}
        for number, line in enumerate(read_text(self._annotation_file).splitlines(), 1):
            words = line.split()
            if not words:
                continue
            values = _integers(words[2:])
            if values is None or len(values) not in (4, 5) or not all(map(_is_range, values[0:4:2], values[1:4:2])):
                what = f"not 'name class start end start end': {line.strip()!r}"
                where = f"{self._annotation_file}, line {number}"
                raise DataError(what, where=where, fix="download the annotation again")
            pairs = ((values[0], values[1]), (values[2], values[3]))
            ranges = tuple(pair for pair in pairs if pair != (-1, -1))
            found[Path(words[0]).stem] = _Annotated(ranges, values[4] if len(values) == 5 else None)
        return found


def _is_range(first: int, last: int) -> bool:
    return first == last == -1 or 1 <= first <= last


def _integers(words: Sequence[str]) -> list[int] | None:
    try:
        return [int(word) for word in words]
    except ValueError:
        return None
