"""What is measured, row by row of the result's table: scores with labels, maps and an alarm threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.protocol import Protocol
from vadkit.core.values import Detections, Labels, ScoredVideo, Track
from vadkit.evaluation.calibration import Calibration, threshold_of
from vadkit.evaluation.coverage import Imputed
from vadkit.evaluation.fusion import FusedVideo, Fusion

Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """One test video: its scores before and after fusion, and its labels (F',) if it has any."""

    video: Imputed
    fused: FusedVideo
    truth: Labels | None

    @property
    def labels(self) -> NDArray[np.bool_] | None:
        """(F',) bool of the frames that count."""
        return self.truth.frames[self.video.kept] if self.truth is not None else None


def fused_row(cases: Sequence[Case], calibration: Calibration | None) -> list[ScoredVideo]:
    """The final scores of the labelled videos, with their maps and the alarm threshold."""
    threshold = calibration.threshold if calibration else None
    return [_scored(case, case.fused.total, threshold, anomaly_maps=True) for case in cases if case.truth is not None]


def component_rows(
    cases: Sequence[Case], fusion: Fusion, protocol: Protocol
) -> Iterator[tuple[str, list[ScoredVideo]]]:
    """Each component by itself: its name in the table, and its scores, each with its own alarm threshold."""
    cases, per_hour = [case for case in cases if case.truth is not None], protocol.false_alarms_per_hour
    if not cases:
        return
    for name, normal in fusion.scaled_normal.items():
        threshold, _ = threshold_of(fusion.normal, normal, per_hour)
        yield name, [_scored(case, case.fused.components[name], threshold) for case in cases]
    for name in cases[0].video.components:
        if name not in fusion.parts or fusion.parts[name].transforms:
            normal = [video.components[name] for video in fusion.normal]
            threshold, _ = threshold_of(fusion.normal, normal, per_hour)
            yield f"{name} (raw)", [_scored(case, case.video.components[name], threshold) for case in cases]


def _scored(case: Case, scores: Scores, threshold: float | None, *, anomaly_maps: bool = False) -> ScoredVideo:
    video, truth, kept = case.video, case.truth, case.video.kept
    assert truth is not None
    labels = truth.frames[kept]
    times = None if video.times is None else video.times[kept]
    scored = ScoredVideo(
        video.name, scores, labels, video.scene, video.fps, threshold, can_alarm=video.can_alarm, times=times
    )
    if not anomaly_maps:
        return scored
    return replace(
        scored,
        anomaly_maps=partial(kept_of, video.anomaly_maps, kept) if video.anomaly_maps else None,
        masks=partial(kept_of, truth.masks, kept) if truth.masks else None,
        tracks=_kept_tracks(truth.tracks, kept) if truth.tracks is not None else None,
        size=truth.size,
        detections=_kept_detections(video.detections, kept) if video.detections is not None else None,
    )


def fuse_cases(fusion: Fusion, videos: Sequence[Imputed], labels: Mapping[str, Labels]) -> list[Case]:
    """Each video with its final score and its labels.

    Scores are fused at the frame rate of the model. Then each frame of the video gets the score of the nearest frame.
    """
    cases: list[Case] = []
    for video, fused in zip(videos, fusion(videos), strict=True):
        if video.sampling is not None:
            video, index = video.spread()
            components = {name: scores[index] for name, scores in fused.components.items()}
            fused = replace(fused, total=fused.total[index], components=components)
        cases.append(Case(video, fused, labels.get(video.name)))
    return cases


def kept_of(read: Callable[[], NDArray[Any]], kept: NDArray[np.bool_]) -> NDArray[Any]:
    """Maps or masks of the frames that count."""
    everything = read()
    # Lengths that differ are for the metric to refuse, who knows what they belong to.
    return everything if kept.all() or len(everything) != kept.size else everything[kept]


def _kept_detections(found: Detections, kept: NDArray[np.bool_]) -> Detections:
    """The boxes in the frames that count, with the numbers of these frames."""
    inside = kept[found.frames]
    return Detections((np.cumsum(kept) - 1)[found.frames[inside]], found.boxes[inside], found.scores[inside])


def _kept_tracks(tracks: Sequence[Track], kept: NDArray[np.bool_]) -> tuple[Track, ...]:
    place = np.cumsum(kept) - 1
    return tuple(
        Track(track.identity, {int(place[frame]): box for frame, box in track.boxes.items() if kept[frame]})
        for track in tracks
    )
