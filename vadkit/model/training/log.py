"""The training log `log.jsonl`: one line for each step. A resumed run drops the lines of repeated steps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vadkit.core.files import atomic_write_text, explain


class Log:
    """Appends records to a file of JSON lines.

    Args:
        path: the file; the first `write` creates it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, record: Mapping[str, Any]) -> None:
        """Append one line.

        Raises:
            RunFolderError: the disk is full, or the file is not writable.
        """
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        except OSError as error:
            raise explain(error, self.path) from error

    def rewind(self, stage: str, step: int) -> None:
        """Drop the records of `stage` after `step`, and a line that a killed process left incomplete."""
        if not self.path.exists():
            return
        kept = []
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            if record.get("stage") != stage or record.get("step", 0) <= step:
                kept.append(line)
        atomic_write_text(self.path, "".join(f"{line}\n" for line in kept))
