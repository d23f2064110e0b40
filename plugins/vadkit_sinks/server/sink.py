"""The sink `http`."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import secrets
import socket
import socketserver
import threading
import time
from http.server import ThreadingHTTPServer
from typing import Any

from vadkit.api import AlarmEvent, FrameScore, Sink, SourceStatus, VadkitError, WatchedSource, WatchSummary
from vadkit_sinks.environment import expand
from vadkit_sinks.server.handler import Handler, Site
from vadkit_sinks.server.metrics import Metrics
from vadkit_sinks.server.state import State

_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\s]*):(?P<port>\d{1,5})")
_CONNECTIONS = 32  # at the same time
_LONGEST = 60.0  # seconds of one connection
_BUSY = b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,}")


class Http(Sink):
    """Serves `/healthz` and `/livez`, Prometheus metrics at `/metrics`, and a live page at `/`.

    On a loopback address without a token, every user of this computer can read them. On another address, or if `token`
    is set, every request except `/healthz` and `/livez` needs the token. A browser gets it from the address
    `/?token=TOKEN`, which vadkit prints if it made the token. Other programs send `Authorization: Bearer TOKEN`.

    Args:
        at: host and port. Port 0 chooses a free port.
        page: whether to serve the live page.
        unhealthy_after: seconds without a score after which `/healthz` answers with status 503.
        token: the token. `${NAME}` stands for an environment variable. If it is empty, vadkit makes a new one at each
            start; on a loopback address, there is none.

    Raises:
        VadkitError: the address or a number is not valid, or an environment variable is not set.

    Example:
        >>> from datetime import UTC, datetime
        >>> source = WatchedSource("night.mp4", live=False, began=datetime(2026, 3, 1, tzinfo=UTC), threshold=2.5)
        >>> sink = Http(at="127.0.0.1:0", page=True)
        >>> sink.open(source)  # doctest: +ELLIPSIS
        live page: http://127.0.0.1:...
        >>> sink.close(WatchSummary(source, "end of the source"))
    """

    needs_frames = True

    def __init__(
        self, *, at: str = "127.0.0.1:8420", page: bool = False, unhealthy_after: float = 30.0, token: str = ""
    ) -> None:
        found = _ADDRESS.fullmatch(at)
        if not found or int(found["port"]) > 65535:
            raise VadkitError(f"{at!r} is not HOST:PORT", where="http 'at'", fix="write for example 127.0.0.1:8420")
        if unhealthy_after <= 0:
            raise VadkitError(f"'unhealthy_after' is {unhealthy_after}, but must be above 0 seconds")
        self._host, self._port = found["host"].strip("[]") or "0.0.0.0", int(found["port"])  # noqa: S104 (":8420")
        self._page, self._limit, self._token = page, unhealthy_after, expand(token, where="http 'token'")
        if self._token and not _TOKEN.fullmatch(self._token):
            what = "'token' must have 16 characters or more: letters, digits, '-' and '_'"
            raise VadkitError(what, fix="leave it out, and vadkit makes one")
        self.needs_pictures = self.needs_anomaly_maps = page
        self._server: _Server | None = None

    def open(self, source: WatchedSource) -> None:
        """Start the server, and print its address.

        Raises:
            VadkitError: the address cannot be used.
        """
        self._state, self._metrics = State(source, self._limit), Metrics(source)
        loopback = _is_loopback(self._host)
        token = self._token or ("" if loopback else secrets.token_urlsafe(24))
        hosts = frozenset({"localhost", "127.0.0.1", "::1", self._host}) if loopback else frozenset[str]()
        site = Site(self._state, self._metrics, self._page, token, hosts)
        try:
            family = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)[0][0]
            self._server = _Server(family, (self._host, self._port), type("Handler", (Handler,), {"site": site}))
        except OSError as error:
            what = f"cannot listen on {self._host}:{self._port}: {error.strerror or error}"
            raise VadkitError(what, fix="choose another address, such as 127.0.0.1:8421") from error
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        self._announce(token)

    def frame(self, score: FrameScore) -> None:
        """Update the page and the metrics."""
        self._state.add_frame(score)
        self._metrics.add_frame(score)

    def alarm(self, event: AlarmEvent) -> None:
        """Update the page and the metrics."""
        self._state.add_alarm(event)
        self._metrics.add_alarm(event)

    def status(self, status: SourceStatus) -> None:
        """Update the page and the metrics."""
        self._state.add_status(status)
        self._metrics.add_status(status)

    def close(self, summary: WatchSummary) -> None:
        """Stop the server."""
        del summary
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _announce(self, token: str) -> None:
        assert self._server is not None
        host = f"[{self._host}]" if ":" in self._host else self._host
        query = f"/?token={token}" if token and not self._token else "/"
        address = f"http://{host}:{self._server.server_port}"
        if self._page:
            print(f"live page: {address}{query}", flush=True)
        else:
            print(f"metrics: {address}/metrics{f', token {token}' if token and not self._token else ''}", flush=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = _CONNECTIONS  # that wait to be accepted

    def __init__(self, family: socket.AddressFamily, address: tuple[str, int], handler: type[Handler]) -> None:
        self.address_family = family
        self._open: dict[socket.socket, float] = {}  # connections, and when they began
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or refuse if there are too many of them."""
        if len(self._open) >= _CONNECTIONS:
            with contextlib.suppress(OSError):
                request.settimeout(1.0)
                request.sendall(_BUSY)
            self.shutdown_request(request)
            return
        self._open[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """End a connection, and make room for another one."""
        super().shutdown_request(request)
        self._open.pop(request, None)

    def service_actions(self) -> None:
        """End connections that take too long: a client can send its request in slow small pieces."""
        now = time.monotonic()
        for connection, began in list(self._open.items()):
            if now - began > _LONGEST:
                with contextlib.suppress(OSError):  # it has ended
                    connection.shutdown(socket.SHUT_RDWR)

    def server_bind(self) -> None:
        """Bind without the name look-up of `HTTPServer`, which can take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore a client that ends its connection early."""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
