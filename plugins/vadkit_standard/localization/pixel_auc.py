"""The pixel-level criterion of the UCSD data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, Metric, ScoredVideo, VadkitError
from vadkit_standard.localization.reading import read_maps, read_masks
from vadkit_standard.ranking import Ranking


class PixelAUC(Metric):
    """Pixel-level AUC (Li, Mahadevan and Vasconcelos, PAMI 2014).

    At a threshold, an abnormal frame is a true positive if at least `overlap` of its abnormal
    pixels are at or above it, and a normal frame is a false positive if any pixel is. So the
    ROC is that of one score a frame: where abnormal, the k-th largest value of the map within
    the mask of n pixels, k = ceil(overlap * n); where normal, the map's maximum. Ties count half.

    Pixels are those of the map. A coarser map's pixel is abnormal if any pixel of the mask in
    its cell is; a finer map takes the mask's nearest pixel. The frame labels say which frames are
    abnormal; an abnormal frame whose mask is empty is left out. NaN in a map lies below every
    threshold. Only masks count, not tracks; a video of normal frames needs none.

    Random maps do not get 0.5, but next to 0: a maximum over the whole frame is high.

    Args:
        overlap: the share of abnormal pixels that must be found.
    """

    needs_anomaly_maps: ClassVar[bool] = True
    chance_draws: ClassVar[int] = 1

    def __init__(self, *, overlap: float = 0.4) -> None:
        if not 0 < overlap <= 1:
            raise VadkitError(f"overlap must lie in (0, 1], not {overlap}")
        self.overlap = overlap

    def compute(self, videos: Sequence[ScoredVideo]) -> dict[str, float]:
        """-> `pixel_auc`.

        Raises:
            DataError: a video has no maps or no masks, or they do not fit its labels; or all
                frames are of one class.
        """
        return self.resampled(videos)(np.ones(len(videos), np.int64))

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Reads the maps and sorts the frames once."""
        found = [ScoredVideo(video.name, *frame_scores(video, self.overlap)) for video in videos]
        ranking = Ranking(found)

        def measure(times: NDArray[np.int64]) -> dict[str, float]:
            curve = ranking.curve(times)
            if not curve.defined:
                raise DataError(
                    f"{curve.true[-1]} frames with an abnormal pixel and {curve.false[-1]} normal frames in "
                    f"{int(times.sum())} videos: no ROC without both",
                    where="pixel_auc",
                    fix="check masks and labels, or leave this metric out",
                )
            return {"pixel_auc": curve.auc()}

        return measure


def frame_scores(video: ScoredVideo, overlap: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores and labels of the frames that count.

    Raises:
        DataError: there are no maps, or no masks of abnormal frames, or they do not fit the labels.
    """
    maps, masks = read_maps(video), read_masks(video)
    labels = video.labels.astype(bool)
    highest = np.fmax.reduce(np.fmax.reduce(maps, axis=1), axis=1)  # which passes over NaN
    scores = np.where(np.isnan(highest), -np.inf, highest).astype(np.float64)
    if masks is None:
        if labels.any():
            raise DataError(
                f"{labels.sum()} of {labels.size} frames are abnormal, but there are no masks",
                where=f"video {video.name!r}",
                fix="add them to the data set's folder, or leave this metric out",
            )
        return scores, labels
    kept = np.ones(labels.size, bool)
    for frame in np.flatnonzero(labels):
        inside = maps[frame][_resized(masks[frame], maps.shape[1:])]
        kept[frame] = inside.size > 0
        if inside.size:
            # 0.07 * 100 is a little above 7.
            scores[frame] = _largest(inside, max(1, int(np.ceil(overlap * inside.size - 1e-9))))
    return scores[kept], labels[kept]


def _largest(values: NDArray[np.floating[Any]], k: int) -> float:
    """The k-th largest; NaN is smallest."""
    return float(np.partition(np.where(np.isnan(values), -np.inf, values), values.size - k)[values.size - k])


def _resized(mask: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """(H, W) -> (h, w): any pixel of a cell along an axis that shrinks, the nearest along one that grows."""
    for axis, (old, new) in enumerate(zip(mask.shape, size, strict=True)):
        if new < old:
            # Pixel i lies in cell i * new // old, whose first pixel this is.
            mask = np.logical_or.reduceat(mask, -(-np.arange(new) * old // new), axis=axis)
        elif new > old:
            mask = np.take(mask, (2 * np.arange(new) + 1) * old // (2 * new), axis=axis)
    return mask
