"""Decoding: known frames are decoded as drawn, and errors name the bad file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vadkit.core.errors import DataError
from vadkit.core.values import VideoRef
from vadkit.video.decode import decode, frame_count

DATA = Path(os.environ.get("VADKIT_TEST_DATA", Path(__file__).parents[2] / "../shared/data")).resolve()


def moving_bar(frames: int, height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """(F, H, W, 3): frame n is dark with a bright bar that starts at column 2n."""
    clip = np.full((frames, height, width, 3), 30, np.uint8)
    for n in range(frames):
        clip[n, :, 2 * n : 2 * n + 8] = (200, 120, 60)
    return clip


def write_video(path: Path, frames: NDArray[np.uint8], codec: str = "mpeg4") -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 2_000_000
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path


def write_images(folder: Path, frames: NDArray[np.uint8], suffix: str) -> tuple[Path, ...]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = tuple(folder / f"{n + 1:03d}{suffix}" for n in range(len(frames)))
    for path, frame in zip(paths, frames, strict=True):
        Image.fromarray(frame).save(path)
    return paths


def test_video_file_gives_each_frame_once_and_in_order(tmp_path: Path) -> None:
    drawn = moving_bar(12)
    video = VideoRef("a", write_video(tmp_path / "a.avi", drawn))
    decoded = np.stack(list(decode(video, color="rgb")))
    assert decoded.shape == drawn.shape
    assert decoded.dtype == np.uint8
    assert frame_count(video) == 12
    bar = decoded[:, 24, :, 0].astype(int)  # (F, W)
    assert [int(row.argmax()) // 2 in (n, n + 1, n + 2, n + 3) for n, row in enumerate(bar)] == [True] * 12
    # The codec is lossy and its colour is subsampled.
    assert np.abs(decoded.astype(int) - drawn).mean() < 4


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_lossless_images_are_decoded_exactly(tmp_path: Path, suffix: str) -> None:
    drawn = moving_bar(3)
    video = VideoRef("a", write_images(tmp_path, drawn, suffix))
    np.testing.assert_array_equal(np.stack(list(decode(video, color="rgb"))), drawn)


def test_gray_is_the_itu_601_luma(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (2, 8, 9, 3), dtype=np.uint8)
    video = VideoRef("a", write_images(tmp_path, drawn, ".png"))
    gray = np.stack(list(decode(video, color="gray")))
    assert gray.shape == (2, 8, 9, 1)
    np.testing.assert_allclose(gray[..., 0], drawn @ np.array([0.299, 0.587, 0.114]), atol=0.6)


def test_gray_tif_as_ucsd_ships_it_fills_both_colours(tmp_path: Path) -> None:
    drawn = moving_bar(2)[..., 0]
    video = VideoRef("a", write_images(tmp_path, drawn, ".tif"))
    np.testing.assert_array_equal(np.stack(list(decode(video, color="gray")))[..., 0], drawn)
    rgb = np.stack(list(decode(video, color="rgb")))
    np.testing.assert_array_equal(rgb, np.repeat(drawn[..., None], 3, axis=3))


def test_gray_of_a_video_file_is_the_luma_of_its_rgb(tmp_path: Path) -> None:
    video = VideoRef("a", write_video(tmp_path / "a.avi", moving_bar(4)))
    rgb, gray = (np.stack(list(decode(video, color=color))) for color in ("rgb", "gray"))
    np.testing.assert_allclose(gray[..., 0], rgb @ np.array([0.299, 0.587, 0.114]), atol=0.6)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_frame_of_a_drawn_video_is_decoded(channels: int) -> None:
    drawn = moving_bar(150, height=4, width=400)[..., :channels]
    video = VideoRef("a", lambda start, stop: drawn[start:stop], frames=150)
    assert frame_count(video) == 150
    rgb = np.stack(list(decode(video, color="rgb")))
    np.testing.assert_array_equal(rgb, np.broadcast_to(drawn, rgb.shape))
    assert next(decode(video, color="gray")).shape == (4, 400, 1)


def refused(video: VideoRef) -> str:
    with pytest.raises(DataError) as caught:
        list(decode(video, color="rgb"))
    assert caught.value.fix
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.avi", "a.mp4", "a.jpg"])
@pytest.mark.parametrize("content", [b"", b"this is a text file, not a video\n" * 40])
def test_files_without_images_are_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    message = refused(VideoRef("a", path if path.suffix != ".jpg" else (path,)))
    assert str(path) in message
    assert ("empty" if not content else "contains text, not images") in message
    assert "fetch the file again" in message
    assert "remove" not in message


@pytest.mark.parametrize("as_images", [False, True])
def test_missing_file_is_named(tmp_path: Path, as_images: bool) -> None:
    path = tmp_path / "gone.png"
    message = refused(VideoRef("a", (path,) if as_images else path))
    assert str(path) in message
    assert "does not exist" in message


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_a_truncated_image_is_named_with_its_index(tmp_path: Path, suffix: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    paths = write_images(tmp_path, noise, suffix)
    paths[1].write_bytes(paths[1].read_bytes()[: paths[1].stat().st_size // 2])
    message = refused(VideoRef("a", paths))
    assert str(paths[1]) in message
    assert "frame 1" in message


def test_different_sizes_are_named(tmp_path: Path) -> None:
    paths = write_images(tmp_path, moving_bar(3), ".png")
    Image.fromarray(moving_bar(1, height=20, width=30)[0]).save(paths[2])
    message = refused(VideoRef("a", paths))
    assert str(paths[2]) in message
    assert "frame 2 is 30x20" in message
    assert "64x48" in message


def test_sixteen_bit_images_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "001.tif"
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(path)
    assert "8 bits" in refused(VideoRef("a", (path,)))


def test_a_tiff_of_several_pages_is_refused(tmp_path: Path) -> None:
    first, *others = [Image.fromarray(np.full((8, 8), n, np.uint8)) for n in range(30)]
    first.save(tmp_path / "stack.tif", save_all=True, append_images=others)
    message = refused(VideoRef("a", (tmp_path / "stack.tif",)))
    assert "stack.tif: has 30 pages, but an image file is one frame" in message
    assert "each page to its own file" in message


@pytest.mark.parametrize("form", ["RGBA.png", "RGBA.tif", "LA.png", "P.png"])
def test_transparent_pixels_are_black(tmp_path: Path, form: str) -> None:
    pixels = np.full((8, 8, 4), (200, 200, 200, 255), np.uint8)
    pixels[4:, :, 3] = 0  # bright, but invisible
    mode, path = form.partition(".")[0], tmp_path / form
    image = Image.fromarray(pixels)
    image.quantize(4).save(path) if mode == "P" else image.convert(mode).save(path)
    for color in ("gray", "rgb"):
        [frame] = decode(VideoRef("a", (path,)), color=color)
        assert set(np.unique(frame[:4]).tolist()) == {200}
        assert set(np.unique(frame[4:]).tolist()) == {0}


def test_a_file_with_only_audio_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    assert "no video stream" in refused(VideoRef("a", path))


def test_a_truncated_video_reports_where_it_ends(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 48, 64, 3), dtype=np.uint8)
    path = write_video(tmp_path / "a.avi", noise)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    message = refused(VideoRef("a", path))
    assert "at frame" in message
    assert str(path) in message
    with pytest.raises(DataError, match="at frame"):
        frame_count(VideoRef("a", path))


def test_the_number_of_frames_must_match_the_data_set(tmp_path: Path) -> None:
    video = VideoRef("a", write_video(tmp_path / "a.avi", moving_bar(5)), frames=6)
    assert "has 5 frames, but should have 6" in refused(video)


def test_drawn_video_of_unknown_length_is_refused() -> None:
    video = VideoRef("a", lambda start, stop: moving_bar(stop)[start:])
    assert "needs its number of frames" in refused(video)
    with pytest.raises(DataError, match="number of frames"):
        frame_count(video)


@pytest.mark.skipif(not (DATA / "ucsd_ped2").is_dir(), reason="needs UCSD Ped2 (set VADKIT_TEST_DATA)")
def test_real_gray_jpeg_keeps_its_channel() -> None:
    paths = tuple(sorted((DATA / "ucsd_ped2/testing/frames/01").glob("*.jpg"))[:3])
    video = VideoRef("01", paths)
    rgb, gray = (np.stack(list(decode(video, color=color))) for color in ("rgb", "gray"))
    assert gray.shape == (3, 240, 360, 1)
    np.testing.assert_array_equal(rgb, np.repeat(gray, 3, axis=3))


@pytest.mark.skipif(not (DATA / "avenue_part").is_dir(), reason="needs part of Avenue (set VADKIT_TEST_DATA)")
@pytest.mark.parametrize(
    ("name", "frames"),
    [(f"testing_videos/{n}", f) for n, f in [("08", 36), ("17", 426), ("18", 294), ("19", 248), ("20", 273)]]
    + [("testing_videos/21", 76), ("training_videos/12", 145), ("training_videos/16", 244)],
)
def test_real_avi_has_its_published_count(name: str, frames: int) -> None:
    video = VideoRef(name, DATA / f"avenue_part/{name}.avi")
    assert frame_count(video) == frames
    first = next(decode(replace(video, frames=frames), color="rgb"))
    assert first.shape == (360, 640, 3)
    assert first.std() > 10
