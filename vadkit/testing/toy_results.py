"""Toy results: scored videos with labels, anomaly maps, masks and tracks, and the result of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Metric
from vadkit.core.values import ResultSummary, RunOrigin, RunResult, ScoredVideo, Track, VideoResult

HEIGHT, WIDTH = 12, 16
BOX = (4, 3, 10, 9)
FPS, THRESHOLD = 5.0, 1.5
LEVELS = 8  # distinct values of a map, so that a curve over thresholds is exact

WEIGHTS = {"reconstruction": 1.0, "likelihood": 0.5}

EVENTS = {"01": (40, 12, 24), "02": (30, 20, 30), "03": (50, 5, 15), "04": (36, 0, 0)}
"""Video -> number of frames, and the half-open range of the abnormal ones."""


def videos(*, seed: int = 0, skill: float = 3.0) -> list[ScoredVideo]:
    """Four videos in two scenes, one of them normal; `skill` is added to scores and maps of abnormal frames."""
    return [_video(index, name, seed, skill) for index, name in enumerate(EVENTS)]


def _video(index: int, name: str, seed: int, skill: float) -> ScoredVideo:
    frames, start, stop = EVENTS[name]
    random = np.random.default_rng([seed, index])
    labels = np.zeros(frames, np.bool_)
    labels[start:stop] = True
    scores = random.random(frames) + skill * labels
    x0, y0, x1, y1 = BOX
    masks = np.zeros((frames, HEIGHT, WIDTH), np.bool_)
    masks[start:stop, y0:y1, x0:x1] = True
    anomaly_maps = np.round(random.random(masks.shape) * (LEVELS - 3)) + np.where(masks, np.ceil(skill), 0)
    track = (Track("1", dict.fromkeys(range(start, stop), BOX)),) if stop > start else ()
    return ScoredVideo(
        name, scores, labels, scene=f"{index % 2}", fps=FPS, threshold=THRESHOLD,
        anomaly_maps=lambda: anomaly_maps, masks=lambda: masks, tracks=track, size=(HEIGHT, WIDTH),
    )  # fmt: skip


def with_declared_inputs(metric: Metric, found: Sequence[ScoredVideo]) -> list[ScoredVideo]:
    """The videos, reduced to the inputs that the metric declares."""
    without: dict[str, Any] = {}
    if not metric.needs_anomaly_maps:
        without |= {"anomaly_maps": None, "masks": None, "tracks": None, "size": None}
    if not metric.needs_threshold:
        without["threshold"] = None
    if not metric.needs_fps:
        without["fps"] = None
    return [replace(video, **without) for video in found]


def result(
    folder: Path,
    *,
    bare: bool = False,
    anomaly_maps: bool = False,
    names: Sequence[str] = tuple(EVENTS),
    value: float = 0.9,
) -> RunResult:
    """The result of a run: a reconstruction and a likelihood score, their fusion, and metrics.

    Args:
        folder: the run folder.
        bare: leave out labels, data set and summary, and so the metrics.
        anomaly_maps: keep anomaly maps, as for a reporter that needs them.
        names: names of the videos.
        value: value of the first metric.
    """
    found = [_scored(*pair, bare=bare, anomaly_maps=anomaly_maps) for pair in zip(names, videos(), strict=False)]
    metrics = {} if bare else {"micro_auc": value, "eer": 1 - value, "detection_delay": 1.2}
    frames = sum(video.fused.size for video in found)
    labelled: dict[str, Any] = {
        "coverage_min": 1,
        "coverage_mean": 7.5,
        "labelled_frames": frames,
        "abnormal_frames": 32,
        "chance": {"micro_auc": 0.5, "eer": 0.5},
        "run": RunOrigin(dimensions={"likelihood": 64}),
    }
    return RunResult(
        name="toy",
        folder=folder,
        metrics=metrics,
        components=dict.fromkeys(WEIGHTS, metrics),
        protocol={
            "name": "itae", "digest": "0123456789ab", "stride": 1, "missing_scores": "nearest",
            "components": {name: {"weight": weight} for name, weight in WEIGHTS.items()},
        },
        videos=found,
        summary=ResultSummary(videos=len(found), frames=frames, **({} if bare else labelled)),
        intervals={name: (one - 0.05, one + 0.05) for name, one in metrics.items()},
        groups={} if bare else {"video": dict.fromkeys(names[:2], metrics)},
        units={} if bare else {"detection_delay": "s"},
        read_frames=None if bare else _look,
    )  # fmt: skip


def _scored(name: str, video: ScoredVideo, *, bare: bool, anomaly_maps: bool) -> VideoResult:
    scores = {"reconstruction": video.scores, "likelihood": 40 + 2 * video.scores}
    return VideoResult(
        name,
        np.sum([WEIGHTS[component] * one for component, one in scores.items()], axis=0),
        scores,
        None if bare else video.labels,
        raw=scores,
        anomaly_maps=video.anomaly_maps if anomaly_maps else None,
    )


def _look(name: str, numbers: Sequence[int]) -> Sequence[NDArray[np.uint8]]:
    """Frames of any video; their brightness is the frame number."""
    del name
    return [np.full((HEIGHT, WIDTH, 1), number, np.uint8) for number in numbers]
