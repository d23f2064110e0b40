"""What held-out normal video says of a model: each component's scale, the weights and the alarm threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.alarms import alarm_threshold
from vadkit.core.protocol import Described, Protocol
from vadkit.evaluation.coverage import Imputed
from vadkit.evaluation.fusion import Fusion

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """Scores of one component on held-out normal video, in its own units."""

    mean: float
    std: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What stays with a model, to be used where no test set is.

    Attributes:
        videos: the normal videos that were held out.
        hours: their length; 0 if a frame rate is unknown.
        scales: component -> its scores on them.
        components: component -> weight and transforms.
        smoothing: transforms of the fused score.
        threshold: of the fused score; at it or above, an alarm is raised.
        false_alarms_per_hour: the rate that the threshold allows.
        protocol: name of the protocol that it was made under.
        test_tuned: whether something of the recipe was chosen with test labels.
    """

    videos: tuple[str, ...]
    hours: float
    scales: dict[str, Scale]
    components: dict[str, dict[str, Any]]
    smoothing: Described
    threshold: float
    false_alarms_per_hour: float
    protocol: str
    test_tuned: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def threshold_of(normal: Sequence[Imputed], scores: Sequence[Scores], per_hour: float) -> tuple[float | None, float]:
    """Alarm threshold of some scores of the normal videos, and the hours that it rests on; None without any."""
    return alarm_threshold(scores, [video.fps for video in normal], per_hour) if normal else (None, 0.0)


def calibrate(fusion: Fusion, protocol: Protocol) -> Calibration | None:
    """Everything that a fusion with its weights takes from held-out normal video; None if there is none."""
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


def _scale(scores: Sequence[Scores]) -> Scale:
    joined = np.concatenate(scores)
    return Scale(float(joined.mean()), float(joined.std()), float(joined.min()), float(joined.max()))
