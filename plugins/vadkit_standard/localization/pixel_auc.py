"""The pixel-level criterion of the UCSD data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from vadkit.api import DataError, Detections, ScoredVideo, VadkitError
from vadkit_standard.localization.truth import read_maps, read_masks
from vadkit_standard.metrics import CountedOnce
from vadkit_standard.ranking import Ranking

MapOf = Callable[[int, NDArray[np.bool_]], NDArray[np.floating[Any]]]


class PixelAUC(CountedOnce):
    """Pixel-level AUC (Li, Mahadevan and Vasconcelos, PAMI 2014).

    At a threshold, an abnormal frame is a true positive if at least the share `overlap` of its abnormal pixels reaches
    the threshold. A normal frame is a false positive if any pixel reaches it. The ROC is therefore that of one score
    per frame. For an abnormal frame, it is the k-th largest value of the map within the mask of n pixels, with
    k = ceil(overlap * n). For a normal frame, it is the maximum of the map. Ties count half.

    Pixels are those of the map. If the map is coarser than the mask, a map pixel is abnormal if any mask pixel in its
    cell is abnormal; if the map is finer, it uses the nearest mask pixel. The frame labels define which frames are
    abnormal; an abnormal frame with an empty mask is excluded. NaN in a map is below every threshold. Only masks count,
    not tracks. A video of normal frames needs no mask. For a method that gives boxes instead of maps, a pixel has the
    highest score of the boxes that contain it, and a pixel outside all boxes is below every threshold.

    Random maps do not get 0.5, but almost 0, because the maximum over a frame is high.

    Args:
        overlap: share of the abnormal pixels that must be found, in (0, 1].

    Example:
        >>> maps, labels = np.zeros((2, 4, 4)), np.array([False, True])
        >>> maps[1, :2] = 1.0
        >>> video = ScoredVideo("01", maps.max((1, 2)), labels, anomaly_maps=lambda: maps, masks=lambda: maps > 0.5)
        >>> PixelAUC().compute([video])
        {'pixel_auc': 1.0}
    """

    needs_anomaly_maps: ClassVar[bool] = True
    regions: ClassVar[frozenset[str]] = frozenset({"masks"})
    chance_draws: ClassVar[int] = 1

    def __init__(self, *, overlap: float = 0.4) -> None:
        if not 0 < overlap <= 1:
            raise VadkitError(f"overlap must be in (0, 1], but it is {overlap}")
        self.overlap = overlap

    def resampled(self, videos: Sequence[ScoredVideo]) -> Callable[[NDArray[np.int64]], dict[str, float]]:
        """Read the maps and sort the frames once."""
        found = [ScoredVideo(video.name, *frame_scores(video, self.overlap)) for video in videos]
        ranking = Ranking(found)

        def measure(times: NDArray[np.int64]) -> dict[str, float]:
            curve = ranking.curve(times)
            if not curve.defined:
                raise DataError(
                    f"{curve.true[-1]} frames with an abnormal pixel and {curve.false[-1]} normal frames in "
                    f"{int(times.sum())} videos, but a ROC needs both",
                    where="pixel_auc",
                    fix="check masks and labels, or remove this metric",
                )
            return {"pixel_auc": curve.auc()}

        return measure


def frame_scores(video: ScoredVideo, overlap: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return scores and labels of the frames that count."""
    masks, labels = read_masks(video), video.labels.astype(bool)
    scores, map_of = _from_maps(video) if video.detections is None else _from_boxes(video, video.detections)
    if masks is None:
        if labels.any():
            what = f"{labels.sum()} of {labels.size} frames are abnormal, but there are no masks"
            fix = "add them to the data set's folder, or remove this metric"
            raise DataError(what, where=f"video {video.name!r}", fix=fix)
        return scores, labels
    kept = np.ones(labels.size, bool)
    for frame in np.flatnonzero(labels):
        inside = map_of(int(frame), masks[frame])
        kept[frame] = inside.size > 0
        if inside.size:
            # Subtract 1e-9 because 0.07 * 100 is slightly above 7. NaN counts as smallest.
            last = inside.size - max(1, int(np.ceil(overlap * inside.size - 1e-9)))
            scores[frame] = np.partition(np.where(np.isnan(inside), -np.inf, inside), last)[last]
    return scores[kept], labels[kept]


def _from_maps(video: ScoredVideo) -> tuple[NDArray[np.float64], MapOf]:
    """The highest value of each frame (F,), and a function that gives the values of a frame's map inside a mask."""
    maps = read_maps(video)
    highest = np.fmax.reduce(np.fmax.reduce(maps, axis=1), axis=1)  # fmax ignores NaN
    scores = np.where(np.isnan(highest), -np.inf, highest).astype(np.float64)
    return scores, lambda frame, mask: maps[frame][_resized(mask, maps.shape[1:])]


def _from_boxes(video: ScoredVideo, found: Detections) -> tuple[NDArray[np.float64], MapOf]:
    """The same of boxes: a pixel has the highest score of the boxes that contain its centre."""
    scores = np.full(video.labels.size, -np.inf)
    np.maximum.at(scores, found.frames, found.scores)

    def inside(frame: int, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        drawn = np.full(mask.shape, -np.inf)
        of_frame = np.flatnonzero(found.frames == frame)
        for box in of_frame[np.argsort(found.scores[of_frame], kind="stable")]:
            x0, y0, x1, y1 = np.maximum(np.ceil(found.boxes[box] - 0.5), 0).astype(np.int64)
            drawn[y0:y1, x0:x1] = found.scores[box]
        return drawn[mask]

    return scores, inside


def _resized(mask: NDArray[np.bool_], size: tuple[int, ...]) -> NDArray[np.bool_]:
    """Resize (H, W) -> (h, w): any pixel of a cell along an axis that shrinks, the nearest along an axis that grows."""
    for axis, (old, new) in enumerate(zip(mask.shape, size, strict=True)):
        if new < old:
            # Pixel i is in cell i * new // old; these are the first pixels of the cells.
            mask = np.logical_or.reduceat(mask, -(-np.arange(new) * old // new), axis=axis)
        elif new > old:
            mask = np.take(mask, (2 * np.arange(new) + 1) * old // (2 * new), axis=axis)
    return mask
