"""Answers the requests of one server."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from prometheus_client import CONTENT_TYPE_LATEST

from vadkit_sinks.server.metrics import Metrics
from vadkit_sinks.server.state import State

_COOKIE = "vadkit_token_{}"  # with the port: browsers share the cookies of all ports of a host
_OWN = ("img-src", "script-src", "style-src", "connect-src")  # what the page may load from this server
_NOTHING = ("default-src", "base-uri", "form-action", "frame-ancestors")
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "; ".join([f"{name} 'none'" for name in _NOTHING] + [f"{name} 'self'" for name in _OWN]),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


@dataclass(frozen=True)
class Site:
    """What a server offers, and to whom.

    Attributes:
        state: state of the watch.
        metrics: metrics of the watch.
        page: whether it has the live page.
        token: every address except `/healthz` and `/livez` needs it. Empty if no token is needed.
        hosts: names of this server that requests may use, without port. Empty if any name is accepted. On loopback,
            they prevent a web page of another site from reading the server under a name of that site.
        files: address -> content and type. They are read once, at the start.
    """

    state: State
    metrics: Metrics
    page: bool
    token: str
    hosts: frozenset[str]
    files: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        folder = files(__package__ or "")
        if self.page:
            for address, (name, kind) in _PAGE.items():
                self.files[address] = folder.joinpath(name).read_bytes(), kind


class Handler(BaseHTTPRequestHandler):
    """Answers GET requests. `site` is set in a subclass for each server."""

    site: ClassVar[Site]
    server_version, sys_version = "vadkit", ""
    timeout = 15  # seconds for a client to send its request and to read the answer

    def do_GET(self) -> None:
        """Answer a request."""
        try:
            parts, host = urlsplit(self.path), urlsplit(f"//{self.headers.get('Host', '')}").hostname
        except ValueError:
            self._send(HTTPStatus.BAD_REQUEST, b"the address is not valid\n")
            return
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if self.site.hosts and host not in self.site.hosts:
            self._send(HTTPStatus.FORBIDDEN, b"unknown host name\n")
        elif parts.path in ("/healthz", "/livez"):
            self._health(alive=parts.path == "/livez")
        elif self.site.token and parts.path == "/" and self._is_token(query.get("token", "")):
            self._enter()
        elif not self._is_allowed():
            text = b"a token is needed: open /?token=TOKEN, or send 'Authorization: Bearer TOKEN'\n"
            self._send(HTTPStatus.UNAUTHORIZED, text)
        else:
            self._page(parts.path, query)

    def _page(self, path: str, query: dict[str, str]) -> None:
        site = self.site
        if path == "/metrics":
            self._send(HTTPStatus.OK, site.metrics.text(), CONTENT_TYPE_LATEST)
        elif path in site.files:
            self._send(HTTPStatus.OK, *site.files[path])
        elif path == "/state.json" and site.page:
            self._send(HTTPStatus.OK, json.dumps(site.state.as_dict()).encode(), "application/json")
        elif path == "/picture.jpg" and site.page:
            self._picture(lambda: site.state.picture(heat_map=query.get("heat_map") == "1"))
        elif path.startswith("/alarms/") and site.page:
            number = path.removeprefix("/alarms/").removesuffix(".jpg")
            self._picture(lambda: site.state.alarm_picture(int(number)) if number.isdecimal() else None)
        else:
            known = "/healthz, /metrics or /" if site.page else "/healthz or /metrics"
            self._send(HTTPStatus.NOT_FOUND, f"this address does not exist: open {known}\n".encode())

    def _health(self, *, alive: bool) -> None:
        healthy, text = self.site.state.health(alive=alive)
        self._send(HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE, f"{text}\n".encode())

    def _picture(self, read: Callable[[], bytes | None]) -> None:
        data = read()
        if data is None:
            self._send(HTTPStatus.NOT_FOUND, b"there is no picture\n")
        else:
            self._send(HTTPStatus.OK, data, "image/jpeg")

    def _enter(self) -> None:
        """Store the token in a cookie, so that it is not part of later addresses."""
        cookie = "; ".join((f"{self._cookie}={self.site.token}", "HttpOnly", "SameSite=Strict", "Path=/"))
        self._send(HTTPStatus.SEE_OTHER, b"", headers={"Location": "/", "Set-Cookie": cookie})

    def _is_allowed(self) -> bool:
        if not self.site.token:
            return True
        kind, _, given = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer" and self._is_token(given.strip()):
            return True
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and self._is_token(found.value)

    @property
    def _cookie(self) -> str:
        return _COOKIE.format(self.connection.getsockname()[1])

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self.site.token.encode())

    def _send(
        self,
        status: HTTPStatus,
        content: bytes,
        kind: str = "text/plain; charset=utf-8",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in {**_HEADERS, "Content-Type": kind, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: addresses can contain the token."""
