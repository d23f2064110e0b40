"""The random scorer behind the chance level, evaluated by the same rules as the model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.protocol import Protocol
from vadkit.core.values import Labels, ScoredVideo
from vadkit.evaluation.calibration import calibrate
from vadkit.evaluation.coverage import impute
from vadkit.evaluation.fusion import Fusion
from vadkit.evaluation.rows import fuse_cases, fused_row
from vadkit.store.scores import VideoScores


def random_scorer(
    videos: Sequence[VideoScores],
    normal: Sequence[VideoScores],
    labels: Mapping[str, Labels],
    fusion: Fusion,
    protocol: Protocol,
) -> Callable[[np.random.Generator], list[ScoredVideo]]:
    """Return a function that draws random scores and evaluates them under the protocol.

    A draw replaces every score of a component by a random number, on test videos and on normal videos. Then
    it imputes, transforms, weights and smooths the random scores, as for a model. Anomaly maps are random too.
    Detected boxes keep their places in the picture, but have random frames and scores.
    `fusion` is that of the model's scores; it is not changed.
    """

    def draw(random: np.random.Generator) -> list[ScoredVideo]:
        test, held_out = (
            impute(
                [_randomise(video, fusion.parts, random) for video in some],
                protocol.missing_scores,
                min_windows=protocol.min_windows,
            )
            for some in (videos, normal)
        )
        # Copies, because fitting on random scores must not change the model's fusion.
        random_fusion = Fusion(copy.deepcopy(fusion.parts), copy.deepcopy(fusion.smoothing), held_out)
        return fused_row(fuse_cases(random_fusion, test, labels), calibrate(random_fusion, protocol))

    return draw


def _randomise(video: VideoScores, components: Mapping[str, Any], random: np.random.Generator) -> VideoScores:
    noise = {
        name: np.where(np.isnan(video.components[name]), np.nan, random.random(video.coverage.shape))
        for name in components
    }
    anomaly_maps = (
        partial(_random_maps, video.anomaly_maps, int(random.integers(2**63))) if video.anomaly_maps else None
    )
    found = video.detections
    detections = None
    if found is not None:
        frames = random.integers(video.coverage.size, size=found.frames.size)
        detections = replace(found, frames=frames, scores=random.random(found.scores.shape))
    return replace(video, components=noise, anomaly_maps=anomaly_maps, detections=detections)


def _random_maps(read: Callable[[], NDArray[Any]], seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random(read().shape, dtype=np.float32)
