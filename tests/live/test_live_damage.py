"""Damage in a transport stream: lost packets cost the pictures that depend on them, and no connection."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import filmed
import numpy as np
import pytest

from vadkit.core.errors import DataError
from vadkit.core.source_status import SourceStatus
from vadkit.core.values import ClipSpec
from vadkit.live import live_source
from vadkit.live.connection import _LONGEST_DAMAGE, Connection, Picture, _Damage, connect
from vadkit.live.live_source import LiveSource
from vadkit.live.source_frame import Gap
from vadkit.video.rgb import RgbConverter

CLIP = ClipSpec(8, 48, 64, "rgb")
PACKET = 188  # bytes


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A transport stream of 100 frames of weak, moving noise, with a key frame every 10 frames."""
    path = tmp_path_factory.mktemp("film") / "a.ts"
    filmed.write(path, np.concatenate([filmed.noise(50)] * 2) // 8, "libx264", g="10", bf="2", crf="10")
    return path.read_bytes()


def without(film: bytes, *lost: int) -> bytes:
    """The stream without these packets."""
    packets = [film[start : start + PACKET] for start in range(0, len(film), PACKET)]
    return b"".join(packet for number, packet in enumerate(packets) if number not in lost)


def live(path: Path, statuses: list[SourceStatus]) -> LiveSource:
    """The file as a live source that ends once."""
    connection = connect(str(path))
    connection.recorded = False
    return LiveSource("cam", CLIP, lambda: connection, first=connection, fps=None, retries=0, on_status=statuses.append)


class Noise:
    """A connection whose pictures cannot be decoded."""

    recorded, stated_rate = False, 25.0

    def pictures(self) -> Iterator[Picture]:
        yield from [Picture(None, True)] * 5

    def close(self) -> None:
        pass


def test_a_source_of_damage_only_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_source, "FIRST_PAUSE", 0.0)
    tries: list[Noise] = []

    def connected() -> Any:
        assert len(tries) < 9, "it tries for ever"
        tries.append(Noise())
        return tries[-1]

    statuses: list[SourceStatus] = []
    source = LiveSource("cam", CLIP, connected, first=None, fps=None, retries=2, on_status=statuses.append)
    with pytest.raises(DataError, match="cam: gives no frame: the source ended the stream"):
        list(source.frames())
    assert len(tries) == 3
    assert "gave up after 3 tries" in statuses[-1].detail


def test_frames_do_not_wait_for_ever_for_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_source, "QUEUE_SIZE", 10)
    source = LiveSource("cam", CLIP, pytest.fail, first=None, fps=10.0, retries=0, on_status=lambda _: None)
    receiver, picture = source._receiver, av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
    receiver.begin(30.0)
    for number in range(30):  # all at once, without time stamps
        receiver.receive(Picture(picture, False), number / 1000)
        assert len(receiver._held) <= 10
    source._inbox.end(None)
    assert [frame.number for frame in source._inbox.frames(lambda _: None) if frame] == list(range(0, 30, 3))


def test_frames_that_depend_on_a_lost_packet_are_left_out(film: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_bytes(film)
    assert sum(map(bool, live(path, []).frames())) == 100
    path.write_bytes(without(film, len(film) // PACKET // 2))
    statuses: list[SourceStatus] = []
    items = list(live(path, statuses).frames())
    frames = [one for one in items if one]
    assert 80 <= len(frames) < 100
    assert items.count(Gap.HOLE) == 1
    assert [status.state for status in statuses] == ["connected", "losing_frames", "ended"]
    assert statuses[-1].frames_lost == frames[-1].number + 1 - len(frames)
    assert "damaged and not scored" in statuses[1].detail


@pytest.mark.parametrize("share", [0.002, 0.01, 0.05])
def test_few_wrong_frames_remain_at_any_loss(film: bytes, tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.ts"
    path.write_bytes(film)
    to_rgb = RgbConverter()
    sound = {one.picture.time: to_rgb(one.picture) for one in connect(str(path)).pictures() if one.picture}
    total = wrong = 0
    for seed in range(4):
        random = np.random.default_rng(seed)
        lost = np.flatnonzero(random.random(len(film) // PACKET) < share)
        path.write_bytes(without(film, *(lost[lost > 10].tolist())))
        for picture, damaged in connect(str(path)).pictures():
            if picture is not None and not damaged:
                total += 1
                wrong += np.abs(to_rgb(picture).astype(int) - sound[picture.time]).mean() > 2
    assert total > 0
    assert wrong <= 0.04 * total  # without the rule, most frames are wrong at the highest loss


def test_a_packet_that_cannot_be_decoded_costs_one_frame(tmp_path: Path) -> None:
    path = filmed.write(tmp_path / "a.avi", filmed.noise(20) // 8, "mjpeg", "yuvj420p")
    with av.open(str(path)) as container:
        packets = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    position, size = packets[7]
    content[position + 8 : position + size] = bytes(size - 8)
    path.write_bytes(content)
    statuses: list[SourceStatus] = []
    items = list(live(path, statuses).frames())
    assert [one.number for one in items if one] == [number for number in range(20) if number != 7]
    assert all(items)
    assert [status.state for status in statuses] == ["connected", "losing_frames", "ended"]
    assert statuses[1].detail.startswith("1 frame damaged")


def test_a_stream_without_key_frames_is_trusted_again_after_a_while() -> None:
    damage = _Damage()
    damage.begin(1.0)
    picture = av.VideoFrame(16, 16)
    picture.time_base = Fraction(1, 10)
    reached = []
    for second in (1, 5, 1 + _LONGEST_DAMAGE, 2 + _LONGEST_DAMAGE):
        picture.pts = int(10 * second)
        reached.append(damage.reaches(picture))
    assert reached == [True, True, True, False]


def test_a_connection_states_only_a_rate_that_a_camera_can_have(film: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_bytes(film)
    connection = Connection("a", av.open(str(tmp_path / "a.ts")))
    assert connection.stated_rate == pytest.approx(25)
