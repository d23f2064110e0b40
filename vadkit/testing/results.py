"""Toy results: scored videos with labels, maps, masks and tracks, and what a run came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.contracts import Metric
from vadkit.values import RunResult, ScoredVideo, Track, VideoResult

HEIGHT, WIDTH = 12, 16
BOX = (4, 3, 10, 9)
FPS, THRESHOLD = 5.0, 1.5
LEVELS = 8  # distinct values of a map, so that a curve over thresholds is exact

EVENTS = {"01": (40, 12, 24), "02": (30, 20, 30), "03": (50, 5, 15), "04": (36, 0, 0)}
"""Video -> frames, and the half-open range of its abnormal ones."""


def videos(*, seed: int = 0, skill: float = 3.0) -> list[ScoredVideo]:
    """Four videos in two scenes, one of them normal; `skill` is added to scores and maps where it is abnormal."""
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
    maps = np.round(random.random(masks.shape) * (LEVELS - 3)) + np.where(masks, np.ceil(skill), 0)
    track = (Track("1", dict.fromkeys(range(start, stop), BOX)),) if stop > start else ()
    return ScoredVideo(
        name, scores, labels, scene=f"{index % 2}", fps=FPS, threshold=THRESHOLD,
        maps=lambda: maps, masks=lambda: masks, tracks=track, size=(HEIGHT, WIDTH),
    )  # fmt: skip


def lent(metric: Metric, found: Sequence[ScoredVideo]) -> list[ScoredVideo]:
    """The videos with no more than the metric says that it needs."""
    without: dict[str, Any] = {}
    if not metric.needs_maps:
        without |= {"maps": None, "masks": None, "tracks": None, "size": None}
    if not metric.needs_threshold:
        without["threshold"] = None
    if not metric.needs_fps:
        without["fps"] = None
    return [replace(video, **without) for video in found]


def result(
    folder: Path, *, labelled: bool = True, names: Sequence[str] = tuple(EVENTS), value: float = 0.9
) -> RunResult:
    """What a run came to; without labels nothing is measured."""
    found = [
        VideoResult(name, video.scores, {"reconstruction": video.scores * 0.5}, video.labels if labelled else None)
        for name, video in zip(names, videos(), strict=False)
    ]
    metrics = {"micro_auc": value, "eer": 1 - value, "detection_delay": 1.2} if labelled else {}
    frames = sum(video.fused.size for video in found)
    facts: dict[str, Any] = {"videos": len(found), "frames": frames, "coverage_min": 1, "coverage_mean": 7.5}
    if labelled:
        facts |= {"labelled_frames": frames, "abnormal_frames": 32, "chance": {"micro_auc": 0.5, "eer": 0.5}}
    return RunResult(
        name="toy",
        folder=folder,
        metrics=metrics,
        components={"reconstruction": metrics},
        protocol={"name": "itae", "digest": "0123456789ab", "stride": 1, "uncovered": "nearest"},
        videos=found,
        facts=facts,
        intervals={name: (one - 0.05, one + 0.05) for name, one in metrics.items()},
        groups={"video": dict.fromkeys(names[:2], metrics)} if labelled else {},
        units={"detection_delay": "s"} if labelled else {},
    )
