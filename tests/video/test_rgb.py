"""The conversion of decoded pictures: its pixels, and the threads that it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from filmed import noise, write

from vadkit.video.rgb import RgbConverter

_COUNT_THREADS = """
import sys, threading
from pathlib import Path
import av
from vadkit.video.damage import Damages
from vadkit.video.video_file import pictures

tasks = Path("/proc/self/task")
def threads():
    return len(list(tasks.iterdir()))

before = threads()
kept, most = [], 0
for frame in pictures(Path(sys.argv[1]), Damages()):
    kept.append(frame)
    most = max(most, threads())
print(most - before)
"""


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mkv", "libx264", "yuv444p"),
        ("ten.mp4", "libx264", "yuv420p10le"),
        ("gray.mp4", "libx264", "gray"),
        ("lossless.mkv", "ffv1", "bgr0"),
        ("full.avi", "mjpeg", "yuvj420p"),
    ],
)
def test_the_pixels_are_those_of_pyavs_own_conversion(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    to_rgb = RgbConverter()
    with av.open(str(write(tmp_path / name, noise(5), codec, pixels))) as container:
        for picture in container.decode(video=0):
            np.testing.assert_array_equal(to_rgb(picture), picture.to_ndarray(format="rgb24"))


def test_a_converter_follows_a_change_of_size_and_format() -> None:
    to_rgb = RgbConverter()
    for width, height, pixels in [(64, 48, "yuv420p"), (32, 16, "yuv420p"), (64, 48, "gray"), (64, 48, "rgb24")]:
        picture = av.VideoFrame(width, height, pixels)
        for plane in picture.planes:
            plane.update(bytes(np.random.default_rng(0).integers(0, 256, plane.buffer_size, dtype=np.uint8)))
        np.testing.assert_array_equal(to_rgb(picture), picture.to_ndarray(format="rgb24"))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads in Linux's /proc")
def test_frames_that_are_kept_hold_no_threads(tmp_path: Path) -> None:
    path = write(tmp_path / "a.avi", noise(100), "mpeg4")
    done = subprocess.run([sys.executable, "-c", _COUNT_THREADS, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 1
