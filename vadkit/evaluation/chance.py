"""A scorer that knows nothing, judged by the same rules."""

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
from vadkit.evaluation.rows import ResultRows, fuse_cases
from vadkit.store.scores import VideoScores


def random_scorer(
    videos: Sequence[VideoScores],
    normal: Sequence[VideoScores],
    labels: Mapping[str, Labels],
    fusion: Fusion,
    protocol: Protocol,
) -> Callable[[np.random.Generator], list[ScoredVideo]]:
    """What draws random scores where there are scores, and gives what the protocol makes of them.

    Components are random, on test videos and on the normal ones that transforms and the threshold rest
    on; then they are covered, transformed, weighted and smoothed like any others. Maps are random too.
    """

    def draw(random: np.random.Generator) -> list[ScoredVideo]:
        covered = impute([_randomised(video, fusion.parts, random) for video in videos], protocol.missing_scores)
        known = impute([_randomised(video, fusion.parts, random) for video in normal], protocol.missing_scores)
        # Copies, for fitting them on noise must not change what the result was made with.
        other = Fusion(copy.deepcopy(fusion.parts), copy.deepcopy(fusion.smoothing), known)
        cases = fuse_cases(other, covered, labels)
        return ResultRows(cases, other, calibrate(other, protocol), protocol.false_alarms_per_hour).fused()

    return draw


def _randomised(video: VideoScores, components: Mapping[str, Any], random: np.random.Generator) -> VideoScores:
    noise = {
        name: np.where(np.isnan(video.components[name]), np.nan, random.random(video.coverage.shape))
        for name in components
    }
    anomaly_maps = (
        partial(_random_maps, video.anomaly_maps, int(random.integers(2**63))) if video.anomaly_maps else None
    )
    return replace(video, components=noise, anomaly_maps=anomaly_maps)


def _random_maps(read: Callable[[], NDArray[Any]], seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random(read().shape, dtype=np.float32)
