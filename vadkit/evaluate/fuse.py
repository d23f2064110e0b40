"""Components to the final score: each one's transforms, then the weighted sum (Eq. 14)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vadkit.contracts import Transform
from vadkit.errors import DataError, closest
from vadkit.evaluate.frames import Covered


@dataclass(frozen=True, slots=True)
class Part:
    """How one component enters the final score.

    Attributes:
        weight: factor after the transforms; 0 measures the component without fusing it.
        transforms: applied in order.
        described: the same transforms as `describe` gives them, for the protocol.
    """

    weight: float = 1.0
    transforms: tuple[Transform, ...] = ()
    described: tuple[Mapping[str, Any], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Weight and transforms, as the protocol stores them."""
        return {"weight": self.weight, "transform": [dict(keys) for keys in self.described]}


@dataclass(frozen=True, slots=True)
class FusedVideo:
    """One video's final score and what it was made of.

    Attributes:
        total: (F',), the weighted sum.
        components: name -> (F',), after its transforms, before its weight.
        constant: components whose score was the same in every frame of the video.
    """

    total: NDArray[np.float64]
    components: Mapping[str, NDArray[np.float64]]
    constant: tuple[str, ...]


def fuse(videos: Sequence[Covered], parts: Mapping[str, Part], normal: Sequence[Covered] = ()) -> list[FusedVideo]:
    """Fit the transforms on normal videos, apply them video by video, and add up (Eq. 14).

    Args:
        videos: test videos.
        parts: component -> how it enters.
        normal: held-out normal videos, for transforms that are fitted.

    Returns:
        One result for each of `videos`, in their order.

    Raises:
        DataError: nothing is fused, a component is not among the scores, or a transform
            gives another number of frames or something that is not finite.
    """
    if not parts:
        raise DataError("no component is fused", where="fuse", fix="name at least one entry of 'scores'")
    for video in (*videos, *normal):
        if unknown := [name for name in parts if name not in video.components]:
            raise DataError(
                f"component {unknown[0]!r} is not among the scores of video {video.name!r}",
                where="fuse",
                fix=closest(unknown[0], video.components),
            )
    for name, part in parts.items():
        _fit(part.transforms, [video.components[name] for video in normal])
    return [_fuse_one(video, parts) for video in videos]


def _fit(transforms: Sequence[Transform], normal: list[NDArray[np.float64]]) -> None:
    # Each transform is fitted on what it will see: the output of those before it.
    for transform in transforms:
        transform.fit(normal)
        normal = [transform(scores) for scores in normal]


def _fuse_one(video: Covered, parts: Mapping[str, Part]) -> FusedVideo:
    components = {name: _transformed(video, name, part) for name, part in parts.items()}
    total = np.sum([part.weight * components[name] for name, part in parts.items()], axis=0)
    if not np.isfinite(total).all():
        raise DataError("the weighted sum is not finite", where=f"video {video.name!r}", fix="check the weights")
    constant = tuple(name for name in parts if video.components[name].min() == video.components[name].max())
    return FusedVideo(total, components, constant)


def _transformed(video: Covered, name: str, part: Part) -> NDArray[np.float64]:
    scores = video.components[name]
    for transform in part.transforms:
        before, scores = scores, np.asarray(transform(scores), np.float64)
        where = f"video {video.name!r}, component {name!r}, transform {type(transform).__name__}"
        if scores.shape != before.shape:
            raise DataError(f"{before.size} frames went in, shape {scores.shape} came out", where=where)
        if bad := int((~np.isfinite(scores)).sum()):
            raise DataError(f"{bad} of {scores.size} scores became NaN or infinite", where=where)
    return scores
