"""UCF-Crime: both layouts, the real annotation in both forms, and what does not fit it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from vadkit.api import DataError
from vadkit_datasets.ucf_crime import UCFCrime

DATA = Path(os.environ.get("VADKIT_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()
REAL = DATA / "labels/ucf_crime"
needs_labels = pytest.mark.skipif(not REAL.is_dir(), reason="needs UCF-Crime's annotation (set VADKIT_TEST_DATA)")
LINES = (
    "Abuse028_x264.mp4  Abuse  3  5  -1  -1  \n"
    "Arson011_x264.mp4  Arson  1  2  7  41  \n"
    "Normal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1  \n"
)


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def frames(folder: Path, count: int) -> None:
    touch(folder, *(f"{n:05}.jpg" for n in range(count)))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """As the archives unpack, in part."""
    touch(
        tmp_path,
        "Anomaly-Videos-Part-1/Abuse/Abuse001_x264.mp4",
        "Anomaly-Videos-Part-1/Abuse/Abuse028_x264.mp4",
        "Training-Normal-Videos-Part-1/Normal_Videos001_x264.mp4",
        "Normal_Videos_event/Normal_Videos001_x264.mp4",
        "Normal_Videos_event/Normal_Videos900_x264.mp4",
        "Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4",
    )
    (tmp_path / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt").write_text(LINES)
    return tmp_path


@pytest.fixture
def extracted(tmp_path: Path) -> Path:
    for name, count in [("Abuse028_x264", 9), ("Arson011_x264", 40), ("Normal_Videos_003_x264", 4)]:
        frames(tmp_path / "testing/frames" / name, count)
    frames(tmp_path / "training/frames/Normal_Videos001_x264", 3)
    frames(tmp_path / "training/frames/Abuse001_x264", 3)
    (tmp_path / "Temporal_Anomaly_Annotation.txt").write_text(LINES)
    return tmp_path


@pytest.mark.parametrize("listed", [True, False])
def test_own_layout(own: Path, listed: bool) -> None:
    if listed:
        (own / "Anomaly_Detection_splits").mkdir()
        (own / "Anomaly_Detection_splits/Anomaly_Train.txt").write_text(
            "Abuse/Abuse001_x264.mp4\n"
            "Training_Normal_Videos_Anomaly/Normal_Videos001_x264.mp4\n"
            "Training_Normal_Videos_Anomaly/Normal_Videos002_x264.mp4\n"
        )
    dataset = UCFCrime(own)
    (train,) = dataset.videos("train")
    assert train.source == own / "Training-Normal-Videos-Part-1/Normal_Videos001_x264.mp4"
    assert [video.name for video in dataset.videos("test")] == ["Abuse028_x264", "Normal_Videos_003_x264"]
    assert dataset.labels(train) is None


def test_extracted_frames_and_their_labels(extracted: Path) -> None:
    dataset = UCFCrime(extracted.parent if extracted.name == "ucf_crime" else extracted)
    assert [video.name for video in dataset.videos("train")] == ["Normal_Videos001_x264"]
    found = {video.name: dataset.labels(video) for video in dataset.videos("test")}
    abnormal = {name: np.flatnonzero(labels.frames).tolist() for name, labels in found.items() if labels}
    # Counted from 1 and inclusive; the second range ends with its video, which is a frame shorter.
    assert abnormal == {
        "Abuse028_x264": [2, 3, 4],
        "Arson011_x264": [0, 1, *range(6, 40)],
        "Normal_Videos_003_x264": [],
    }


def test_the_frames_of_a_file_are_counted(own: Path) -> None:
    with av.open(str(own / "Anomaly-Videos-Part-1/Abuse/Abuse028_x264.mp4"), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for _ in range(7):
            picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    dataset = UCFCrime(own)
    labels = dataset.labels(dataset.videos("test")[0])
    assert labels
    assert labels.frames.tolist() == [False, False, True, True, True, False, False]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("Abuse028_x264.mp4 Abuse 30 50 -1 -1 90", "for a video of 90 frames, but this one has 9"),
        ("Abuse028_x264.mp4 Abuse 3 50 -1 -1", "for a video of 50 frames, but this one has 9"),
        ("Abuse028_x264.mp4 Abuse 10 12 -1 -1", "for a video of 12 frames, but this one has 9"),
    ],
)
def test_frames_that_are_missing_are_noticed(extracted: Path, line: str, what: str) -> None:
    (extracted / "Temporal_Anomaly_Annotation.txt").write_text(line)
    dataset = UCFCrime(extracted)
    with pytest.raises(DataError, match=what) as caught:
        dataset.labels(dataset.videos("test")[0])
    assert "every tenth frame" in caught.value.fix


@pytest.mark.parametrize(
    "line", ["Abuse028_x264.mp4 Abuse 3 5", "a b c d e f", "x.mp4 y 5 3 -1 -1", "x.mp4 y 0 3 -1 -1"]
)
def test_a_broken_annotation_is_named(extracted: Path, line: str) -> None:
    (extracted / "Temporal_Anomaly_Annotation.txt").write_text(LINES + line)
    dataset = UCFCrime(extracted)
    with pytest.raises(DataError, match=r"Annotation.txt, line 4: not 'name class start end start end'"):
        dataset.labels(dataset.videos("test")[0])


def test_what_is_missing_is_said(own: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="contains none of") as caught:
        UCFCrime(tmp_path / "empty").videos("test")
    assert "crcv.ucf.edu" in caught.value.fix
    (own / "Training-Normal-Videos-Part-1").rename(own / "Other")
    with pytest.raises(DataError, match="no normal training videos"):
        UCFCrime(own).videos("train")
    for path in own.rglob("*_x264.mp4"):
        path.unlink()
    with pytest.raises(DataError, match="none of the annotated test videos"):
        UCFCrime(own).videos("test")
    (own / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt").unlink()
    with pytest.raises(DataError, match=r"no annotation: looked for Temporal_Anomaly_Annotation_New.txt"):
        UCFCrime(own).videos("test")


def test_a_test_video_without_a_line_is_named(extracted: Path) -> None:
    frames(extracted / "testing/frames/Abuse099_x264", 3)
    dataset = UCFCrime(extracted)
    with pytest.raises(DataError, match="Abuse099_x264: the test video has no line"):
        dataset.labels(dataset.videos("test")[1])


@needs_labels
def test_the_real_annotation_alone_is_a_ground_truth() -> None:
    """The ranges sum to 84,345; seven frames of them lie beyond the end of five videos."""
    truth = UCFCrime(REAL).ground_truth()
    assert len(truth) == 290
    assert sum(video.name.startswith("Normal") and not labels.frames.any() for video, labels in truth) == 150
    assert sum(int((np.diff(labels.frames.astype(int), prepend=0) == 1).sum()) == 2 for _, labels in truth) == 16
    assert sum(len(labels.frames) for _, labels in truth) == 1_111_808
    assert sum(int(labels.frames.sum()) for _, labels in truth) == UCFCrime(REAL).expected()["abnormal frames"]
    text = (REAL / "Temporal_Anomaly_Annotation_New.txt").read_text()
    lines = [list(map(int, line.split()[2:])) for line in text.splitlines()]
    spans = [(first, last, frames) for a, b, c, d, frames in lines for first, last in ((a, b), (c, d)) if first > 0]
    assert sum(last - first + 1 for first, last, _ in spans) == 84_345
    assert 84_345 - sum(max(0, last - frames) for _, last, frames in spans) == 84_338


@needs_labels
def test_the_real_lists_choose_the_published_videos(tmp_path: Path) -> None:
    for line in (REAL / "Anomaly_Train.txt").read_text().split():
        touch(tmp_path / "Videos", line)
    for line in (REAL / "Temporal_Anomaly_Annotation.txt").read_text().splitlines():
        name, kind = line.split()[:2]
        touch(tmp_path / "Videos", f"{'Testing_Normal_Videos_Anomaly' if kind == 'Normal' else kind}/{name}")
    for name in ("Anomaly_Train.txt", "Temporal_Anomaly_Annotation.txt"):
        (tmp_path / name).symlink_to(REAL / name)
    dataset = UCFCrime(tmp_path)
    assert len(dataset.videos("train")) == dataset.expected()["train videos"] == 800
    assert len(dataset.videos("test")) == dataset.expected()["test videos"] == 290


@needs_labels
def test_labels_as_in_published_roc_curves(tmp_path: Path) -> None:
    """The curves have 83,167 abnormal frames of 1,111,808, and the annotation 84,338."""
    (tmp_path / "Temporal_Anomaly_Annotation_New.txt").symlink_to(REAL / "Temporal_Anomaly_Annotation_New.txt")
    dataset = UCFCrime(tmp_path, labels="as_published_roc")
    pairs = {video.name: labels for video, labels in dataset.ground_truth()}
    assert sum(labels.frames.size for labels in pairs.values()) == 1_111_808
    assert sum(int(labels.frames.sum()) for labels in pairs.values()) == dataset.expected()["abnormal frames"] == 83_167
    assert not pairs["Burglary024_x264"].frames.any()
    assert {labels.source for labels in pairs.values()} == {"ucf_crime frame ranges as in published ROCs"}
    uncut = sum(
        last - first + 1
        for line in (REAL / "Temporal_Anomaly_Annotation.txt").read_text().splitlines()
        for first, last in [map(int, line.split()[2:4]), map(int, line.split()[4:6])]
        if first > 0 and not line.startswith("Burglary024")
    )
    assert uncut == 83_174
