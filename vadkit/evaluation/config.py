"""What an evaluation is given: scores and labels, and how they become metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import Metric, ScoreTransform
from vadkit.core.errors import VadkitError
from vadkit.core.protocol import Protocol
from vadkit.core.values import Labels
from vadkit.evaluation.bootstrap import ROUNDS
from vadkit.evaluation.fusion import ComponentFusion
from vadkit.store.scores import VideoScores


@dataclass(frozen=True, slots=True)
class EvaluationData:
    """Scores and labels.

    Attributes:
        videos: scores of the test videos.
        labels: video name -> ground truth. Videos without labels are not measured.
        normal: scores of held-out normal videos, for fitted transforms and the alarm threshold.
        synthetic: scores of held-out normal videos with synthetic anomalies, for fitted weights.
        synthetic_labels: video name -> (F,) bool, the frames of `synthetic` that contain an anomaly.
    """

    videos: Sequence[VideoScores]
    labels: Mapping[str, Labels]
    normal: Sequence[VideoScores] = ()
    synthetic: Sequence[VideoScores] = ()
    synthetic_labels: Mapping[str, NDArray[np.bool_]] | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """What an evaluation reads besides the scores of the test videos.

    Attributes:
        normal: why scores of held-out normal videos are needed; empty if they are not.
        synthetic: scores of held-out videos with synthetic anomalies.
        anomaly_maps: anomaly maps of the test videos.
        fps: the frame rate of every test video.
    """

    normal: str = ""
    synthetic: bool = False
    anomaly_maps: bool = False
    fps: bool = False

    def check_held_out(self, share: float) -> None:
        """Raise a VadkitError if normal videos are needed, and the recipe holds out a share of 0."""
        if self.normal and not share:
            what = f"{self.normal}, but no normal video is held out from training"
            fix = "add --set data.held_out=0.1, or choose another protocol, transform or metric"
            raise VadkitError(what, where="data.held_out", fix=fix)


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """How scores become metrics.

    Attributes:
        components: component -> weight and transforms.
        metrics: what is measured.
        protocol: `stride`, `min_windows` and `held_out` are those of the run; `labels` and `components` are
            filled in by the evaluator.
        smoothing: transforms of the fused score.
        seed: of the bootstrap and of the random scorer.
        rounds: number of bootstrap rounds; 0 gives no intervals.
        metric_settings: the metrics with their keys, as they are stored with the result.

    Raises:
        VadkitError: the protocol is deployable, and something needs the test video's future, other test
            videos or test labels.
    """

    components: Mapping[str, ComponentFusion]
    metrics: Sequence[Metric]
    protocol: Protocol
    smoothing: tuple[ScoreTransform, ...] = ()
    seed: int = 0
    rounds: int = ROUNDS
    metric_settings: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if self.protocol.deployable:
            self._refuse_future()

    @property
    def transforms(self) -> list[ScoreTransform]:
        """All transforms: those of the components, then those of the fused score."""
        return [*(one for part in self.components.values() for one in part.transforms), *self.smoothing]

    @property
    def needs(self) -> Needs:
        """What the evaluation reads besides the scores of the test videos."""
        return Needs(
            normal=self._why_normal(),
            synthetic=self.protocol.weights == "synthetic",
            anomaly_maps=any(metric.needs_anomaly_maps for metric in self.metrics),
            fps=any(metric.needs_fps for metric in self.metrics),
        )

    def _why_normal(self) -> str:
        protocol = self.protocol
        if fitted := [one for one in self.transforms if one.needs_normal]:
            return f"the transform {type(fitted[0]).__name__} is fitted on normal videos"
        if protocol.weights in ("normal", "synthetic"):
            return f"the weights are fitted ({protocol.weights}) on normal videos"
        if protocol.deployable:
            return f"protocol {protocol.name!r} takes its alarm threshold from normal videos"
        if metrics := [metric for metric in self.metrics if metric.needs_threshold]:
            return f"the metric {type(metrics[0]).__name__} takes its threshold from normal videos"
        return ""

    def _refuse_future(self) -> None:
        protocol = self.protocol
        named = [(f"component {name!r}", one) for name, part in self.components.items() for one in part.transforms]
        named += [("the fused score", one) for one in self.smoothing]
        if protocol.missing_scores in ("nearest", "min"):
            rule, fix = f"'missing_scores: {protocol.missing_scores}'", "set missing_scores: drop"
            what = f"{rule}: the missing scores would be taken from later frames or from other test videos"
        elif protocol.weights == "test":
            what, fix = "weights that are fitted to test labels", "set weights: fixed, normal or synthetic"
        elif late := [(where, one) for where, one in named if one.needs_future or one.scope != "video"]:
            where, transform = late[0]
            what = f"transform {type(transform).__name__} of {where}: it needs later frames or other test videos"
            fix = (
                "fit it on held-out normal video ('over: training'), smooth with 'exponential', "
                "or choose another protocol"
            )
        else:
            return
        what = f"protocol {protocol.name!r} is deployable and does not allow {what}"
        raise VadkitError(what, where="evaluate.protocol", fix=fix)
