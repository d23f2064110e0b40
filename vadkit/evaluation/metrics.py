"""Metrics on arrays of your own, from Python: `vadkit.metrics.micro_auc(scores, labels)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vadkit.core.contracts import Metric
from vadkit.core.errors import DataError, closest
from vadkit.core.values import ScoredVideo, Track
from vadkit.evaluation.bootstrap import ROUNDS, Interval, measure
from vadkit.plugin.registry import Registry

Arrays = ArrayLike | Sequence[ArrayLike] | Mapping[str, ArrayLike]


def names() -> list[str]:
    """The names of all installed metrics."""
    return _registry().names("metric")


def compute(
    metric: str,
    scores: Arrays,
    labels: Arrays,
    *,
    scenes: Sequence[str] = (),
    fps: float | None = None,
    threshold: float | None = None,
    anomaly_maps: Arrays | None = None,
    masks: Arrays | None = None,
    tracks: Sequence[Sequence[Track]] | None = None,
    **keys: Any,
) -> dict[str, float]:
    """Compute a metric from arrays.

    Args:
        metric: its name, as in `vadkit list metric`.
        scores: scores of the frames of one video, (F,), or those of several videos, as a sequence or as
            video name -> (F,). Higher is more anomalous.
        labels: in the same form, 1 for abnormal frames.
        scenes: the scene of each video.
        fps: frames per second of all videos, for metrics that need it.
        threshold: the alarm threshold, for metrics that need it.
        anomaly_maps: in the same form, each (F, h, w), for metrics that compare maps.
        masks: in the same form, each (F, H, W).
        tracks: the anomalous objects of each video, in pixels of the masks.
        keys: keys of the metric, as in a recipe.

    Returns:
        Name -> value.

    Raises:
        PluginError: the metric does not exist.
        DataError: scores and labels do not fit, or the metric is not defined for them.

    Example:
        >>> compute("eer", [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
        {'eer': 0.5}
        >>> compute("macro_auc", {"01": [0.1, 0.9], "02": [0.3, 0.2]}, {"01": [0, 1], "02": [0, 1]})["macro_auc"]
        0.5
    """
    videos = _videos(scores, labels, scenes, fps, threshold, anomaly_maps, masks, tracks)
    return measure([_built(metric, keys)], videos, "the scores").values


def intervals(
    metric: str, scores: Arrays, labels: Arrays, *, rounds: int = ROUNDS, seed: int = 0, **others: Any
) -> dict[str, Interval]:
    """95 % intervals of a metric's values, by the bootstrap over videos. `others` are further arguments of `compute`.

    Raises:
        DataError: there are fewer than two videos.
    """
    own = {name: others.pop(name) for name in _OF_VIDEOS if name in others}
    videos = _videos(scores, labels, **{**_OF_VIDEOS, **own})
    if len(videos) < 2:
        raise DataError("an interval over videos needs at least two videos", where=f"metrics.{metric}")
    return measure([_built(metric, others)], videos, "the scores", seed=seed, rounds=rounds).intervals


def _value(metric: str, scores: Arrays, labels: Arrays, **keys: Any) -> float | dict[str, float]:
    """The value that has the name of the metric; all values of a metric that has none of its name."""
    values = compute(metric, scores, labels, **keys)
    return values.get(metric, values)


def __getattr__(name: str) -> Any:
    """Each installed metric is a function of scores and labels."""
    if name.startswith("_") or name not in names():
        raise AttributeError(f"there is no metric {name!r}; {closest(name, names())}")
    return partial(_value, name)


def __dir__() -> list[str]:
    return sorted({"compute", "intervals", "names", *names()})


_OF_VIDEOS: Mapping[str, Any] = {
    "scenes": (),
    "fps": None,
    "threshold": None,
    "anomaly_maps": None,
    "masks": None,
    "tracks": None,
}


@cache
def _registry() -> Registry:
    return Registry.discover()


def _built(name: str, keys: Mapping[str, Any]) -> Metric:
    return _registry().get("metric", name).load()(**keys)


def _videos(
    scores: Arrays,
    labels: Arrays,
    scenes: Sequence[str],
    fps: float | None,
    threshold: float | None,
    anomaly_maps: Arrays | None,
    masks: Arrays | None,
    tracks: Sequence[Sequence[Track]] | None,
) -> list[ScoredVideo]:
    given, truth = _by_name(scores, "scores", 1), _by_name(labels, "labels", 1)
    maps = {} if anomaly_maps is None else _by_name(anomaly_maps, "anomaly_maps", 3)
    regions = {} if masks is None else _by_name(masks, "masks", 3)
    for name in [name for each in (truth, maps, regions) for name in each.keys() ^ given.keys() if each]:
        fix = "give both as a sequence, or as a mapping with the same names"
        raise DataError("has scores or labels, but not both", where=f"video {name!r}", fix=fix)
    videos: list[ScoredVideo] = []
    for number, (name, values) in enumerate(given.items()):
        abnormal = _labels(truth[name], values, name)
        scene = scenes[number] if scenes else ""
        map_reader = (lambda kept=maps[name]: kept) if maps else None
        mask_reader = (lambda kept=regions[name] != 0: kept) if regions else None
        size = (regions[name].shape[1], regions[name].shape[2]) if regions else None
        own = tuple(tracks[number]) if tracks is not None else None
        videos.append(
            ScoredVideo(name, values.astype(float), abnormal, scene, fps, threshold, map_reader, mask_reader, own, size)
        )
    return videos


def _labels(values: NDArray[Any], scores: NDArray[Any], name: str) -> NDArray[np.bool_]:
    if values.shape != scores.shape:
        what = f"has {scores.size} scores, but {values.size} labels"
        raise DataError(what, where=f"video {name!r}", fix="give one label for each frame")
    if not np.isfinite(scores.astype(float)).all():
        raise DataError("has scores that are not finite", where=f"video {name!r}", fix="leave these frames out")
    if not np.isin(values, (0, 1)).all():
        raise DataError("has labels other than 0 and 1", where=f"video {name!r}", fix="1 means abnormal")
    return values.astype(bool)


def _by_name(arrays: Arrays, what: str, axes: int) -> dict[str, NDArray[Any]]:
    """Video name -> array. One array is one video; an unnamed video is named by its number, from 0."""
    if isinstance(arrays, Mapping):
        found = {str(name): np.asarray(each) for name, each in arrays.items()}
    else:
        several = not isinstance(arrays, np.ndarray) and any(np.ndim(each) == axes for each in arrays)  # pyright: ignore
        parts: Sequence[Any] = arrays if several else [arrays]  # pyright: ignore[reportAssignmentType]
        found = {str(number): np.asarray(each) for number, each in enumerate(parts)}
    for name, each in found.items():
        if each.ndim != axes or not each.size:
            form = "(F,)" if axes == 1 else "(F, H, W)"
            fix = f"give an array {form} for each video"
            raise DataError(f"has the shape {each.shape}, not {form}", where=f"{what} of video {name!r}", fix=fix)
    return found
