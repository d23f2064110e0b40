"""UCF-Crime (Sultani, Chen and Shah, CVPR 2018)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from vadkit.api import DataError, Labels, Split, VideoRef
from vadkit_datasets.benchmark import Benchmark, published
from vadkit_datasets.layout import names_in
from vadkit_datasets.tracks import numbers, rows_of

_SPLITS = ("", "labels/", "Anomaly_Detection_splits/", "UCF_Crimes-Train-Test-Split/Anomaly_Detection_splits/")
_ANNOTATIONS = tuple(
    f"{folder}Temporal_Anomaly_Annotation{form}.txt"
    for form in ("_New", "", "_for_Testing_Videos")
    for folder in _SPLITS
)
_TRAIN_LISTS = tuple(f"{folder}Anomaly_Train.txt" for folder in _SPLITS)
# Decoders differ by a few frames, and five ranges end up to two frames after their video.
_SLACK = 30  # frames
# Without its range of 1,171 frames, the annotation has the counts of abnormal frames of three published ROC curves.
_NORMAL_IN_ROC = "Burglary024_x264"


class UCFCrime(Benchmark):
    """UCF-Crime, trained on its normal videos only; any subset of its videos works.

    Args:
        root: the data set's folder, or one that contains it.
        labels: "annotation" reads all ranges. "as_published_roc" counts the video Burglary024 as normal: three
            published ROC curves have 83,167 abnormal frames of 1,111,808, or 83,174 of 1,112,324, which are those of
            the annotation without the only range of this video.

    Example:
        >>> UCFCrime(Path("ucf_crime"), labels="as_published_roc").expected()["abnormal frames"]
        83167
    """

    default_root: ClassVar[str] = "ucf_crime"
    layout: ClassVar[str] = (
        "needed: the unpacked archives (Training_Normal_Videos_Anomaly/, Testing_Normal_Videos_Anomaly/, Abuse/ "
        "and the other classes, at any depth) or training/frames/NAME/ and testing/frames/NAME/, with "
        "Temporal_Anomaly_Annotation.txt and Anomaly_Train.txt. All are on the 'Real-world Anomaly Detection in "
        "Surveillance Videos' page of UCF's CRCV (crcv.ucf.edu)"
    )
    inside = ("ucf_crime", "UCF_Crimes", "UCF-Crime", "UCF_Crime")
    signs = (
        *("Videos", "Anomaly-Videos", "Anomaly-Videos-Part-1", "Abuse", "Training_Normal_Videos_Anomaly"),
        *("Training-Normal-Videos-Part-1", "Testing_Normal_Videos_Anomaly", "Testing_Normal_Videos"),
        *_ANNOTATIONS,
    )
    fps = 30.0
    normal = "Normal"
    missing: ClassVar[Mapping[Split, str]] = {
        "train": "no normal training videos (Normal_Videos...)",
        "test": "none of the annotated test videos exists",
    }
    # By the annotation. Ranges end with their video; uncut, 84,345 frames would be abnormal.
    totals = published(train_videos=800, test_videos=290, test_frames=1_111_808, abnormal_frames=84_338)

    def __init__(self, root: Path | None, *, labels: Literal["annotation", "as_published_roc"] = "annotation") -> None:
        super().__init__(root)
        self._kind = labels
        if labels == "as_published_roc":
            self.totals = {**self.totals, "abnormal frames": 83_167}

    def _labelled(self, there: Mapping[str, VideoRef]) -> Iterable[VideoRef]:
        for name, (_, frames) in self._annotation.items():
            if frames is not None:
                yield replace(there.get(name) or self._absent(name), frames=frames)
            elif name in there:
                yield there[name]

    def _labels(self, video: VideoRef) -> Labels:
        where = f"{self._annotation_file}, {video.name}"
        if video.name not in self._annotation:
            raise DataError("the test video has no line in the annotation", where=where, fix=self.layout)
        (ranges, stated), frames = self._annotation[video.name], self._length(video)
        reach = max([stated or 0, *(last for _, last in ranges)])
        late = any(first > frames for first, _ in ranges)
        if late or reach > frames + _SLACK or (stated or frames) < frames - _SLACK:
            what = f"the annotation is for a video of {reach} frames, but this one has {frames}"
            fix = "extract every frame at the original 30 fps; every tenth frame is not the benchmark"
            raise DataError(what, where=where, fix=fix)
        abnormal = np.zeros(frames, np.bool_)
        as_roc = self._kind == "as_published_roc"
        for first, last in [] if as_roc and video.name == _NORMAL_IN_ROC else ranges:
            abnormal[first - 1 : last] = True
        return Labels(abnormal, source=f"ucf_crime frame ranges{' as in published ROCs' if as_roc else ''}")

    def _listed(self, split: Split) -> Sequence[VideoRef]:
        if split == "test":
            return self._those_there(self._annotation, prefer="Testing")
        if file := self._first(_TRAIN_LISTS):
            return self._those_there(names_in(file), prefer="Training")
        # Without the list, the videos in folders named Training...
        within = {name: [path.relative_to(self._base) for path in paths] for name, paths in self._files.items()}
        named = [name for name, paths in within.items() if any("/Training" in f"/{path.as_posix()}" for path in paths)]
        return self._those_there(named, prefer="Training")

    @cached_property
    def _annotation_file(self) -> Path:
        return self._file(_ANNOTATIONS, "annotation")

    @cached_property
    def _annotation(self) -> Mapping[str, tuple[list[tuple[int, int]], int | None]]:
        """Test video -> abnormal ranges, from 1 and inclusive, and F if the annotation states it."""
        found: dict[str, tuple[list[tuple[int, int]], int | None]] = {}
        for where, line in rows_of(self._annotation_file):
            words = line.split()
            values = [int(value) for value in numbers(words[2:]) if value.is_integer()]
            pairs = list(zip(values[0:4:2], values[1:4:2], strict=False))
            ordered = all(pair == (-1, -1) or 1 <= pair[0] <= pair[1] for pair in pairs)
            if len(words) - 2 != len(values) or len(values) not in (4, 5) or not ordered:
                what = f"not 'name class start end start end': {line!r}"
                raise DataError(what, where=where, fix="download the annotation again")
            ranges = [pair for pair in pairs if pair != (-1, -1)]
            found[Path(words[0]).stem] = (ranges, values[4] if len(values) == 5 else None)
        return found
