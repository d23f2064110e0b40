"""Sources: files, folders, and a network stream that breaks."""

from __future__ import annotations

import functools
import socket
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import filmed
import numpy as np
import pytest
from PIL import Image

from vadkit.core.errors import DataError
from vadkit.core.source_status import SourceStatus
from vadkit.core.values import ClipSpec
from vadkit.live import inbox, live_source, stream
from vadkit.live.connection import Connection
from vadkit.live.inbox import Inbox
from vadkit.live.stream import Gap, SourceFrame, limit_fps, open_source

CLIP = ClipSpec(8, 48, 64, "rgb")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_gives_its_frames_at_the_clips_size_and_their_times(tmp_path: Path) -> None:
    path = filmed.write(tmp_path / "a.mkv", filmed.steps(20, 96, 128), "ffv1", "bgr0")
    source = open_source(str(path), CLIP, tell=pytest.fail)
    frames = [frame for frame in source.frames() if frame]
    assert (source.live, source.fps, source.used_fps) == (False, 25.0, 25.0)
    assert filmed.numbers(np.stack([one.frame for one in frames if one])) == list(range(20))
    assert frames[0].frame.shape == (48, 64, 3)
    assert [one.seconds for one in frames] == pytest.approx(np.arange(20) / 25)


def test_a_folder_of_images_is_read_in_natural_order(tmp_path: Path) -> None:
    for number, frame in enumerate(filmed.steps(12)):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    source = open_source(str(tmp_path), CLIP, fps=10, tell=pytest.fail)
    frames = [frame for frame in source.frames() if frame]
    assert filmed.numbers(np.stack([one.frame for one in frames])) == list(range(12))
    assert frames[-1].seconds == pytest.approx(1.1)


