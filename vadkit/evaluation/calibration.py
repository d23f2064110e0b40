"""Calibration on held-out normal videos: the components' scales, the weights and the alarm threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.alarms import alarm_threshold, levels
from vadkit.core.protocol import Described, Protocol
from vadkit.evaluation.coverage import Imputed
from vadkit.evaluation.fusion import Fusion

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that is needed to use a model without a test set.

    Attributes:
        videos: names of the held-out normal videos.
        hours: total length of these videos; 0 if a frame rate is unknown.
        scales: component -> mean, std, low and high of its scores on these videos, before its transforms.
        components: component -> weight and score transforms.
        smoothing: score transforms of the fused score.
        threshold: fused scores at or above it raise an alarm.
        false_alarms_per_hour: the rate of false alarms that the threshold allows.
        protocol: name of the protocol of the calibration.
        test_tuned: whether the recipe was tuned with test labels.
    """

    videos: tuple[str, ...]
    hours: float
    scales: dict[str, dict[str, float]]
    components: dict[str, dict[str, Any]]
    smoothing: Described
    threshold: float
    false_alarms_per_hour: float
    protocol: str
    test_tuned: bool


def threshold_of(normal: Sequence[Imputed], scores: Sequence[Scores], per_hour: float) -> tuple[float | None, float]:
    """The alarm threshold for a rate of false alarms, from the score of each normal video, (F',).

    Frames that cannot raise an alarm do not count, except in the length.

    Returns:
        The threshold (None without videos), and the total length of the videos in hours.
    """
    if not normal:
        return None, 0.0
    counted = [levels(total, video.can_alarm) for video, total in zip(normal, scores, strict=True)]
    return alarm_threshold(counted, [video.fps for video in normal], per_hour)


def calibrate(fusion: Fusion, protocol: Protocol) -> Calibration | None:
    """Calibrate a fusion, with its weights, on its held-out normal videos; None if there are none."""
    totals = fusion.total(fusion.normal, fusion.scaled_normal)
    threshold, hours = threshold_of(fusion.normal, totals, protocol.false_alarms_per_hour)
    if threshold is None:
        return None
    return Calibration(
        videos=tuple(video.name for video in fusion.normal),
        hours=hours,
        scales={name: _scale([video.components[name] for video in fusion.normal]) for name in fusion.parts},
        components={name: part.as_dict() for name, part in fusion.parts.items()},
        smoothing=protocol.smoothing,
        threshold=threshold,
        false_alarms_per_hour=protocol.false_alarms_per_hour,
        protocol=protocol.name,
        test_tuned=protocol.test_tuned,
    )


def _scale(scores: Sequence[Scores]) -> dict[str, float]:
    joined = np.concatenate(scores)
    values = {"mean": joined.mean(), "std": joined.std(), "low": joined.min(), "high": joined.max()}
    return {name: float(value) for name, value in values.items()}
