"""Compares the regions that metrics read, masks or tracks, with the labels of a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vadkit.core.errors import DataError
from vadkit.core.values import Labels
from vadkit.recipe.component_config import ComponentConfig


def reads_regions(metrics: Sequence[ComponentConfig]) -> bool:
    """Whether a metric reads masks or tracks."""
    return any(getattr(chosen.component.load(), "needs_anomaly_maps", False) for chosen in metrics)


def check_regions(metrics: Sequence[ComponentConfig], labels: Mapping[str, Labels]) -> None:
    """Refuse abnormal test videos without the masks or tracks that a metric reads.

    Raises:
        DataError: names the metric and the first video.
    """
    for chosen in metrics:
        metric = chosen.component.load()
        if not getattr(metric, "needs_anomaly_maps", False):
            continue
        kinds = sorted(metric.regions)
        without = [
            name
            for name, truth in labels.items()
            if truth.frames.any() and all(getattr(truth, kind) is None for kind in kinds)
        ]
        if without:
            count = "1 abnormal test video" if len(without) == 1 else f"{len(without)} abnormal test videos"
            has = "has" if len(without) == 1 else "have"
            what = f"the metric needs {' or '.join(kinds)}, but {count} {has} none, {without[0]} first"
            fix = "add them to the data set's folder, or leave the metric out"
            raise DataError(what, where=f"evaluate.metrics: {chosen.component.name}", fix=fix)
