"""Measurements of this machine, kept in the folder of the frame cache, so that later runs choose the same."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vadkit.core.files import atomic_write_text
from vadkit.store.environment import host
from vadkit.store.run_folder import digest_of
from vadkit.video.cache import default_cache


class Measurement:
    """One measurement of this machine, as plain values in a small file.

    Args:
        name: what is measured.
        key: everything that the result depends on, besides the machine.
        folder: where the file is kept; default: the folder of the frame cache.
    """

    def __init__(self, name: str, *key: Any, folder: Path | None = None) -> None:
        self.path = (folder or default_cache()) / f"{name}-{digest_of(host(), *key)}.json"

    def read(self) -> dict[str, Any] | None:
        """The kept values; None if there are none that can be read."""
        with contextlib.suppress(OSError, ValueError):
            values = json.loads(self.path.read_text(encoding="utf-8"))
            return values if isinstance(values, dict) else None
        return None

    def write(self, values: Mapping[str, Any]) -> None:
        """Keep the values. If the folder cannot be written, the next run measures again."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write_text(self.path, json.dumps(dict(values)) + "\n")
