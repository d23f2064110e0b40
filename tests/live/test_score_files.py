"""What `vadkit score` writes for each video: frame scores in four formats, annotated videos, clock times."""

from __future__ import annotations

import csv
import json
import math
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from owned import film, images

from vadkit.core.errors import DataError, VadkitError
from vadkit.core.values import ClipSpec, VideoRef
from vadkit.core.watching import FrameScore
from vadkit.live.score import start_of
from vadkit.live.videos import find_videos
from vadkit.store.frame_scores import FORMATS, check_format, writing
from vadkit.video.annotate import AnnotatedVideo
from vadkit.video.clock import recorded_at
from vadkit.video.damage import Damages
from vadkit.video.decode import decode
from vadkit.video.forward import ForwardReader
from vadkit.video.video_file import frame_rate, pictures

SCORES = [0.5, math.nan, 2.5]
COLUMNS = ["frame", "seconds", "score", "component.score", "file"]


def _read(path: Path) -> dict[str, list[Any]]:
    """Column -> values; None for NaN and unknown times."""
    if path.suffix == ".npz":
        with np.load(path) as archive:
            return {name: [None if v != v else v for v in column.tolist()] for name, column in archive.items()}
    if path.suffix == ".parquet":
        pq = pytest.importorskip("pyarrow.parquet")
        return pq.read_table(path).to_pydict()
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        return {k: [None if row[k] in ("", "nan") else float(row[k]) for row in rows] for k in rows[0]}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    flat = [
        line | {"component.score": line["components"]["score"], "file": line["components"]["file"]} for line in lines
    ]
    return {name: [line[name] for line in flat] for name in COLUMNS}


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("form", FORMATS)
def test_all_formats_have_the_same_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, timed: bool
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
        monkeypatch.setattr("vadkit.store.frame_scores._ROWS", 2)
    path = tmp_path / f"x.{form}"
    with writing(form, path, ["score", "file"]) as put:
        for n, score in enumerate(SCORES):
            scored = FrameScore(n, n / 4, score, {"score": score, "file": float(n)})
            put(10 * n, scored.seconds if timed else None, scored)
    found = _read(path)
    assert list(found) == COLUMNS
    assert found["frame"] == [0, 10, 20]
    assert found["seconds"] == ([0, 0.25, 0.5] if timed else [None] * 3)
    assert found["score"] == found["component.score"] == [0.5, None, 2.5]
    assert found["file"] == [0, 1, 2]


def test_a_format_without_its_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vadkit.store.frame_scores.find_spec", lambda _: None)
    with pytest.raises(VadkitError, match="pyarrow is not installed") as caught:
        check_format("parquet")
    assert caught.value.fix == "pip install 'vadkit[parquet]'"


def _annotated(path: Path, video: VideoRef, frames: int, fps: float | None) -> list[NDArray[np.uint8]]:
    """The annotated video of frames with an event in the second half, hot at the left."""
    hot = np.zeros((8, 12), np.float32)
    hot[:, :3] = 1
    movie = AnnotatedVideo(path, video, ClipSpec(8, 32, 48), fps=fps, threshold=2.0, normal=1.0)
    with movie:
        for n in range(frames):
            late = n >= frames // 2
            movie.add(FrameScore(n, n / 10, 9.0 if late else math.nan, {}, anomaly_map=hot, active=late))
    return list(pictures(path, Damages(strict=True)))


def test_an_annotated_video_shows_scores_heat_and_events(tmp_path: Path) -> None:
    video = VideoRef("v", film(tmp_path / "v.mp4", 20))
    frames = _annotated(tmp_path / "out.mp4", video, 20, 10.0)
    assert len(frames) == 20
    assert frame_rate(tmp_path / "out.mp4") == 10
    assert frames[0].shape[1] >= 320  # small pictures are enlarged
    height = frames[0].shape[1] * 32 // 48
    before, after = (frames[n].astype(int) for n in (4, 16))

    def red(part: NDArray[np.int64]) -> float:
        return float(part[..., 0].mean() - part[..., 2].mean())

    assert abs(red(before)) < 5
    assert red(after[height // 2 : height // 2 + 20, :3]) > 60  # the border
    assert red(after[60 : height - 60, 20:60]) > 40  # the heat map
    assert abs(red(after[60 : height - 60, 200:300])) < 12
    strip = after[height:]
    assert strip[:12, -30:, 0].max() > 180  # the curve, at the top
    assert before[height:, -30:, 0].max() < 180


def test_an_annotated_folder_of_images_needs_no_frame_rate(tmp_path: Path) -> None:
    images(tmp_path / "v", 6)
    video = VideoRef("v", tuple(sorted((tmp_path / "v").iterdir())))
    assert len(_annotated(tmp_path / "out.mp4", video, 6, None)) == 6


def test_frames_are_read_forward_from_every_source(tmp_path: Path) -> None:
    film(tmp_path / "v.mp4", 12)
    images(tmp_path / "images", 12, white=[7])
    drawn = np.arange(12, dtype=np.uint8)[:, None, None, None].repeat(4, 1).repeat(4, 2)
    sources = (
        VideoRef("file", tmp_path / "v.mp4"),
        VideoRef("images", tuple(tmp_path / f"images/{n}.png" for n in range(12))),
        VideoRef("drawn", lambda start, stop: drawn[start:stop], frames=12),
    )
    for video in sources:
        everything = list(decode(video, color="rgb"))
        with ForwardReader(video) as reader:
            for number in (0, 3, 3, 7):
                np.testing.assert_array_equal(reader.frame(number), everything[number])
    with ForwardReader(sources[0]) as reader:
        for _ in range(2):
            with pytest.raises(DataError, match="has no frame 12"):
                reader.frame(12)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("2026-03-01T06:30:00Z", datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
        ("1970-01-01T00:00:00Z", None),  # a camera without a clock
        ("", None),
    ],
)
def test_a_file_states_its_clock_time(tmp_path: Path, stated: str, expected: datetime | None) -> None:
    film(tmp_path / "plain.mp4", 3)
    with av.open(str(tmp_path / "plain.mp4")) as source, av.open(str(tmp_path / "v.mp4"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        if stated:
            target.metadata["creation_time"] = stated
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    assert recorded_at(tmp_path / "v.mp4") == expected
    (tmp_path / "x.mp4").touch()
    assert recorded_at(tmp_path / "x.mp4") is recorded_at(tmp_path) is None


def test_the_start_is_a_time_of_one_video(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).touch()
    one, two = (find_videos([str(tmp_path / name)]).videos for name in ("a.mp4", "*.mp4"))
    zone = timezone(timedelta(hours=2))
    assert start_of("2026-03-01T08:30:00+02:00", one) == datetime(2026, 3, 1, 8, 30, tzinfo=zone)
    assert start_of(None, two) is None
    with pytest.raises(VadkitError, match="'at 8' is not a date and time"):
        start_of("at 8", one)
    with pytest.raises(VadkitError, match="one time is given for 2 videos"):
        start_of("2026-03-01", two)
