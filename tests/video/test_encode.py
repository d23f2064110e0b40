"""The encoder of H.264 videos."""

import numpy as np

from vadkit.video.damage import Damages
from vadkit.video.encode import VideoWriter
from vadkit.video.times import frame_times
from vadkit.video.video_file import frame_rate, pictures


def test_writes_every_frame_at_the_rate_and_in_order(tmp_path):
    path = tmp_path / "out.mp4"
    levels = [10 * index for index in range(20)]
    with VideoWriter(path, fps=12.5) as video:
        for level in levels:
            video.write(np.full((49, 65, 3), level, np.uint8))
    frames = list(pictures(path, Damages(strict=True)))
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 20
    np.testing.assert_allclose([frame.mean() for frame in frames], levels, atol=3)
    assert frame_rate(path) == 12.5


def test_frames_keep_their_own_times(tmp_path):
    times = [0.0, 0.1, 0.2, 1.2, 1.2, 2.2]
    with VideoWriter(tmp_path / "out.mp4", fps=10) as video:
        for seconds in times:
            video.write(np.zeros((48, 64, 3), np.uint8), seconds=seconds)
    np.testing.assert_allclose(frame_times(tmp_path / "out.mp4"), times, atol=1e-3)
