"""The tables and texts of a run's page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from vadkit.core.values import RunResult
from vadkit.report.page import Cell, Table, Tables, Text, Texts
from vadkit.report.remarks import result_notes


def shown(value: float | None, metric: str, result: RunResult) -> str:
    """A value of a metric with its unit; a dash for none."""
    if value is None:
        return "-"
    return f"{value:.3f} {result.units[metric]}".rstrip() if metric in result.units else f"{100 * value:.2f} %"


def numbers(result: RunResult) -> Tables:
    """The metrics of the final score and of each component."""
    notes = result_notes(result)
    if not result.metrics:
        return Tables("Numbers", (), ["The test videos have no labels, so there are no metrics.", *notes])
    fused = [
        [
            Cell(metric, strong=place == 0),
            Cell(shown(value, metric, result), strong=place == 0),
            Cell(" to ".join(shown(end, metric, result) for end in result.intervals.get(metric, ())) or "-"),
            Cell(shown(result.summary.chance.get(metric), metric, result)),
        ]
        for place, (metric, value) in enumerate(result.metrics.items())
    ]
    alone = [
        [Cell(name), *(Cell(shown(values.get(metric), metric, result)) for metric in result.metrics)]
        for name, values in result.components.items()
    ]
    tables = [Table("Final score", ("metric", "value", "95 % interval", "random scorer"), fused)]
    tables += [Table("Each component alone", ("component", *result.metrics), alone)] if alone else []
    return Tables("Numbers", tables, notes)


def groups(result: RunResult) -> list[Tables]:
    """The metrics of each video and of each scene, if there are any."""
    tables: list[Table] = []
    for kind, groups in result.groups.items():
        metrics = list(dict.fromkeys(metric for values in groups.values() for metric in values))
        rows = [
            [Cell(name), *(Cell(shown(values.get(metric), metric, result)) for metric in metrics)]
            for name, values in groups.items()
        ]
        tables += [Table(f"Final score of each {kind}", (kind, *metrics), rows)] if rows and metrics else []
    return [Tables("Each video", tables)] if tables else []


def background(result: RunResult) -> Texts:
    """Protocol, environment and recipe."""
    summary, run = result.summary, result.summary.run
    environment: dict[str, Any] = {"vadkit": summary.vadkit or None}
    if run is not None:
        environment |= {
            "commit": run.commit, "seed": run.seed, "precision": run.precision, "machine": run.host,
            "versions": run.versions,
        }  # fmt: skip
    environment |= {"bootstrap": summary.bootstrap, "metrics": summary.metric_settings}
    if summary.scores_input:
        environment["scores"] = summary.scores_input
    texts = [Text("Protocol", _plain(result.protocol)), Text("Environment", _plain(environment))]
    texts += [Text("Recipe", result.recipe)] if result.recipe else []
    return Texts("Recipe and environment", texts)


def _plain(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_jsonable)


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return dict(value) if isinstance(value, Mapping) else str(value)
