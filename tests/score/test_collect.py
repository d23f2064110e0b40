"""Each frame's score is the mean over all windows that it appears in."""

from __future__ import annotations

import numpy as np
import pytest

from vadkit.score.collect import WindowMean
from vadkit.values import ClipSpec
from vadkit.video.clips import Clips, window_starts


def test_overlapping_windows_are_averaged_and_counted() -> None:
    mean = WindowMean(4, ("r",))
    for start, scores in ((0, [1.0, 2.0, 3.0]), (1, [4.0, np.nan, 6.0])):
        where = start + np.arange(3)
        mean.cover(where)
        mean.add("r", where, np.array(scores))
    assert mean.means()["r"].tolist() == [1.0, (2 + 4) / 2, 3.0, 6.0]
    assert mean.coverage.tolist() == [1, 2, 2, 1]


def test_windows_reach_the_last_frame_whatever_the_stride() -> None:
    assert window_starts(10, ClipSpec(4, 8, 8), 4, video="v").tolist() == [0, 4, 6]
    assert window_starts(4, ClipSpec(4, 8, 8), 4, video="v").tolist() == [0]


def test_clips_are_read_in_an_order_fixed_by_seed_and_epoch() -> None:
    frames = np.arange(12, dtype=np.uint8).reshape(12, 1, 1, 1).repeat(8, 1).repeat(8, 2)
    clips = Clips([("v", frames)], ClipSpec(4, 8, 8, "gray"))
    whole = list(clips.batches(2, seed=1, epoch=3))
    rest = list(clips.batches(2, seed=1, epoch=3, start=2))
    assert all(bool((a == b).all()) for a, b in zip(whole[2:], rest, strict=True))
    assert clips.order(1, 3).tolist() != clips.order(1, 4).tolist()
    assert clips.read([5])[0, 0, :, 0, 0].tolist() == pytest.approx([n / 127.5 - 1 for n in (5, 6, 7, 8)])
