"""Components to the final score: each one's transforms, the weighted sum (Eq. 14), smoothing."""

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
        weight: factor after the transforms; 0 measures the component without fusing it.
        transforms: applied in order.
        described: the same transforms as `describe` gives them, for the protocol.
    """

    weight: float = 1.0
    transforms: tuple[ScoreTransform, ...] = ()
    described: tuple[Mapping[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Weight and transforms, as the protocol stores them."""
        return {"weight": self.weight, "transform": [dict(keys) for keys in self.described]}


@dataclass(frozen=True, slots=True)
class FusedVideo:
    """One video's final score and what it was made of.

    Attributes:
        total: (F',), the weighted sum, smoothed.
        components: name -> (F',), after its transforms, before its weight.
        constant: components whose score was the same in every frame of the video.
    """

    total: Scores
    components: Mapping[str, Scores]
    constant: tuple[str, ...]


@dataclass(slots=True)
class Fusion:
    """Transforms fitted on normal videos, then applied to any; weights may be changed in between.

    Args:
        parts: component -> how it enters.
        smoothing: transforms of the sum.
        normal: held-out normal videos, for transforms that are fitted.

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
        self._check(self.normal)
        # Each transform is fitted on what it will see: the output of those before it.
        self.scaled_normal = {
            name: _fitted(part.transforms, self.normal, [video.components[name] for video in self.normal], _of(name))
            for name, part in self.parts.items()
        }
        self._fit_smoothing()

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Change weights: component -> factor."""
        for name, weight in weights.items():
            self.parts[name] = replace(self.parts[name], weight=weight)
        self._fit_smoothing()

    def _fit_smoothing(self) -> None:
        _fitted(self.smoothing, self.normal, self._sums(self.normal, self.scaled_normal), _FUSED)

    def scale(self, videos: Sequence[Imputed]) -> dict[str, list[Scores]]:
        """Component -> scores of each video, (F',), after its transforms.

        Raises:
            DataError: a component is not among the scores, or a transform gives another number
                of frames or something that is not finite.
        """
        self._check(videos)
        return {
            name: _applied(part.transforms, videos, [video.components[name] for video in videos], _of(name))
            for name, part in self.parts.items()
        }

    def total(self, videos: Sequence[Imputed], scaled: Mapping[str, Sequence[Scores]]) -> list[Scores]:
        """The final score of each video, (F',), from what `scale` gave.

        Raises:
            DataError: it is not finite.
        """
        return _applied(self.smoothing, videos, self._sums(videos, scaled), _FUSED)

    def __call__(self, videos: Sequence[Imputed]) -> list[FusedVideo]:
        """One result for each of `videos`, in their order."""
        scaled = self.scale(videos)
        totals = self.total(videos, scaled)
        return [
            FusedVideo(total, {name: scaled[name][index] for name in self.parts}, _constant(video, self.parts))
            for index, (video, total) in enumerate(zip(videos, totals, strict=True))
        ]

    def _sums(self, videos: Sequence[Imputed], scaled: Mapping[str, Sequence[Scores]]) -> list[Scores]:
        sums: list[Scores] = []
        for index, video in enumerate(videos):
            sums.append(np.sum([part.weight * scaled[name][index] for name, part in self.parts.items()], axis=0))
            if not np.isfinite(sums[-1]).all():
                raise DataError(
                    "the weighted sum is not finite", where=f"video {video.name!r}", fix="check the weights"
                )
        return sums

    def _check(self, videos: Sequence[Imputed]) -> None:
        for video in videos:
            if unknown := [name for name in self.parts if name not in video.components]:
                raise DataError(
                    f"component {unknown[0]!r} is not among the scores of video {video.name!r}",
                    where="fuse",
                    fix=closest(unknown[0], video.components),
                )


def _of(component: str) -> str:
    return f"component {component!r}"


def _constant(video: Imputed, parts: Mapping[str, ComponentFusion]) -> tuple[str, ...]:
    return tuple(name for name in parts if video.components[name].min() == video.components[name].max())


def _fitted(
    transforms: Sequence[ScoreTransform], videos: Sequence[Imputed], scores: list[Scores], what: str
) -> list[Scores]:
    for transform in transforms:
        transform.fit(scores)
        scores = _apply(transform, videos, scores, what)
    return scores


def _applied(
    transforms: Sequence[ScoreTransform], videos: Sequence[Imputed], scores: list[Scores], what: str
) -> list[Scores]:
    for transform in transforms:
        scores = _apply(transform, videos, scores, what)
    return scores


def _apply(transform: ScoreTransform, videos: Sequence[Imputed], scores: list[Scores], what: str) -> list[Scores]:
    """One transform, scope by scope."""
    results: list[Scores] = list(scores)
    for members in _scopes(transform, videos):
        joined = np.concatenate([scores[index] for index in members])
        given = np.asarray(transform(joined), np.float64)
        more = f" and {len(members) - 1} more" if len(members) > 1 else ""
        where = f"video {videos[members[0]].name!r}{more}, {what}, transform {type(transform).__name__}"
        if given.shape != joined.shape:
            raise DataError(f"{joined.size} frames went in, shape {given.shape} came out", where=where)
        if bad := int((~np.isfinite(given)).sum()):
            raise DataError(f"{bad} of {given.size} scores became NaN or infinite", where=where)
        ends = np.cumsum([scores[index].size for index in members])[:-1]
        for index, part in zip(members, np.split(given, ends), strict=True):
            results[index] = part
    return results


def _scopes(transform: ScoreTransform, videos: Sequence[Imputed]) -> list[list[int]]:
    """The videos that one call sees together."""
    if transform.scope == "video":
        return [[index] for index in range(len(videos))]
    found: dict[str, list[int]] = {}
    for index, video in enumerate(videos):
        found.setdefault(video.scene if transform.scope == "scene" else "", []).append(index)
    return list(found.values())
