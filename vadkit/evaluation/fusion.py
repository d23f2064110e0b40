"""Fuses component scores to the final score: score transforms, the weighted sum (Eq. 14), smoothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.core.contracts import ScoreTransform
from vadkit.core.errors import DataError, closest
from vadkit.evaluation.coverage import Imputed

Scores = NDArray[np.float64]
_FUSED = "the fused score"


@dataclass(frozen=True, slots=True)
class ComponentFusion:
    """How one component enters the final score.

    Attributes:
        weight: factor after the transforms; 0 leaves the component out of the sum, but it is still measured.
        transforms: score transforms, applied in order.
        described: plain descriptions of the transforms (`describe`), for the protocol.
    """

    weight: float = 1.0
    transforms: tuple[ScoreTransform, ...] = ()
    described: tuple[Mapping[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Weight and transforms in the form that the protocol stores."""
        return {"weight": self.weight, "transform": [dict(keys) for keys in self.described]}


@dataclass(frozen=True, slots=True)
class FusedVideo:
    """The final score of one video, with its components.

    Attributes:
        total: (F',), the weighted sum, smoothed.
        components: name -> (F',), after its transforms, before its weight.
        constant: components with the same score in every frame of the video.
    """

    total: Scores
    components: Mapping[str, Scores]
    constant: tuple[str, ...]


@dataclass(slots=True)
class Fusion:
    """Fits score transforms on normal videos and applies them to other videos.

    `set_weights` changes the weights at any time.

    Args:
        parts: component -> its weight and transforms.
        smoothing: score transforms of the weighted sum.
        normal: held-out normal videos, for transforms that are fitted.

    Attributes:
        scaled_normal: component -> its transformed scores on each normal video.

    Raises:
        DataError: nothing is fused, or a component is not among the scores.
    """

    parts: dict[str, ComponentFusion]
    smoothing: tuple[ScoreTransform, ...] = ()
    normal: Sequence[Imputed] = ()
    scaled_normal: dict[str, list[Scores]] = field(init=False)

    def __post_init__(self) -> None:
        if not self.parts:
            raise DataError("no component is fused", where="fuse", fix="name at least one entry of 'scores'")
        self.scaled_normal = self.scale(self.normal, fit=True)
        self._fit_smoothing()

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Set the weights of components: component -> factor."""
        for name, weight in weights.items():
            self.parts[name] = replace(self.parts[name], weight=weight)
        self._fit_smoothing()

    def _fit_smoothing(self) -> None:
        _apply_all(self.smoothing, self.normal, self._sums(self.normal, self.scaled_normal), _FUSED, fit=True)

    def scale(self, videos: Sequence[Imputed], *, fit: bool = False) -> dict[str, list[Scores]]:
        """Apply each component's transforms: component -> transformed scores of each video, (F',). `fit` fits them too.

        Raises:
            DataError: a component is not among the scores, or a transform's output has another number of frames
                or is not finite.
        """
        for video in videos:
            if unknown := [name for name in self.parts if name not in video.components]:
                what = f"component {unknown[0]!r} is not among the scores of video {video.name!r}"
                raise DataError(what, where="fuse", fix=closest(unknown[0], video.components))
        scaled: dict[str, list[Scores]] = {}
        for name, part in self.parts.items():
            scores = [video.components[name] for video in videos]
            scaled[name] = _apply_all(part.transforms, videos, scores, f"component {name!r}", fit=fit)
        return scaled

    def total(self, videos: Sequence[Imputed], scaled: Mapping[str, Sequence[Scores]]) -> list[Scores]:
        """Compute the final score of each video, (F',), from the transformed scores of `scale`.

        Raises:
            DataError: a score is not finite.
        """
        return _apply_all(self.smoothing, videos, self._sums(videos, scaled), _FUSED)

    def __call__(self, videos: Sequence[Imputed]) -> list[FusedVideo]:
        """Fuse the scores of each video; the results have the order of `videos`."""
        scaled, fused = self.scale(videos), list[FusedVideo]()
        for index, (video, total) in enumerate(zip(videos, self.total(videos, scaled), strict=True)):
            raw = {name: video.components[name] for name in self.parts}
            constant = tuple(name for name, scores in raw.items() if scores.min() == scores.max())
            fused.append(FusedVideo(total, {name: scaled[name][index] for name in self.parts}, constant))
        return fused

    def _sums(self, videos: Sequence[Imputed], scaled: Mapping[str, Sequence[Scores]]) -> list[Scores]:
        sums: list[Scores] = []
        for index, video in enumerate(videos):
            sums.append(np.sum([part.weight * scaled[name][index] for name, part in self.parts.items()], axis=0))
            if not np.isfinite(sums[-1]).all():
                raise DataError(
                    "the weighted sum is not finite", where=f"video {video.name!r}", fix="check the weights"
                )
        return sums


def _apply_all(
    transforms: Sequence[ScoreTransform],
    videos: Sequence[Imputed],
    scores: list[Scores],
    score_name: str,
    *,
    fit: bool = False,
) -> list[Scores]:
    """Apply transforms in order. Each one is fitted, if at all, on the output of those before it."""
    for transform in transforms:
        if fit:
            transform.fit(scores)
        scores = _apply(transform, videos, scores, score_name)
    return scores


def _apply(transform: ScoreTransform, videos: Sequence[Imputed], scores: list[Scores], score_name: str) -> list[Scores]:
    """Apply one transform to the scores of each scope."""
    results: list[Scores] = list(scores)
    for members in _scopes(transform, videos):
        joined = np.concatenate([scores[index] for index in members])
        output = np.asarray(transform(joined), np.float64)
        more = f" and {len(members) - 1} more" if len(members) > 1 else ""
        where = f"video {videos[members[0]].name!r}{more}, {score_name}, score transform {type(transform).__name__}"
        if output.shape != joined.shape:
            what = f"gives shape {output.shape} for {joined.size} frames"
            raise DataError(what, where=where, fix="return one score per frame")
        if bad := int((~np.isfinite(output)).sum()):
            what = f"makes {bad} of {output.size} scores NaN or infinite"
            raise DataError(what, where=where, fix="choose other settings, or another score transform")
        ends = np.cumsum([scores[index].size for index in members])[:-1]
        for index, part in zip(members, np.split(output, ends), strict=True):
            results[index] = part
    return results


def _scopes(transform: ScoreTransform, videos: Sequence[Imputed]) -> list[list[int]]:
    """Indices of the videos that one call of the transform gets together."""
    if transform.scope == "video":
        return [[index] for index in range(len(videos))]
    groups: dict[str, list[int]] = {}
    for index, video in enumerate(videos):
        groups.setdefault(video.scene if transform.scope == "scene" else "", []).append(index)
    return list(groups.values())
