"""HLS over HTTP: a playlist with an end is a recording, and one that grows is live."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import filmed
import pytest

from vadkit.core.values import ClipSpec
from vadkit.live.stream import open_source

CLIP = ClipSpec(8, 32, 48, "gray")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        pass


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a playlist of four segments of one second."""
    with av.open(str(tmp_path / "cam.m3u8"), "w", format="hls", options={"hls_time": "1"}) as container:
        stream: Any = container.add_stream("libx264", rate=10, options={"g": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for frame in filmed.noise(40):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/cam.m3u8"
        server.shutdown()


def test_a_complete_playlist_is_a_recording(address: str) -> None:
    source = open_source(address, CLIP, fps=5, tell=print)
    assert (source.live, source.fps) == (False, 10.0)
    frames = [(frame.number, round(frame.seconds, 3)) for frame in source.frames() if frame]
    assert frames == [(number, number / 10) for number in range(0, 40, 2)]


def test_a_playlist_without_an_end_is_live(address: str, tmp_path: Path) -> None:
    playlist = tmp_path / "cam.m3u8"
    playlist.write_text(playlist.read_text().replace("#EXT-X-ENDLIST", ""))
    assert open_source(address, CLIP, tell=print).live
