"""metrics.json: each number beside the protocol that it was made under."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.api import Reporter, RunResult, atomic_write


class Json(Reporter):
    """Writes `metrics.json` into the run folder."""

    def report(self, result: RunResult, folder: Path) -> None:
        """Write name, metrics, intervals, components, groups, protocol, facts and vadkit's version.

        Raises:
            RunFolderError: the folder cannot be written.
        """
        facts = dict(result.facts)
        content = {
            "name": result.name,
            "vadkit": facts.pop("vadkit", None),
            "metrics": dict(result.metrics),
            "intervals": {name: list(ends) for name, ends in result.intervals.items()},
            "chance": facts.pop("chance", {}),
            "components": {name: dict(values) for name, values in result.components.items()},
            "groups": result.groups,
            "protocol": dict(result.protocol),
            "facts": facts,
        }
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
        with atomic_write(folder / "metrics.json") as aside:
            aside.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)
