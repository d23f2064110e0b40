"""A real RTSP camera that is off at first, is cut off, comes back, and is covered."""

from __future__ import annotations

from itertools import pairwise

import pytest
import rtsp_server

from vadkit.core.source_status import SourceStatus
from vadkit.core.values import ClipSpec
from vadkit.live import live_source
from vadkit.live.stream import Gap, open_source


def test_a_camera_is_waited_for_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    if why := rtsp_server.missing():
        pytest.skip(why)
    monkeypatch.setattr(live_source, "FIRST_PAUSE", 0.2)
    monkeypatch.setattr(live_source, "LONGEST_PAUSE", 0.2)
    statuses: list[SourceStatus] = []
    with rtsp_server.Camera(fps=10) as camera:

        def follow(status: SourceStatus) -> None:
            statuses.append(status)
            if status.state in ("waiting", "lost"):
                camera.off()
                camera.on()
            elif status.state == "black":
                camera.show("ball")

        source = open_source(camera.url, ClipSpec(8, 48, 64, "gray"), fps=5, tell=pytest.fail, on_status=follow)
        assert source.live
        frames = source.frames()
        first = [one for one in (next(frames) for _ in range(15)) if one]
        camera.off()
        gap = next(number for number, one in enumerate(frames) if one is Gap.LOSS)
        assert gap < 30
        after_gap = next(frames)
        assert [status.state for status in statuses] == ["waiting", "connected", "lost", "connected"]
        camera.show("black")
        for _ in zip(range(100), frames, strict=False):
            if statuses[-1].state == "normal":
                break
    assert after_gap
    assert after_gap.number > first[-1].number
    assert [status.state for status in statuses] == ["waiting", "connected", "lost", "connected", "black", "normal"]
    assert "connection refused" in statuses[0].detail
    assert "frames per second; 5 of them are used, as in training" in statuses[1].detail
    assert 9 < float(statuses[1].detail.split()[0]) < 11
    assert "again after" in statuses[3].detail
    spaces = [later.number - earlier.number for earlier, later in pairwise(first)]
    assert set(spaces) == {2}
    assert statuses[-1].frames_lost == 0
