"""A camera on loopback: an HTTP server that sends JPEG pictures without end, as many IP cameras do."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import Any

import numpy as np
from PIL import Image

_HEAD = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"


def encoded(frames: Sequence[Any]) -> list[bytes]:
    """Frames (H, W, C) uint8 as JPEG."""
    found: list[bytes] = []
    for frame in frames:
        data = io.BytesIO()
        Image.fromarray(np.asarray(frame).squeeze()).save(data, "jpeg", quality=95)
        found.append(data.getvalue())
    return found


@contextmanager
def camera(pictures: Sequence[bytes], fps: float = 50.0) -> Iterator[str]:
    """Serve the pictures in a loop, and give the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            due = time.monotonic()
            try:
                for picture in cycle(pictures):
                    self.wfile.write(_HEAD % len(picture) + picture + b"\r\n")
                    due += 1 / fps
                    time.sleep(max(0.0, due - time.monotonic()))
            except OSError:
                return

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/camera.mjpg"
    server.shutdown()
    server.server_close()
    thread.join()
