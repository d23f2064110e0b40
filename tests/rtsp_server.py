"""A camera on this machine: an RTSP server with a picture that can be changed, cut off and brought back.

The server runs in the system's Python, because its libraries are packages of Debian:

    apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly

`Camera` runs it in a separate process. The file is both the client's class and the server's script.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType

PYTHON = "/usr/bin/python3"
_LAUNCH = (
    "( videotestsrc name=src is-live=true pattern={pattern} "
    "! video/x-raw,width={width},height={height},framerate={fps}/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast threads=1 key-int-max={fps} ! rtph264pay name=pay0 pt=96 )"
)


def missing() -> str:
    """Why the server cannot run; empty if it can."""
    if not Path(PYTHON).is_file():
        return f"needs {PYTHON}"
    check = [PYTHON, __file__, "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    return (
        "" if done.returncode == 0 else f"needs Debian's RTSP server (see {Path(__file__).name}): {done.stderr[-200:]}"
    )


class Camera:
    """An RTSP camera. Use it as a context manager; it is off at first.

    Args:
        fps: frames per second.
        size: width and height in pixels.
    """

    def __init__(self, fps: int = 10, size: tuple[int, int] = (96, 64)) -> None:
        self.fps, self.size = fps, size
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/cam"
        self._process: subprocess.Popen[str] | None = None

    def on(self, pattern: str = "ball") -> None:
        """Start the camera, with a pattern of GStreamer's `videotestsrc`."""
        width, height = self.size
        launch = _LAUNCH.format(pattern=pattern, width=width, height=height, fps=self.fps)
        command = [PYTHON, __file__, str(self.port), launch]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == "ready"

    def show(self, pattern: str) -> None:
        """Change the picture while the camera is on."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{pattern}\n")
        self._process.stdin.flush()

    def off(self) -> None:
        """Cut the camera off, as by pulling its plug."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None

    def __enter__(self) -> Camera:
        """Return the camera."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cut it off."""
        self.off()


def _serve(port: str, launch: str) -> None:
    import gi  # pyright: ignore

    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer  # pyright: ignore

    Gst.init(None)
    if port == "--check":
        absent = [name for name in ("videotestsrc", "x264enc", "rtph264pay") if not Gst.ElementFactory.find(name)]
        sys.exit(f"no GStreamer element {', '.join(absent)}" if absent else 0)
    server, factory = GstRtspServer.RTSPServer(), GstRtspServer.RTSPMediaFactory()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory.set_launch(launch)
    factory.set_shared(True)
    sources = []
    factory.connect("media-configure", lambda _, media: sources.append(media.get_element().get_child_by_name("src")))
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)

    def read(*_: object) -> bool:
        pattern = sys.stdin.readline().strip()
        if not pattern:
            sys.exit(0)
        for source in sources:
            source.set_property("pattern", pattern)
        return True

    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, read)
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "")
