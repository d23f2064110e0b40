"""Fuses the scores of a live video, block by block."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vadkit.core.errors import DataError, VadkitError
from vadkit.evaluation.coverage import Imputed
from vadkit.evaluation.fusion import Fusion

HISTORY = 1 << 14  # earlier frames that a score transform gets
_TOLERANCE = 1e-3  # standard deviations


class OnlineFusion:
    """Fuses the scores of one video, block by block; the transforms of `fusion` must need no later frames."""

    def __init__(self, fusion: Fusion) -> None:
        self._fusion = fusion
        self._past = {name: np.empty(0) for name in fusion.parts}

    def __call__(self, components: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """Fuse the scores of the frames that follow those of the last call.

        Component -> scores (n,) become fused scores (n,). Frames without a score are NaN.

        Raises:
            DataError: a score is infinite.
        """
        new = {name: components[name] for name in self._past}
        if infinite := [name for name, scores in new.items() if np.isinf(scores).any()]:
            raise DataError(f"component {infinite[0]!r} became infinite")
        scored = ~np.isnan(list(components.values())).any(axis=0)  # the same rule as for a complete video
        total = np.full(scored.shape, np.nan)
        count = int(scored.sum())
        if not count:
            return total
        joined = {name: np.concatenate([self._past[name], scores[scored]]) for name, scores in new.items()}
        size = len(next(iter(joined.values())))
        video = Imputed("live", "", joined, np.ones(size, bool), np.zeros(size, bool))
        total[scored] = self._fusion([video])[0].total[-count:]
        self._past = {name: scores[-HISTORY:] for name, scores in joined.items()}
        return total


def check_lookback(fusion: Fusion) -> None:
    """Refuse score transforms that need more than the last `HISTORY` frames: their live scores would differ.

    Raises:
        VadkitError: a transform needs more frames.
    """
    noise = np.random.default_rng(0).normal(size=2 * HISTORY)
    chains = {f"fuse.{name}": part.transforms for name, part in fusion.parts.items()}
    for where, transforms in {**chains, "evaluate.protocol.smoothing": fusion.smoothing}.items():
        full, recent = noise, noise[HISTORY:]
        for transform in transforms:
            full, recent = transform(full), transform(recent)
            if abs(full[-1] - recent[-1]) > _TOLERANCE * max(float(np.std(full[HISTORY:])), 1e-12):
                what = f"the score transform {type(transform).__name__} needs more than the last {HISTORY} frames"
                fix = "shorten its memory, for example the half_life of 'exponential'"
                raise VadkitError(what, where=where, fix=fix)
