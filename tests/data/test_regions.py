"""What a metric of localization needs is compared with the labels before a run trains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vadkit.core.errors import DataError
from vadkit.core.values import Labels, Track
from vadkit.data.regions import check_regions
from vadkit.data.tools import check_dataset, open_target
from vadkit.plugin.registry import Registry
from vadkit.recipe.component_config import ComponentConfig
from vadkit_datasets.walkway.dataset import Walkway

NORMAL, ABNORMAL = np.zeros(3, bool), np.array([False, True, True])
TRACKS = (Track("1", {1: (0, 0, 2, 2)}),)


def metric(name: str) -> ComponentConfig:
    return ComponentConfig(Registry.discover().get("metric", name), {}, "evaluate.metrics")


def test_each_metric_names_what_it_reads() -> None:
    tracked = {"a": Labels(ABNORMAL, tracks=TRACKS), "b": Labels(NORMAL)}
    masked = {"a": Labels(ABNORMAL, masks=lambda: np.ones((3, 2, 2), bool))}
    check_regions([metric("micro_auc"), metric("rbdc_tbdc")], tracked)
    check_regions([metric("pixel_auc"), metric("rbdc_tbdc")], masked)
    with pytest.raises(DataError, match="needs masks, but 1 abnormal test video has none, a first") as caught:
        check_regions([metric("micro_auc"), metric("pixel_auc")], tracked)
    assert caught.value.where == "evaluate.metrics: pixel_auc"
    with pytest.raises(DataError, match="needs masks or tracks, but 1 abnormal"):
        check_regions([metric("rbdc_tbdc")], {"a": Labels(ABNORMAL)})


class Tracked(Walkway):
    """The walkway without its masks."""

    def labels(self, video):  # type: ignore[no-untyped-def]
        found = super().labels(video)
        return None if found is None else replace(found, masks=None)


def test_data_check_of_a_recipe_reports_it() -> None:
    target = open_target("motion_walkway", overrides=["evaluate.metrics=[pixel_auc]", "data.frames=24"])
    assert [one.component.name for one in target.metrics] == ["pixel_auc"]
    report = check_dataset(replace(target, dataset=Tracked(None, frames=24)), decode=False)
    assert [one for one in report.errors if "the metric needs masks" in one.what]
    assert not [one for one in check_dataset(target, decode=False).errors if "metric" in one.what]
