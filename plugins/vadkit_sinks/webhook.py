"""Sends alarms to a URL."""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from vadkit.api import AlarmEvent, Sink, VadkitError
from vadkit_sinks.environment import expand, host_of

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # statuses that a later attempt may change
_LONGEST_PAUSE = 30.0  # seconds
_NAME, _VALUE = re.compile(r"[!#$%&'*+.^`|~\w-]+", re.ASCII), re.compile(r"[\t\x20-\x7e\xa0-\xff]*")  # of a header


class Webhook(Sink):
    """Sends each begin and end of an alarm to a URL, as a POST request with a JSON object.

    If the server does not answer, or answers with a temporary error, the sink reports it and tries again after 1, 2, 4,
    ... seconds.
    It does not follow redirections. In `url` and `headers`, `${NAME}` stands for an environment variable. Messages
    contain only the host of the URL.

    Args:
        url: an http or https URL.
        headers: additional HTTP headers, such as `Authorization: "Bearer ${TOKEN}"`.
        timeout: seconds for each attempt.
        retries: attempts after the first one.
        pause: seconds before the second attempt. The pause doubles after each attempt.

    Raises:
        VadkitError: the URL or a header is not valid, an environment variable is not set, or a number is out of range.

    Example:
        >>> try:
        ...     Webhook(url="example.org/alarm")
        ... except VadkitError as error:
        ...     print(error)
        'url' is not an http or https URL
          -> write for example https://example.org/alarm
    """

    def __init__(
        self,
        *,
        url: str,
        headers: Mapping[str, str] | None = None,
        timeout: float = 10.0,
        retries: int = 5,
        pause: float = 1.0,
    ) -> None:
        self._url, login = _split(expand(url, where="webhook 'url'"))
        if timeout <= 0 or retries < 0 or pause < 0:
            raise VadkitError("'timeout' must be above 0, and 'retries' and 'pause' must be 0 or more")
        given = {name: _header(name, value) for name, value in (headers or {}).items()}
        self._headers = {"Content-Type": "application/json", "User-Agent": "vadkit", **login, **given}
        self._timeout, self._retries, self._pause = timeout, retries, pause
        self._opener = urllib.request.build_opener(_NoRedirection)

    def alarm(self, event: AlarmEvent) -> None:
        """Send the event.

        Raises:
            VadkitError: no attempt succeeded, or the server refused the request.
        """
        body = json.dumps(event.as_dict()).encode()
        again, problem = self._post(body)
        for attempt in range(self._retries):
            if not again:
                break
            self.tell(f"{host_of(self._url)} {problem}; trying again")
            time.sleep(min(self._pause * 2**attempt, _LONGEST_PAUSE))
            again, problem = self._post(body)
        if problem is None:
            return
        raise VadkitError(f"{host_of(self._url)} {problem}", fix="check the address, the network and the server")

    def _post(self, body: bytes) -> tuple[bool, str | None]:
        """Whether to try again, and the problem of this attempt."""
        request = urllib.request.Request(self._url, body, self._headers, method="POST")  # noqa: S310 (checked)
        try:
            with self._opener.open(request, timeout=self._timeout):
                return False, None
        except urllib.error.HTTPError as error:
            with error:
                return error.code in _AGAIN, f"answers with status {error.code}"
        except TimeoutError:
            return True, f"does not answer within {self._timeout:g} s"
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                return True, f"does not answer within {self._timeout:g} s"
            return True, f"cannot be reached: {getattr(error.reason, 'strerror', None) or error.reason}"
        except (http.client.HTTPException, OSError) as error:
            return True, f"ended the connection: {type(error).__name__}"


def _header(name: str, value: str) -> str:
    """The value of a header with its variables replaced. Messages never show it."""
    where = f"webhook header {name!r}"
    expanded = expand(value, where=where)
    if not _NAME.fullmatch(name) or not _VALUE.fullmatch(expanded):
        what = "has a line break or another character that HTTP does not allow"
        raise VadkitError(what, where=where, fix="remove it from the name or the value")
    return expanded


def _split(url: str) -> tuple[str, dict[str, str]]:
    """The URL without user and password, and the header for them."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # such as an impossible port
        parts, valid = None, False
    if parts is None or not valid:
        raise VadkitError("'url' is not an http or https URL", fix="write for example https://example.org/alarm")
    login, _, host = parts.netloc.rpartition("@")
    if not login:
        return url, {}
    encoded = b64encode(unquote(login).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), {"Authorization": f"Basic {encoded}"}


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Refuse: a POST request that is redirected would lose its content."""
        del req, fp, code, msg, headers, newurl
