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

from vadkit.errors import DataError
from vadkit.values import ClipSpec
from vadkit.video import stream
from vadkit.video.stream import Arrival, open_source, paced

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
    arrivals = list(source.arrivals())
    assert (source.live, source.fps, source.taken) == (False, 25.0, 25.0)
    assert filmed.numbers(np.stack([one.frame for one in arrivals])) == list(range(20))
    assert arrivals[0].frame.shape == (48, 64, 3)
    assert [one.seconds for one in arrivals] == pytest.approx(np.arange(20) / 25)


def test_a_folder_of_images_is_read_in_natural_order(tmp_path: Path) -> None:
    for number, frame in enumerate(filmed.steps(12)):
        Image.fromarray(frame).save(tmp_path / f"{number}.png")
    source = open_source(str(tmp_path), CLIP, fps=10, tell=pytest.fail)
    arrivals = list(source.arrivals())
    assert filmed.numbers(np.stack([one.frame for one in arrivals])) == list(range(12))
    assert arrivals[-1].seconds == pytest.approx(1.1)


def test_a_damaged_file_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    path = filmed.write(tmp_path / "a.avi", filmed.noise(30), "mpeg4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    told: list[str] = []
    arrivals = list(open_source(str(path), CLIP, tell=told.append).arrivals())
    assert 0 < len(arrivals) < 30
    assert "damaged" in told[0]


@pytest.mark.parametrize(
    ("has", "wanted", "kept"), [(30, 15, range(0, 30, 2)), (30, None, range(30)), (10, 25, range(30))]
)
def test_pacing_leaves_out_evenly(has: float, wanted: float | None, kept: range) -> None:
    frames = [Arrival(np.full((1, 1, 1), n, np.uint8), n / has) for n in range(30)]
    assert [int(one.frame[0, 0, 0]) for one in paced(iter(frames), has, wanted)] == list(kept)


def test_pacing_keeps_a_gap_that_falls_on_a_frame_left_out() -> None:
    frames = [Arrival(np.zeros((1, 1, 1), np.uint8), n / 30, gap=n == 3) for n in range(6)]
    assert [one.gap for one in paced(iter(frames), 30, 10)] == [False, True]


def test_a_stream_is_connected_to_again_and_the_loss_is_marked(
    served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_FIRST_PAUSE", 0.01)
    filmed.write(tmp_path / "cam.mkv", filmed.steps(10), "ffv1", "bgr0")
    told: list[str] = []
    source = open_source(f"{served}/cam.mkv", CLIP, tell=told.append)
    assert source.live
    arrivals = source.arrivals()
    found = [next(arrivals) for _ in range(15)]
    assert [index for index, one in enumerate(found) if one.gap] == [10]
    assert filmed.numbers(np.stack([one.frame for one in found[10:]])) == [0, 1, 2, 3, 4]
    assert "ended; connecting again" in told[0]


def test_without_retries_a_stream_ends_where_it_ends(served: str, tmp_path: Path) -> None:
    filmed.write(tmp_path / "cam.mkv", filmed.steps(10), "ffv1", "bgr0")
    arrivals = list(open_source(f"{served}/cam.mkv", CLIP, retries=0, tell=pytest.fail).arrivals())
    assert len(arrivals) == 10


def test_a_reader_that_is_too_slow_loses_frames_and_starts_afresh(
    served: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_WAITING", 4)
    filmed.write(tmp_path / "cam.mkv", filmed.steps(20), "ffv1", "bgr0")
    told: list[str] = []
    lost = threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        lost.set()

    arrivals = open_source(f"{served}/cam.mkv", CLIP, retries=0, tell=tell).arrivals()
    first = next(arrivals)
    assert lost.wait(20)
    rest = list(arrivals)
    assert not first.gap
    assert any(one.gap for one in rest)
    assert len(rest) < 19
    assert "frames were lost" in told[0]


def test_what_is_no_source_is_said(served: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        open_source(str(tmp_path / "none.mp4"), CLIP, tell=pytest.fail)
    with pytest.raises(DataError, match="holds no images"):
        open_source(str(tmp_path), CLIP, tell=pytest.fail)
    with pytest.raises(DataError, match="cannot be opened"):
        open_source(f"{served}/none.mkv", CLIP, tell=pytest.fail)
