"""Real-world video files: codecs, depths, odd sizes, display times, rotation, and damage."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from filmed import noise, numbers, steps, write
from numpy.typing import NDArray
from PIL import Image

from vadkit.core.errors import DataError
from vadkit.core.values import VideoRef
from vadkit.video.damage import Damages
from vadkit.video.decode import decode
from vadkit.video.rgb import upright

DATA = Path(os.environ.get("VADKIT_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()


def read(path: Path, color: Any = "rgb") -> tuple[NDArray[np.uint8], list[str]]:
    damages = Damages()
    frames = np.stack(list(decode(VideoRef("v", path), color=color, damages=damages)))
    return frames, [str(one) for one in damages.found]


FORMS = {
    "mpeg4.avi": ("mpeg4", "yuv420p", {}),
    "mpeg4-with-b.avi": ("mpeg4", "yuv420p", {"bf": "2"}),
    "h264-with-b.mp4": ("libx264", "yuv420p", {"bf": "3", "b_strategy": "0"}),
    "h264.mkv": ("libx264", "yuv420p", {"bf": "3", "b_strategy": "0"}),
    "h264.mov": ("libx264", "yuv420p", {}),
    "h264-ten-bits.mp4": ("libx264", "yuv420p10le", {}),
    "h264-gray.mp4": ("libx264", "gray", {}),
    "lossless.avi": ("ffv1", "bgr0", {}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", {}),
    "h264.flv": ("libx264", "yuv420p", {}),
    "h264.3gp": ("libx264", "yuv420p", {}),
    "h264.mts": ("libx264", "yuv420p", {}),
    "wmv2.asf": ("wmv2", "yuv420p", {}),
    "mpeg2.vob": ("mpeg2video", "yuv420p", {"bf": "2"}),
    "stream.h264": ("libx264", "yuv420p", {"bf": "2"}),
    "stream.hevc": ("libx265", "yuv420p", {"x265-params": "log-level=error"}),
}


@pytest.mark.parametrize(("name", "form"), FORMS.items(), ids=FORMS)
def test_every_frame_is_decoded_once_and_in_order(
    tmp_path: Path, name: str, form: tuple[str, str, dict[str, str]]
) -> None:
    codec, pixels, options = form
    extra: dict[str, Any] = options
    if codec not in av.codecs_available:
        pytest.skip(f"this FFmpeg cannot write {codec}")
    drawn = steps(20)
    frames, damages = read(write(tmp_path / name, drawn, codec, pixels, **extra))
    assert frames.shape == drawn.shape
    assert frames.dtype == np.uint8
    assert numbers(frames) == list(range(20))
    assert not damages
    corner = frames[5, 2:8, 2:12].mean((0, 1))
    if pixels == "gray":
        assert np.ptp(corner) == 0
    else:
        np.testing.assert_allclose(corner, (200, 0, 0), atol=20)
    gray, _ = read(tmp_path / name, "gray")
    np.testing.assert_allclose(gray[..., 0], frames @ np.array([0.299, 0.587, 0.114]), atol=0.6)


@pytest.mark.parametrize(("codec", "name"), [("mpeg4", "odd.avi"), ("ffv1", "odd.mkv")])
def test_odd_sizes_are_kept(tmp_path: Path, codec: str, name: str) -> None:
    frames, damages = read(write(tmp_path / name, steps(4, 47, 65), codec))
    assert frames.shape == (4, 47, 65, 3)
    assert numbers(frames) == [0, 1, 2, 3]
    assert not damages


@pytest.mark.parametrize("name", ["times.mkv", "times.mp4"])
def test_a_variable_frame_rate_neither_drops_nor_doubles_frames(tmp_path: Path, name: str) -> None:
    times = [0, 40, 50, 60, 400, 410, 2000, 2040, 9000, 9010]
    frames, damages = read(write(tmp_path / name, steps(10), "libx264", times=times, bf="2"))
    assert numbers(frames) == list(range(10))
    assert not damages


@pytest.mark.parametrize("turn", [(90, False), (180, False), (270, False), (0, True), (90, True), (270, True)])
def test_a_display_matrix_is_applied(tmp_path: Path, turn: tuple[int, bool]) -> None:
    drawn = steps(3)
    frames, damages = read(write(tmp_path / "turned.mp4", drawn, "libx264", turn=turn, crf="10"))
    shown = Image.fromarray(drawn[2])
    if turn[0]:
        shown = shown.transpose(getattr(Image.Transpose, f"ROTATE_{turn[0]}"))
    if turn[1]:
        shown = shown.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    expected = np.asarray(shown)
    assert frames[2].shape == expected.shape
    assert np.abs(frames[2].astype(int) - expected).mean() < 6
    assert not damages


def test_a_rotation_uses_the_nearest_right_angle() -> None:
    frame = np.arange(6, dtype=np.uint8).reshape(2, 3, 1)
    np.testing.assert_array_equal(upright(frame, (56755, -32767, 32767, 56755)), frame)
    np.testing.assert_array_equal(upright(frame, (32767, -56755, 56755, 32767)), np.rot90(frame))


def test_an_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    drawn = steps(1)[0]
    Image.fromarray(drawn).save(tmp_path / "0.png", exif=exif)
    [frame] = decode(VideoRef("v", (tmp_path / "0.png",)), color="rgb")
    np.testing.assert_array_equal(frame, np.rot90(drawn, -1))


CUTS = [
    ("cut.avi", "mpeg4", "", "announces 60 frames"),
    ("cut.avi", "mjpeg", "", "announces 60 frames"),
    ("cut.mkv", "libx264", "", "announces 2.40 s"),
    ("cut.mp4", "libx264", "+faststart", "announces 60 frames"),
    ("in-pieces.mp4", "libx264", "frag_keyframe+empty_moov", "missing at the file's end"),
    ("cut.ts", "libx264", "", "missing at the file's end"),
    ("cut.wmv", "wmv2", "", "missing at the file's end"),
]


@pytest.mark.parametrize("share", [0.4, 0.6, 0.8])
@pytest.mark.parametrize(("name", "codec", "movflags", "said"), CUTS, ids=[f"{c[0]}-{c[1]}" for c in CUTS])
def test_a_truncated_file_gives_its_frames_and_reports_where_it_ends(
    tmp_path: Path, name: str, codec: str, movflags: str, said: str, share: float
) -> None:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write(tmp_path / name, noise(60), codec, pixels, movflags=movflags, g="10")
    whole, _ = read(path)
    content = path.read_bytes()
    kept = int(share * len(content))
    path.write_bytes(content[: kept - (kept % 188 == 0)])  # a cut between two packets of MPEG-TS cannot be detected
    frames, damages = read(path)
    assert 0 < len(frames) < 60
    sound = max(len(frames) - 5, 0)  # the last frame may be damaged, and those that depend on it
    np.testing.assert_array_equal(frames[:sound], whole[:sound])
    assert damages[-1].startswith(f"frame {len(frames)}: ")
    assert said in damages[-1]
    with pytest.raises(DataError, match=r"(?s)is damaged at frame \d+.*fetch the file again, or remove the video"):
        list(decode(VideoRef("v", path), color="rgb"))


@pytest.mark.parametrize("more", [3, 40])
def test_a_complete_avi_whose_header_counts_more_frames_is_not_damaged(tmp_path: Path, more: int) -> None:
    path = write(tmp_path / "camera.avi", noise(60), "mpeg4")
    content = bytearray(path.read_bytes())
    for chunk, at in ((b"avih", 8 + 16), (b"strh", 8 + 32)):  # total frames of the file, length of the stream
        start = content.index(chunk) + at
        assert int.from_bytes(content[start : start + 4], "little") == 60
        content[start : start + 4] = (60 + more).to_bytes(4, "little")
    path.write_bytes(content)
    frames, damages = read(path)
    assert len(frames) == 60
    assert not damages


def test_damage_in_the_middle_is_reported_and_other_frames_are_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "dirt.mp4", noise(60), "libx264", g="10")
    content = bytearray(path.read_bytes())
    middle = 6 * len(content) // 10
    content[middle : middle + 200] = np.random.default_rng(1).bytes(200)
    path.write_bytes(content)
    frames, damages = read(path)
    assert 50 <= len(frames) <= 60
    assert damages
    assert all("cannot be decoded" in one or "pixels are damaged" in one for one in damages)


def test_a_missing_part_of_a_transport_stream_is_reported(tmp_path: Path) -> None:
    path = write(tmp_path / "gap.ts", noise(60), "libx264", g="10")
    content = path.read_bytes()
    half, gone = len(content) // 2 // 188 * 188, len(content) // 6 // 188 * 188
    path.write_bytes(content[:half] + content[half + gone :])
    frames, damages = read(path)
    assert 30 < len(frames) < 60
    (told,) = damages
    assert told.endswith("a part of the stream is missing near here")
    assert 15 < int(told.split()[1].rstrip(":")) < 35


def test_an_mp4_without_its_index_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "cut.mp4", noise(30), "libx264")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(DataError, match=r"(?s)cannot be decoded: .*fetch the file again") as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    frames, damages = read(write(tmp_path / "one.mp4", steps(1), "libx264"))
    assert len(frames) == 1
    assert not damages


def test_a_damaged_video_may_have_fewer_frames_than_announced(tmp_path: Path) -> None:
    path = write(tmp_path / "a.avi", noise(40), "mpeg4")
    path.write_bytes(path.read_bytes()[: int(0.7 * path.stat().st_size)])
    damages = Damages()
    frames = list(decode(VideoRef("v", path, frames=40), color="rgb", damages=damages))
    assert str(damages.found[-1]) == f"frame {len(frames)}: the video ends here, but should have 40 frames"


@pytest.mark.parametrize("broken", [(0,), (1, 2), (4,), (0, 1, 3)])
def test_a_neighbouring_image_replaces_one_that_cannot_be_decoded(tmp_path: Path, broken: tuple[int, ...]) -> None:
    paths = tuple(tmp_path / f"{n}.png" for n in range(5))
    for path, frame in zip(paths, steps(5), strict=True):
        Image.fromarray(frame).save(path)
    for n in broken:
        paths[n].write_bytes(paths[n].read_bytes()[:60] if n % 2 else b"")
    damages = Damages()
    frames = np.stack(list(decode(VideoRef("v", paths), color="rgb", damages=damages)))
    good = [n for n in range(5) if n not in broken]
    assert numbers(frames) == [max((g for g in good if g <= n), default=good[0]) for n in range(5)]
    assert sum(one.last - one.first + 1 for one in damages.found) == len(broken)
    assert damages.found[0].first == broken[0]


def test_a_folder_without_a_readable_image_is_refused(tmp_path: Path) -> None:
    paths = tuple(tmp_path / f"{n}.png" for n in range(3))
    for path in paths:
        path.write_bytes(b"\0garbage")
    with pytest.raises(DataError, match=r"2\.png: cannot be decoded \(frame 2\)"):
        list(decode(VideoRef("v", paths), color="rgb", damages=Damages()))


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), IsADirectoryError(21, "Is a directory")])
@pytest.mark.parametrize("name", ["a.avi", "a.png"])
def test_an_unreadable_file_is_an_error_and_not_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, name: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(av if name == "a.avi" else Image, "open", refuse)
    path = tmp_path / name
    path.touch()
    source = path if name == "a.avi" else (path,)
    with pytest.raises(DataError, match="no permission" if isinstance(error, PermissionError) else "a folder"):
        list(decode(VideoRef("v", source), color="rgb", damages=Damages()))


def test_real_avi_that_breaks_off(tmp_path: Path) -> None:
    source = DATA / "avenue_part/testing_videos/08.avi"
    if not source.is_file():
        pytest.skip("needs part of Avenue (set VADKIT_TEST_DATA)")
    content = source.read_bytes()
    for share, least, most in ((0.3, 5, 20), (0.7, 20, 32)):
        path = tmp_path / "08.avi"
        path.write_bytes(content[: int(share * len(content))])
        frames, damages = read(path)
        assert least <= len(frames) <= most
        assert damages[-1] == f"frame {len(frames)}: breaks off; the file announces 36 frames"
