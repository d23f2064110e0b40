"""Presentation times of frames: of the decoder, of the packets, and of files whose time stamps start again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from filmed import noise, steps, write
from numpy.typing import NDArray

from vadkit.core.errors import DataError
from vadkit.video import video_file
from vadkit.video.damage import Damages
from vadkit.video.times import Timeline, frame_times
from vadkit.video.video_file import frame_rate, timed_pictures

TIMES = [0, 40, 50, 60, 400, 410, 2000, 2040, 9000, 9010]  # milliseconds


def decoded(path: Path) -> NDArray[np.float64]:
    return np.array([picture.seconds for picture in timed_pictures(path, Damages())])


@pytest.mark.parametrize("bf", ["0", "2"])
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_a_variable_frame_rate_gives_the_times_of_the_file(tmp_path: Path, name: str, bf: str) -> None:
    path = write(tmp_path / name, steps(10), "libx264", times=TIMES, bf=bf)
    np.testing.assert_allclose(decoded(path), np.array(TIMES) / 1000, atol=1e-3)
    np.testing.assert_allclose(frame_times(path), np.array(TIMES) / 1000, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.avi", "mpeg4", {}),
        ("b.avi", "mpeg4", {"bf": "2"}),
        ("b.mov", "libx264", {"bf": "3", "b_strategy": "0"}),
        ("b.flv", "libx264", {"bf": "3", "b_strategy": "0"}),
        ("b.avi", "libx264", {"bf": "3", "b_strategy": "0"}),
        ("raw.h264", "libx264", {"bf": "2"}),
        ("raw.mjpeg", "mjpeg", {}),
        ("a.wmv", "wmv2", {}),
        ("a.mpg", "mpeg2video", {"bf": "2"}),
    ],
)
def test_a_constant_frame_rate_gives_even_times(tmp_path: Path, name: str, codec: str, options: dict[str, Any]) -> None:
    path = write(tmp_path / name, noise(30), codec, "yuvj420p" if codec == "mjpeg" else "yuv420p", **options)
    np.testing.assert_allclose(decoded(path), np.arange(30) / 25, atol=2e-3)
    np.testing.assert_allclose(frame_times(path), np.arange(30) / 25, atol=2e-3)


def test_joined_files_continue_in_time(tmp_path: Path) -> None:
    parts = [write(tmp_path / f"{n}.ts", noise(30), "libx264", bf="2", g="10").read_bytes() for n in range(2)]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    times = decoded(path)
    np.testing.assert_allclose(np.diff(times), 0.04, atol=2e-3)
    assert times.size >= 58
    assert frame_times(path)[-1] == pytest.approx(times[-1], abs=0.1)


def test_a_stated_rate_that_no_camera_has_is_not_used() -> None:
    timeline = Timeline(180000.0)
    assert [timeline.at(None) for _ in range(3)] == [0.0, 0.04, 0.08]


def test_times_never_decrease() -> None:
    timeline = Timeline(10.0)
    assert [timeline.at(stamp) for stamp in (5.0, 5.1, 5.05, 5.2, float("nan"), 0.0, 0.1)] == pytest.approx(
        [0.0, 0.1, 0.1, 0.2, 0.3, 0.4, 0.5]
    )


def test_frames_before_the_start_of_an_edited_film_have_no_time(tmp_path: Path) -> None:
    """The player skips them, and so does the decoder."""
    source = write(tmp_path / "a.mp4", noise(30), "libx264", g="30")
    path = tmp_path / "cut.mp4"
    with av.open(str(source)) as whole, av.open(str(path), "w") as cut:
        stream = whole.streams.video[0]
        copy = cut.add_stream_from_template(stream)
        for packet in whole.demux(stream):
            if packet.size:
                assert packet.pts is not None
                assert packet.dts is not None
                shift = round(0.4 / float(stream.time_base or 1))
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
                cut.mux(packet)
    assert len(frame_times(path)) == len(decoded(path)) == 20


@pytest.mark.parametrize("name", ["10:15:00.mp4", "a b%20.mp4", "file:c.mp4"])
def test_any_name_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.mp4", noise(5), "libx264").rename(name)
    assert len(decoded(Path(name))) == len(frame_times(Path(name))) == 5


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("404 not found")
    with pytest.raises(DataError, match="contains text"):
        frame_times(tmp_path / "a.mp4")


def test_a_file_that_states_its_clock_as_its_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.mkv", noise(30), "libx264")
    monkeypatch.setattr(video_file, "plausible_rate", lambda rate: None)
    assert frame_rate(path) == pytest.approx(25, rel=0.01)
