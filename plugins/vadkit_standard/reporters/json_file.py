"""metrics.json: every number with its protocol."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.api import Reporter, RunResult, atomic_write


class Json(Reporter):
    """Writes `metrics.json` into the run folder.

    Example:
        >>> import tempfile
        >>> result = RunResult("demo", Path("runs/demo"), {"micro_auc": 0.875}, {}, {"name": "itae"}, [])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Json().report(result, Path(folder))
        ...     json.loads(Path(folder, "metrics.json").read_text())["metrics"]
        {'micro_auc': 0.875}
    """

    def report(self, result: RunResult, folder: Path) -> None:
        """Write name, metrics, intervals, components, groups, protocol, summary and vadkit's version.

        Raises:
            RunFolderError: the folder cannot be written.
        """
        summary = asdict(result.summary)
        content = {
            "name": result.name,
            "vadkit": summary.pop("vadkit") or None,
            "metrics": dict(result.metrics),
            "intervals": {name: list(ends) for name, ends in result.intervals.items()},
            "chance": summary.pop("chance"),
            "components": {name: dict(values) for name, values in result.components.items()},
            "groups": result.groups,
            "protocol": dict(result.protocol),
            "summary": summary,
        }
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=_plain)
        with atomic_write(folder / "metrics.json") as aside:
            aside.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)
