"""Sources: files, folders, and a network stream that breaks."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import filmed
import numpy as np
import pytest
from PIL import Image

from vadkit.core.errors import DataError
from vadkit.core.values import ClipSpec
from vadkit.live import stream
from vadkit.live.stream import SourceFrame, limit_fps, open_source

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
    frames = [frame for frame in source.frames() if frame is not None]
    assert (source.live, source.fps, source.used_fps) == (False, 25.0, 25.0)
    assert filmed.numbers(np.stack([one.frame for one in frames if one])) == list(range(20))
    assert frames[0].frame.shape == (48, 64, 3)
    assert [one.seconds for one in frames] == pytest.approx(np.arange(20) / 25)


def test_a_folder_of_images_is_read_in_natural_order(tmp_path: Path) -> None:
    for number, frame in enumerate(filmed.steps(12)):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    source = open_source(str(tmp_path), CLIP, fps=10, tell=pytest.fail)
    frames = [frame for frame in source.frames() if frame is not None]
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
    frames = [SourceFrame(np.full((1, 1, 1), n, np.uint8), n / has) for n in range(30)]
    assert [int(one.frame[0, 0, 0]) for one in limit_fps(iter(frames), has, wanted) if one] == list(kept)


@pytest.mark.parametrize("seed", range(3))
def test_pacing_does_not_depend_on_when_frames_arrive(seed: int) -> None:
    late = np.random.default_rng(seed).uniform(0, 0.2, 60)
    frames = [SourceFrame(np.full((1, 1, 1), n, np.uint8), n / 30 + late[n]) for n in range(60)]
    assert len(list(limit_fps(iter(frames), 30, 29.97))) == 60
    kept = [int(one.frame[0, 0, 0]) for one in limit_fps(iter(frames), 30, 10) if one]
    assert kept == list(range(0, 60, 3))


def test_pacing_starts_again_after_a_gap() -> None:
    frames: list[SourceFrame | None] = [SourceFrame(np.full((1, 1, 1), n, np.uint8), n / 30) for n in range(6)]
    frames.insert(4, None)
    told = [one if one is None else int(one.frame[0, 0, 0]) for one in limit_fps(iter(frames), 30, 10)]
    assert told == [0, 3, None, 4]


def test_a_recording_behind_an_address_is_not_a_live_source(served: str, tmp_path: Path) -> None:
    path = filmed.write(tmp_path / "film.mkv", filmed.steps(20), "ffv1", "bgr0")
    for name in (f"{served}/film.mkv", f"file://{path}"):
        source = open_source(name, CLIP, tell=pytest.fail)
        assert not source.live
        frames = [frame for frame in source.frames() if frame is not None]
        assert filmed.numbers(np.stack([one.frame for one in frames])) == list(range(20))
        assert frames[-1].seconds == pytest.approx(19 / 25)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take recordings for live sources."""
    probe = stream._probe
    monkeypatch.setattr(stream, "_probe", lambda name: (probe(name)[0], False))


def test_a_stream_is_reconnected_and_the_gap_is_marked(
    served: str, tmp_path: Path, live: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_FIRST_PAUSE", 0.01)
    filmed.write(tmp_path / "cam.mkv", filmed.steps(10), "ffv1", "bgr0")
    told: list[str] = []
    source = open_source(f"{served}/cam.mkv", CLIP, tell=told.append)
    assert source.live
    frames = source.frames()
    found = [next(frames) for _ in range(16)]
    assert [index for index, one in enumerate(found) if one is None] == [10]
    assert filmed.numbers(np.stack([one.frame for one in found[11:] if one])) == [0, 1, 2, 3, 4]
    assert "ended; connecting again" in told[0]


def test_without_retries_a_stream_ends_at_its_first_end(served: str, tmp_path: Path, live: None) -> None:
    filmed.write(tmp_path / "cam.mkv", filmed.steps(10), "ffv1", "bgr0")
    source = open_source(f"{served}/cam.mkv", CLIP, retries=0, tell=pytest.fail)
    assert len(list(source.frames())) == 10
    with pytest.raises(DataError, match="was read already"):
        list(source.frames())


def test_a_stream_that_does_not_return_is_reported(
    served: str, tmp_path: Path, live: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_FIRST_PAUSE", 0.01)
    path = filmed.write(tmp_path / "cam.mkv", filmed.steps(10), "ffv1", "bgr0")
    told: list[str] = []
    frames = open_source(f"{served}/cam.mkv", CLIP, retries=2, tell=told.append).frames()
    first = next(frames)
    path.unlink()
    rest: list[SourceFrame | None] = []
    with pytest.raises(DataError, match="cannot be opened"):
        rest.extend(frames)
    assert first is not None
    assert told


def test_an_error_in_the_callback_does_not_block(
    served: str, tmp_path: Path, live: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_FIRST_PAUSE", 0.01)
    filmed.write(tmp_path / "cam.mkv", filmed.steps(10), "ffv1", "bgr0")

    def tell(text: str) -> None:
        raise RuntimeError("no ear")

    with pytest.raises(RuntimeError, match="no ear"):
        list(open_source(f"{served}/cam.mkv", CLIP, tell=tell).frames())


def test_no_message_names_a_password() -> None:
    assert stream.redacted("rtsp://me:secret@cam/1") == "rtsp://***@cam/1"
    with pytest.raises(DataError, match="cannot be opened") as caught:
        open_source("rtsp://me:secret@127.0.0.1:9/1", CLIP, tell=pytest.fail)
    assert "secret" not in str(caught.value)


def test_a_reader_that_is_too_slow_loses_frames_and_starts_again(
    served: str, tmp_path: Path, live: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_QUEUE_SIZE", 4)
    filmed.write(tmp_path / "cam.mkv", filmed.steps(20), "ffv1", "bgr0")
    told: list[str] = []
    lost = threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        lost.set()

    frames = open_source(f"{served}/cam.mkv", CLIP, retries=0, tell=tell).frames()
    first = next(frames)
    assert lost.wait(20)
    rest = list(frames)
    assert first is not None
    assert None in rest
    assert len(rest) < 19
    assert "frames were lost" in told[0]


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
