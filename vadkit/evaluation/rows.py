"""What is measured, row by row of the result's table: scores with labels, maps and an alarm threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.values import Labels, ScoredVideo, Track
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


class ResultRows:
    """The scores that are measured, row by row of the table, with the alarm threshold of each."""

    def __init__(self, cases: Sequence[Case], fusion: Fusion, calibration: Calibration | None, per_hour: float) -> None:
        self._fusion, self._per_hour = fusion, per_hour
        self._cases = [case for case in cases if case.labels is not None]
        self._threshold = calibration.threshold if calibration else None

    def fused(self) -> list[ScoredVideo]:
        """The final score, with its maps."""
        return self._row([case.fused.total for case in self._cases], self._threshold, anomaly_maps=True)

    def alone(self) -> Sequence[tuple[str, list[ScoredVideo]]]:
        """Each component by itself."""
        parts, normal = self._fusion.parts, self._fusion.normal
        if not self._cases:
            return []
        found: list[tuple[str, list[ScoredVideo]]] = []
        for name in parts:
            threshold = self._calibrated(self._fusion.scaled_normal[name])
            found.append((name, self._row([case.fused.components[name] for case in self._cases], threshold)))
        for name in self._cases[0].video.components:
            if name not in parts or parts[name].transforms:
                threshold = self._calibrated([video.components[name] for video in normal])
                raw = [case.video.components[name] for case in self._cases]
                found.append((f"{name} (raw)", self._row(raw, threshold)))
        return found

    def _calibrated(self, normal: Sequence[Scores]) -> float | None:
        threshold, _ = threshold_of(self._fusion.normal, normal, self._per_hour)
        return threshold

    def _row(
        self, scores: Sequence[Scores], threshold: float | None, *, anomaly_maps: bool = False
    ) -> list[ScoredVideo]:
        found: list[ScoredVideo] = []
        for case, one in zip(self._cases, scores, strict=True):
            labels, truth, video = case.labels, case.truth, case.video
            assert labels is not None
            assert truth is not None
            scored = ScoredVideo(video.name, one, labels, video.scene, video.fps, threshold)
            if anomaly_maps:
                kept = video.kept
                scored = replace(
                    scored,
                    anomaly_maps=partial(kept_of, video.anomaly_maps, kept) if video.anomaly_maps else None,
                    masks=partial(kept_of, truth.masks, kept) if truth.masks else None,
                    tracks=_kept_tracks(truth.tracks, kept) if truth.tracks is not None else None,
                    size=truth.size,
                )
            found.append(scored)
        return found


def fuse_cases(fusion: Fusion, videos: Sequence[Imputed], labels: Mapping[str, Labels]) -> list[Case]:
    """Each video with its final score and its labels."""
    return [Case(one, fused, labels.get(one.name)) for one, fused in zip(videos, fusion(videos), strict=True)]


def kept_of(read: Callable[[], NDArray[Any]], kept: NDArray[np.bool_]) -> NDArray[Any]:
    """Maps or masks of the frames that count."""
    everything = read()
    # Lengths that differ are for the metric to refuse, who knows what they belong to.
    return everything if kept.all() or len(everything) != kept.size else everything[kept]


def _kept_tracks(tracks: Sequence[Track], kept: NDArray[np.bool_]) -> tuple[Track, ...]:
    place = np.cumsum(kept) - 1
    return tuple(
        Track(track.identity, {int(place[frame]): box for frame, box in track.boxes.items() if kept[frame]})
        for track in tracks
    )
