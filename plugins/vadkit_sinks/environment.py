"""Secrets from environment variables. They never appear in a message."""

from __future__ import annotations

import os
import re
from urllib.parse import urlsplit

from vadkit.api import VadkitError

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def expand(text: str, *, where: str) -> str:
    """Replace `${NAME}` by the environment variable NAME, without a line break at its end, as mounted secrets have it.

    Args:
        text: the value of a key, such as "Bearer ${TOKEN}".
        where: name of the key, for the message.

    Raises:
        VadkitError: a variable is not set.

    Example:
        >>> os.environ["DOOR_TOKEN"] = "secret"
        >>> expand("Bearer ${DOOR_TOKEN}", where="headers")
        'Bearer secret'
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            what = f"the environment variable {match[1]} is not set"
            raise VadkitError(what, where=where, fix=f"set it: export {match[1]}=...")
        return os.environ[match[1]].removesuffix("\n").removesuffix("\r")

    return _VARIABLE.sub(value, text)


def host_of(url: str) -> str:
    """Scheme, host and port of a URL, for messages: user, path and query can contain secrets.

    Example:
        >>> host_of("https://me:secret@example.org:8443/hook?key=secret")
        'https://example.org:8443'
    """
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