def test_a_damaged_file_gives_its_readable_frames_and_is_reported(tmp_path: Path) -> None:
    path = filmed.write(tmp_path / "a.avi", filmed.noise(30), "mpeg4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    told: list[str] = []
    frames = list(open_source(str(path), CLIP, tell=told.append).frames())
    assert 0 < len(frames) < 30
    assert "damaged" in told[0]


@pytest.mark.parametrize(
    ("has", "wanted", "kept"), [(30, 15, range(0, 30, 2)), (30, None, range(30)), (10, 25, range(30))]
)
def test_pacing_leaves_out_evenly(has: float, wanted: float | None, kept: range) -> None:
    frames = [SourceFrame(np.full((1, 1, 1), n, np.uint8), n, n / has) for n in range(30)]
    assert [int(one.frame[0, 0, 0]) for one in limit_fps(iter(frames), has, wanted) if one] == list(kept)


def test_a_recording_behind_an_address_is_not_a_live_source(served: str, tmp_path: Path) -> None:
    path = filmed.write(tmp_path / "film.mkv", filmed.steps(20), "ffv1", "bgr0")
    for name in (f"{served}/film.mkv", f"file://{path}"):
        source = open_source(name, CLIP, tell=pytest.fail)
        assert not source.live
        frames = [frame for frame in source.frames() if frame]
        assert filmed.numbers(np.stack([one.frame for one in frames])) == list(range(20))
        assert frames[-1].seconds == pytest.approx(19 / 25)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take recordings for live sources, and connect again at once."""
    monkeypatch.setattr(Connection, "recorded", property(lambda self: False, lambda self, value: None), raising=False)
    monkeypatch.setattr(live_source, "FIRST_PAUSE", 0.01)


def test_a_stream_is_reconnected_and_the_gap_is_marked(served: str, tmp_path: Path, live: None) -> None:
    filmed.write(tmp_path / "cam.mkv", filmed.steps(10), "ffv1", "bgr0")
    statuses: list[SourceStatus] = []
    source = open_source(f"{served}/cam.mkv", CLIP, tell=pytest.fail, on_status=statuses.append)
    assert source.live
    frames = source.frames()
    found = [next(frames) for _ in range(16)]
    assert [index for index, one in enumerate(found) if one is Gap.LOSS] == [10]
    again = [one for one in found[11:] if one]
    assert filmed.numbers(np.stack([one.frame for one in again])) == [0, 1, 2, 3, 4]
    assert [one.number for one in again] == [10, 11, 12, 13, 14]
    assert [status.state for status in statuses[:3]] == ["connected", "lost", "connected"]
    assert statuses[1].detail == "the source ended the stream; connecting again"
    assert "again after" in statuses[2].detail


def test_without_retries_a_stream_ends_at_its_first_end(served: str, tmp_path: Path, live: None) -> None:
    filmed.write(tmp_path / "cam.mkv", filmed.steps(10), "ffv1", "bgr0")
    told: list[str] = []
    source = open_source(f"{served}/cam.mkv", CLIP, fps=25, retries=0, tell=told.append)
    assert len(list(source.frames())) == 10
    assert told == [
        f"{served}/cam.mkv: connected: 25 frames per second",
        f"{served}/cam.mkv: ended: the source ended the stream",
    ]
    with pytest.raises(DataError, match="was read already"):
        list(source.frames())


def test_a_stream_that_does_not_return_is_reported(served: str, tmp_path: Path, live: None) -> None:
    path = filmed.write(tmp_path / "cam.mkv", filmed.steps(10), "ffv1", "bgr0")
    frames = open_source(f"{served}/cam.mkv", CLIP, retries=2, tell=lambda text: None).frames()
    first = next(frames)
    path.unlink()
    rest: list[SourceFrame | Gap] = []
    with pytest.raises(DataError, match=r"cannot be opened: the server does not know this stream \(404\)"):
        rest.extend(frames)
    assert first


def test_a_source_that_is_off_at_start_is_waited_for(tmp_path: Path, live: None) -> None:
    filmed.write(tmp_path / "cam.mkv", filmed.steps(10), "ffv1", "bgr0")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    name = f"http://127.0.0.1:{port}/cam.mkv"
    with pytest.raises(DataError, match="no server answers at this address and port"):
        open_source(name, CLIP, retries=0, tell=pytest.fail)
    server: list[ThreadingHTTPServer] = []

    def start(status: SourceStatus) -> None:
        statuses.append(status)
        if not server:
            handler = functools.partial(_Quiet, directory=str(tmp_path))
            server.append(ThreadingHTTPServer(("127.0.0.1", port), handler))
            threading.Thread(target=server[0].serve_forever, daemon=True).start()

    statuses: list[SourceStatus] = []
    frames = open_source(name, CLIP, retries=100, tell=pytest.fail, on_status=start).frames()
    try:
        assert next(frames)
    finally:
        server[0].shutdown()
        server[0].server_close()
    assert [status.state for status in statuses] == ["waiting", "connected"]
    assert "connection refused" in statuses[0].detail


def test_an_error_in_the_callback_reaches_the_reader(served: str, tmp_path: Path, live: None) -> None:
    filmed.write(tmp_path / "cam.mkv", filmed.steps(10), "ffv1", "bgr0")

    def tell(text: str) -> None:
        raise RuntimeError("no ear")

    with pytest.raises(RuntimeError, match="no ear"):
        list(open_source(f"{served}/cam.mkv", CLIP, tell=tell).frames())


def test_no_message_names_a_password() -> None:
    for url, shown in (
        ("rtsp://me:secret@cam/1", "rtsp://***@cam/1"),
        ("rtsp://me:sec@secret@cam/x?password=secret", "rtsp://***@cam/x?password=***"),
        ("http://cam/a@b?channel=2&key=se=cret&secret", "http://cam/a@b?channel=2&key=***&***"),
        ("http://cam?", "http://cam?"),
        ("videos/what?.mp4", "videos/what?.mp4"),
    ):
        assert stream.redacted(url) == shown
    with pytest.raises(DataError, match="cannot be opened") as caught:
        open_source("rtsp://me:secret@127.0.0.1:9/1", CLIP, retries=0, tell=pytest.fail)
    assert "secret" not in str(caught.value)


def test_a_reader_that_is_too_slow_loses_frames_and_starts_again(
    served: str, tmp_path: Path, live: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "QUEUE_SIZE", 4)
    filmed.write(tmp_path / "cam.mkv", filmed.steps(20), "ffv1", "bgr0")
    statuses: list[SourceStatus] = []
    ended = threading.Event()
    end = Inbox.end
    monkeypatch.setattr(Inbox, "end", lambda self, error: (end(self, error), ended.set()))
    frames = open_source(f"{served}/cam.mkv", CLIP, retries=0, tell=pytest.fail, on_status=statuses.append).frames()
    first = next(frames)
    assert ended.wait(20)
    rest = list(frames)
    assert first
    assert Gap.HOLE in rest
    lost = 20 - 1 - sum(map(bool, rest))
    assert lost > 0
    assert statuses[-1].frames_lost == lost
    losing = next(status for status in statuses if status.state == "losing_frames")
    assert losing.detail == (
        f"{lost} frames dropped, because the model is slower than the source; {lost} lost in total"
    )


@pytest.mark.parametrize("form", ["file://{}", "FILE://{}", "file:{}", "file://localhost{}", "{}"])
@pytest.mark.parametrize("name", ["my video%20.mkv", "10:15:00.mkv"])
def test_every_form_of_a_files_name_is_opened(tmp_path: Path, form: str, name: str) -> None:
    path = filmed.write(tmp_path / name.replace("%20", " "), filmed.steps(5), "ffv1", "bgr0")
    written = quote(str(path)) if "file" in form.lower() else str(path)
    source = open_source(form.format(written), CLIP, tell=pytest.fail)
    assert not source.live
    assert len(list(source.frames())) == 5


def test_a_file_with_colons_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    filmed.write(tmp_path / "a.mkv", filmed.steps(5), "ffv1", "bgr0").rename("10:15:00.mkv")
    for name in ("10:15:00.mkv", "./10:15:00.mkv"):
        assert len(list(open_source(name, CLIP, tell=pytest.fail).frames())) == 5


def test_the_case_of_a_scheme_does_not_matter(served: str, tmp_path: Path) -> None:
    filmed.write(tmp_path / "film.mkv", filmed.steps(5), "ffv1", "bgr0")
    source = open_source(f"{served}/film.mkv".replace("http", "HTTP"), CLIP, tell=pytest.fail)
    assert len(list(source.frames())) == 5


def test_a_variable_rate_is_thinned_by_the_time_stamps(tmp_path: Path) -> None:
    times = [100 * n for n in range(10)] + [1000 + 20 * n for n in range(10)]
    path = filmed.write(tmp_path / "a.mkv", filmed.steps(20), "libx264", times=times)
    frames = list(open_source(str(path), CLIP, fps=10, tell=pytest.fail).frames())
    assert [(one.number, round(one.seconds, 3)) for one in frames if one][-3:] == [(10, 1.0), (14, 1.08), (19, 1.18)]


def test_what_is_no_source_is_said(served: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_source(str(tmp_path / "none.mp4"), CLIP, tell=pytest.fail)
    with pytest.raises(DataError, match="holds no images"):
        open_source(str(tmp_path), CLIP, tell=pytest.fail)
    (tmp_path / "a.mp4").touch()
    with pytest.raises(DataError, match=r"holds videos: a\.mp4"):
        open_source(str(tmp_path), CLIP, tell=pytest.fail)
    with pytest.raises(DataError, match="cannot be opened"):
        open_source(f"{served}/none.mkv", CLIP, tell=pytest.fail)


def test_frames_that_arrive_together_may_wait() -> None:
    """HLS sends some seconds of video at once; a model that is fast enough loses none of them."""
    waiting = Inbox()
    frames = [SourceFrame(np.zeros((1, 1, 1), np.uint8), number, 0.0) for number in range(202)]
    assert not any(waiting.put(frame, 0.0) for frame in frames[:200])
    assert waiting.put(frames[200], inbox.QUEUE_SECONDS) == 0
    assert waiting.put(frames[201], inbox.QUEUE_SECONDS + 0.1) == 201
    waiting.end(None)
    assert [one and one.number for one in waiting.frames(lambda status: None)] == [Gap.HOLE, 201]
